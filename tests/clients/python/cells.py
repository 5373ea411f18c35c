"""What every Python client of the matrix is asked to do, and what has to come of it.

A client is a class with one method for each way to use its library; it tells what its user sees, and the checks are here, the
same for all. The order comes as JSON on standard input; one line of JSON a cell goes to standard output:
`{client, provider, case, ok, problem}`.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

SYSTEM = "Be brief."
_AT_ONCE = 6
_SECONDS = 40


class Dish(BaseModel):
    """A dish of the menu."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    course: Literal["starter", "main", "dessert"]
    minutes: int
    vegetarian: bool
    steps: list[str]


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Order:
    """`models` are names by purpose: echo, tools, slow, and a status for the errors. `result` is what each tool answers."""

    base_url: str
    key: str
    text: str
    image: str  # base64 of a PNG
    tools: tuple[Tool, ...]
    result: str


@dataclass(frozen=True)
class Said:
    """What a user got: the text, in how many pieces, and the tokens (in, out) if the library tells them."""

    text: str
    tokens: tuple[int | None, int | None] | None
    pieces: int = 1


@dataclass(frozen=True)
class Worked:
    """A turn with tools: what was called with which arguments, and the answer after the results."""

    calls: list[tuple[str, dict[str, Any]]]
    answer: Said


@dataclass(frozen=True)
class Refused:
    kind: str
    status: int | None
    message: str


class Client(Protocol):
    """`refusals`: by the provider's status, the one that the user is told and the class of the library's error.

    Each of these but 400 and 429, which are the case `error`, is a case of its own: `error-<status>`.
    """

    name: str
    refusals: Mapping[int, tuple[int, str]]
    broken: Collection[str]  # the library's errors where the provider breaks off a stream with one; empty: nobody says

    def others(self) -> Mapping[str, Callable[[Any], Awaitable[None]]]:
        """Cases of its own, by name: each is given the target and raises what is wrong."""

    async def say(self, model: str, text: str) -> Said: ...
    async def stream(self, model: str, text: str) -> Said: ...
    async def work(self, model: str, tools: Sequence[Tool]) -> Worked: ...
    async def stream_work(self, model: str, tools: Sequence[Tool]) -> Worked: ...
    async def look(self, model: str, image: str) -> Said: ...
    async def shape(self, model: str) -> object: ...
    async def leave(self, model: str) -> int:
        """Hang up after the first pieces of a stream, and tell how many came."""

    def refused(self, error: Exception) -> Refused: ...


def status_of(error: Any) -> Refused:
    """Of the libraries whose errors carry `status_code` and say the whole message."""
    return Refused(type(error).__name__, getattr(error, "status_code", None), str(error))


def run(*clients: Callable[[Order], Client]) -> None:
    """Everything that standard input asks for, some cells at a time."""
    asyncio.run(_run(clients, json.load(sys.stdin)))


async def _run(clients: Sequence[Callable[[Order], Client]], asked: dict[str, Any]) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)
    cells = []
    for make in clients:
        key = asked["keys"][make.name]  # type: ignore[attr-defined]
        tools = tuple(Tool(**tool) for tool in asked["tools"])
        client = make(Order(asked["base_url"], key, asked["text"], asked["image"], tools, asked["result"]))
        check = Check(client, asked, tools)
        cases = [case for case in check.cases if case in asked["cases"]]
        cells += [_cell(slots, check, target, case) for target in asked["targets"] for case in cases if _is_there(case, target)]
    await asyncio.gather(*cells)


def _is_there(case: str, target: dict[str, Any]) -> bool:
    """Not every provider knows every status."""
    return not case.startswith("error-") or case.removeprefix("error-") in target["models"]


async def _cell(slots: asyncio.Semaphore, check: "Check", target: dict[str, Any], case: str) -> None:
    async with slots:
        problem = ""
        try:
            async with asyncio.timeout(_SECONDS):
                await check.cases[case](target if case in check.others else target["models"])
        except Exception as error:  # noqa: BLE001 - whatever the library raises is what this cell has to tell
            problem = f"{type(error).__name__}: {error}"[:600] or type(error).__name__
    said = {"client": check.client.name, "provider": target["provider"], "case": case, "ok": not problem, "problem": problem}
    print(json.dumps(said), flush=True)


class Check:
    """One method a case; each raises what is wrong."""

    def __init__(self, client: Client, asked: dict[str, Any], tools: tuple[Tool, ...]) -> None:
        self.client, self._asked, self._tools = client, asked, tools
        self.others = client.others()
        self.cases: dict[str, Callable[[Any], Awaitable[None]]] = {
            "plain": self.plain, "stream": self.stream, "tools": self.tools, "stream+tools": self.stream_tools,
            "image": self.image, "schema": self.schema, "error": self.error, "abort": self.abort,
            **({"fault": self.fault} if client.broken else {}),
            **{f"error-{status}": partial(self._error, status) for status in client.refusals if status not in (400, 429)},
            **self.others,
        }  # fmt: skip

    async def plain(self, models: dict[str, str]) -> None:
        self._echoed(await self.client.say(models["echo"], self._asked["text"]))

    async def stream(self, models: dict[str, str]) -> None:
        said = await self.client.stream(models["echo"], self._asked["text"])
        self._echoed(said)
        assert said.pieces > 1, f"{said.pieces} piece"

    async def tools(self, models: dict[str, str]) -> None:
        self._worked(await self.client.work(models["tools"], self._tools[:1]), self._tools[:1])

    async def stream_tools(self, models: dict[str, str]) -> None:
        worked = await self.client.stream_work(models["tools"], self._tools)
        self._worked(worked, self._tools)
        assert worked.answer.pieces > 1, f"{worked.answer.pieces} piece"

    async def image(self, models: dict[str, str]) -> None:
        said = await self.client.look(models["tools"], self._asked["image"])
        for word in self._asked["seen"]:
            assert word in said.text, f"{word} is not in {said.text!r}"

    async def schema(self, models: dict[str, str]) -> None:
        made = await self.client.shape(models["tools"])
        dish = made if isinstance(made, Dish) else Dish.model_validate(made)
        assert dish.name, dish
        assert dish.steps, dish

    async def error(self, models: dict[str, str]) -> None:
        for status in (429, 400):
            await self._error(status, models)

    async def _error(self, status: int, models: dict[str, str]) -> None:
        told = await self._refusal(models[str(status)])
        assert (told.status, told.kind) == self.client.refusals[status], told
        assert f"scripted status {status}" in told.message, told

    async def fault(self, models: dict[str, str]) -> None:
        try:
            said = await self.client.stream(models["fault"], self._asked["text"])
        except Exception as error:  # noqa: BLE001 - its class is what is looked at
            told = self.client.refused(error)
            assert told.kind in self.client.broken, told
            assert models["fault said"] in told.message, told
            return
        raise AssertionError(f"an answer instead of an error: {said}")

    async def abort(self, models: dict[str, str]) -> None:
        pieces = await self.client.leave(models["slow"])
        assert 0 < pieces < 50, f"{pieces} pieces"

    async def _refusal(self, model: str) -> Refused:
        try:
            said = await self.client.say(model, "hello")
        except Exception as error:  # noqa: BLE001 - its class is what is looked at
            return self.client.refused(error)
        raise AssertionError(f"an answer instead of an error: {said}")

    def _echoed(self, said: Said) -> None:
        wanted = self._asked["text"]
        assert said.text == wanted, f"{said.text!r} is not {wanted!r}"
        assert said.tokens in (None, (11, len(wanted.split(" ")))), f"tokens {said.tokens}"

    def _worked(self, worked: Worked, tools: Sequence[Tool]) -> None:
        wanted = [(tool.name, self._asked["arguments"][tool.name]) for tool in tools]
        assert worked.calls == wanted, f"{worked.calls} is not {wanted}"
        assert self._asked["result"] in worked.answer.text, worked.answer
