"""Reading what a gateway charged, from wherever it keeps it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Protocol

import aiohttp

_LEDGER, _ADMIN, _LITELLM, _COMMAND = "ostiary-ledger", "ostiary-admin", "litellm", "command"
KINDS = (f"{_LEDGER}:DIR", f"{_ADMIN}:URL", f"{_LITELLM}:URL", f"{_COMMAND}:CMD")


class MeterError(Exception):
    """What was charged cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was charged for one request. Input counts what a cache held. A cost of None: this meter does not tell it."""

    input: int
    output: int
    cost: Decimal | None


class Meter(Protocol):
    """`read` gets the ids by which the gateway may know a request, and is asked again while it answers None."""

    async def read(self, ids: Sequence[str]) -> Reading | None: ...


def build(spec: str, session: aiohttp.ClientSession, token: str = "") -> Meter:
    """The meter that a user named.

    Args:
        spec: one of `KINDS`; several folders or URLs are separated by commas (replicas).
        session: for meters that ask over HTTP.
        token: what they show as Bearer.

    Raises:
        MeterError: there is no such kind.
    """
    kind, _, rest = spec.partition(":")
    if not rest:
        raise MeterError(f"{spec}: must be one of {', '.join(KINDS)}")
    match kind:
        case "ostiary-ledger":
            return Ledger([Path(folder) for folder in rest.split(",")])
        case "ostiary-admin":
            return Admin(session, rest.split(","), token)
        case "litellm":
            return LiteLlm(session, rest.rstrip("/"), token)
        case "command":
            return Command(rest)
        case _:
            raise MeterError(f"{kind}: must be one of {', '.join(KINDS)}")


class Ledger:
    """Ostiary's ledger files: the folder `ledger` of its data, or of each replica. What was added is read once."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._read: dict[Path, int] = {}
        self._records: dict[str, dict[str, dict[str, Any]]] = {}

    async def read(self, ids: Sequence[str]) -> Reading | None:
        self._refresh()
        found = {name: record for each in ids for name, record in self._records.get(each, {}).items()}
        return added(found.values()) if found else None

    def _refresh(self) -> None:
        try:
            for path in (path for folder in self._folders for path in sorted(folder.glob("usage-*.jsonl"))):
                with path.open("rb") as file:
                    file.seek(self._read.get(path, 0))
                    data = file.read()
                whole = data[: data.rfind(b"\n") + 1]
                self._read[path] = self._read.get(path, 0) + len(whole)
                for record in map(json.loads, whole.splitlines()):
                    if record.get("kind", "request") == "request":
                        self._records.setdefault(record["request_id"], {})[record["id"]] = record
        except (OSError, ValueError, KeyError) as error:
            raise MeterError(f"ledger: {error}") from error


class Admin:
    """Ostiary's admin API, of one replica or of each."""

    def __init__(self, session: aiohttp.ClientSession, urls: Sequence[str], token: str) -> None:
        self._session, self._token = session, token
        self._urls = [url.rstrip("/") for url in urls]

    async def read(self, ids: Sequence[str]) -> Reading | None:
        found: dict[str, dict[str, Any]] = {}
        for url in self._urls:
            answer = await _get(self._session, f"{url}/admin/usage/records", {"request_id": ids[0]}, self._token)
            found |= {record["id"]: record for record in answer["items"]}
        return added(found.values()) if found else None


class LiteLlm:
    """A LiteLLM proxy. It knows a request by its own call id, or by the id in the answer, as its version is."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session, self._url, self._token = session, url, token

    async def read(self, ids: Sequence[str]) -> Reading | None:
        for each in ids:
            rows = await _get(self._session, f"{self._url}/spend/logs", {"request_id": each}, self._token)
            if rows and isinstance(rows, list):
                return Reading(
                    input=sum(int(row.get("prompt_tokens") or 0) for row in rows),
                    output=sum(int(row.get("completion_tokens") or 0) for row in rows),
                    cost=sum((Decimal(str(row.get("spend") or 0)) for row in rows), Decimal(0)),
                )
        return None


class Command:
    """A program that gets the ids as arguments and prints `{"input_tokens","output_tokens","cost"}`, or nothing yet."""

    def __init__(self, command: str) -> None:
        self._command = command

    async def read(self, ids: Sequence[str]) -> Reading | None:
        program = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", f'{self._command} "$@"', "meter", *ids, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await program.communicate()
        if program.returncode:
            raise MeterError(f"{self._command}: ended with {program.returncode}")
        if not out.strip():
            return None
        try:
            told = json.loads(out)
            cost = told.get("cost")
            return Reading(
                input=int(told["input_tokens"]),
                output=int(told["output_tokens"]),
                cost=None if cost is None else Decimal(str(cost)),
            )
        except (ValueError, KeyError, TypeError, InvalidOperation) as error:
            raise MeterError(f"{self._command}: printed no {{input_tokens, output_tokens, cost}}: {error!r}") from error


def added(records: "Sequence[Mapping[str, Any]] | Any") -> Reading:
    """What Ostiary's records of one request add up to. A duplicate is in the ledger, but charged to nobody."""
    charged = [record for record in records if not record.get("duplicate_of")]
    return Reading(
        input=sum(_tokens(record, "input_tokens") for record in charged),
        output=sum(_tokens(record, "output_tokens") for record in charged),
        cost=sum((Decimal(record.get("charged") or 0) for record in charged), Decimal(0)),
    )


def _tokens(record: Mapping[str, Any], name: str) -> int:
    """0 where nothing is known."""
    return int((record.get("usage") or {}).get(name) or 0)


async def _get(session: aiohttp.ClientSession, url: str, query: Mapping[str, str], token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with session.get(url, params=query, headers=headers) as answer:
            if answer.status == 404:  # noqa: PLR2004 - it does not know the request yet
                return {"items": []}
            answer.raise_for_status()
            return await answer.json(content_type=None)
    except (aiohttp.ClientError, ValueError) as error:
        raise MeterError(f"{url}: {error}") from error
