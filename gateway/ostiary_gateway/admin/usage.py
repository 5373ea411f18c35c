"""`/admin/usage`: who used what, from the summary; `/admin/usage/records`: the ledger's own lines."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ostiary_gateway.admin import pages, shapes
from ostiary_gateway.admin.errors import RequestError, UnavailableError
from ostiary_gateway.admin.operations import Answer, Call, Operation, Parameter
from ostiary_gateway.admin.pages import End, PageError, Wanted
from ostiary_gateway.admin.paging import LARGEST, PAGE, SIZE
from ostiary_gateway.admin.structural import Schema
from ostiary_gateway.contract.record import Posting, Record
from ostiary_gateway.summaries import Page, Query, QueryError, SummaryError, moment

_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 512}
_TIME: Schema = {"type": "string", "minLength": 1, "maxLength": 40}
SINCE = Parameter("since", "query", _TIME, "A date or time in UTC (2026-11-21, 2026-11-21T10:00:00Z), or how long ago (24h, 7d).")
UNTIL = Parameter("until", "query", _TIME, "The same; what ended from then on is left out.")
ORDER = Parameter("order", "query", {"type": "string", "enum": ["newest", "oldest"]}, "Which lines come first.", "newest")
AFTER = Parameter("after", "query", {"type": "string", "maxLength": 64}, "`next` of the page before.")
_FILTERS = ("key", "model", "provider", "owner", "namespace", "surface")
_BY = "key, model, provider, owner, namespace, surface, hour, day, month or label:<name>; several with commas between."
_ORDERS = {"type": "string", "enum": ["tokens", "cost", "requests", "name"]}
_REPLICA_DOC = "Of this replica; of all where they share a summary database (OSTIARY_SUMMARY_URL)."
_RECORDS_DOC = """Of this replica's ledger. A page ends when it is full, or when 16 MiB were read; it may then be empty, and
`next` says where to go on. With `until`, files of later days than the next are not looked into."""


class Summary(Protocol):
    def query(self, query: Query) -> Page: ...


class Usage:
    """`folder` is the ledger's, `end` tells its committed end."""

    def __init__(self, summary: Summary, folder: Path, end: Callable[[], End | None]) -> None:
        self._summary = summary
        self._folder = folder
        self._end = end

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                method="GET",
                path="/admin/usage",
                name="getUsage",
                tag="usage",
                summary="Who used what, added up.",
                doc=_REPLICA_DOC,
                handle=self.summarise,
                parameters=(
                    SINCE,
                    UNTIL,
                    Parameter("by", "query", _TEXT, _BY, "key"),
                    *(Parameter(name, "query", _TEXT, f"Only of this {name}.") for name in _FILTERS),
                    Parameter("label", "query", _TEXT, "Only of keys with this label: name=value."),
                    Parameter("order", "query", _ORDERS, "The largest first, or by name."),
                    PAGE,
                    SIZE,
                ),
                answer="UsagePage",
                errors=(UnavailableError,),
            ),
            Operation(
                method="GET",
                path="/admin/usage/records",
                name="listRecords",
                tag="usage",
                summary="Requests as the ledger has them.",
                doc=_RECORDS_DOC,
                handle=self.records,
                parameters=(
                    SINCE,
                    UNTIL,
                    Parameter("key", "query", _TEXT, "Only of this key (its id)."),
                    Parameter("request_id", "query", _TEXT, "Only of this x-request-id, or with this id in the ledger."),
                    ORDER,
                    SIZE,
                    AFTER,
                ),
                answer="RecordPage",
                errors=(UnavailableError,),
            ),
        )

    async def summarise(self, call: Call) -> Answer:
        given = call.given
        where = {name: given[name] for name in _FILTERS if given[name]}
        if given["label"]:
            name, equals, value = given["label"].partition("=")
            if not equals:
                raise RequestError("label: must be name=value")
            where[f"label:{name}"] = value
        query = Query(
            since=time_of(call, "since"),
            until=time_of(call, "until"),
            by=tuple(given["by"].split(",")),
            where=where,
            order=given["order"],
            page=given["page"],
            page_size=given["page_size"],
        )
        try:
            return Answer(await asyncio.to_thread(self._summary.query, query))
        except QueryError as error:
            raise RequestError(str(error)) from error
        except SummaryError as error:
            raise UnavailableError(str(error)) from error

    async def records(self, call: Call) -> Answer:
        wanted = Wanted(**_common(call), key=call.given["key"] or "", request_id=call.given["request_id"] or "")
        return await lines(self._folder, wanted, self._end())


async def lines(folder: Path, wanted: Wanted, end: End | None) -> Answer:
    """One page of the ledger as `{items, next, page_size}`."""
    try:
        found = await asyncio.to_thread(pages.read, folder, wanted, end)
    except PageError as error:
        raise RequestError(f"after: {error}") from error
    except OSError as error:
        raise UnavailableError(f"the ledger cannot be read: {error.strerror or type(error).__name__}") from error
    return Answer({"items": [msgspec.Raw(line) for line in found.lines], "next": found.next or None, "page_size": wanted.size})


def wanted_of(call: Call, account: str, kinds: tuple[str, ...]) -> Wanted:
    """Lines of some kinds."""
    return Wanted(**_common(call), key=account, kinds=kinds)


def time_of(call: Call, name: str) -> str:
    """A moment as records have it; empty where none is given.

    Raises:
        RequestError: it is none.
    """
    try:
        return moment(call.given[name]) if call.given[name] else ""
    except ValueError as error:
        raise RequestError(f"{name}: {error}") from error


def schemas() -> dict[str, Schema]:
    """Of everything here and of postings, from the types that the ledger is written with."""
    types: list[Any] = [Page, Record, Posting]
    _, found = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    found = {name: {**schema, "title": name} for name, schema in found.items()}
    return {
        **{("UsagePage" if name == "Page" else name): schema for name, schema in found.items()},
        "RecordPage": page_of_lines("Record"),
        "PostingPage": page_of_lines("Posting"),
    }


def page_of_lines(item: str) -> Schema:
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": shapes.reference(item)},
            "next": {"type": ["string", "null"], "description": "`after` of the next page; null: this is the last one."},
            "page_size": {"type": "integer", "minimum": 1, "maximum": LARGEST},
        },
        "required": ["items", "next", "page_size"],
        "additionalProperties": False,
    }


def _common(call: Call) -> dict[str, Any]:
    return {
        "size": call.given["page_size"],
        "since": time_of(call, "since"),
        "until": time_of(call, "until"),
        "order": call.given["order"],
        "after": call.given["after"] or "",
    }
