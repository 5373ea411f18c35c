"""`/admin/postings`: credits, grants, refunds and adjustments as ledger lines; `/admin/statement` and `/admin/unpriced`."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Protocol, get_args

import msgspec

from ostiary_gateway.admin.errors import InvalidError, UnavailableError
from ostiary_gateway.admin.operations import Answer, Call, Operation, Parameter
from ostiary_gateway.admin.pages import End
from ostiary_gateway.admin.paging import PAGE, SIZE, page_of
from ostiary_gateway.admin.shapes import paged
from ostiary_gateway.admin.structural import Schema
from ostiary_gateway.admin.usage import AFTER, ORDER, SINCE, UNTIL, lines, wanted_of
from ostiary_gateway.contract.record import Posting, PostingKind
from ostiary_gateway.ledger import LedgerError

log = logging.getLogger(__name__)
KINDS: tuple[str, ...] = get_args(PostingKind)
_ACCOUNT = "^(key|budget)/[^/]+(/[^/]+)?$"
_AMOUNT = r"^-?[0-9]{1,12}(\.[0-9]{1,12})?$"
_POST_DOC = """A ledger line that no request made. A positive amount gives: it lowers what counts as spent. It goes the way of
all records and counts as soon as it is answered. Who posted it is taken from the token."""
_STATEMENT_DOC = (
    "What changed since the cursor of an earlier answer; all of it without one. For the operator, which adds up replicas."
)


class NewPosting(Protocol):
    def __call__(self, *, kind: PostingKind, account: str, amount: str, reason: str, actor: str) -> Posting:
        """Raises ValueError where it makes no sense."""
        ...


Post = Callable[[Posting], Awaitable[None]]
"""Writes a posting; it counts when this returns. Raises LedgerError where it cannot be taken now."""


class Statement(Protocol):
    def since(self, cursor: str) -> bytes:
        """JSON: `{cursor, complete, keys, budgets, unpriced, sharing}`."""
        ...

    def unpriced(self) -> Sequence[str]:
        """Models that were used without a known price."""
        ...


class Money:
    def __init__(self, new: NewPosting, post: Post, statement: Statement, folder: Path, end: Callable[[], End | None]) -> None:
        self._new = new
        self._post = post
        self._statement = statement
        self._folder = folder
        self._end = end

    def operations(self) -> tuple[Operation, ...]:
        return (self._post_operation(), self._list_operation(), self._statement_operation(), self._unpriced_operation())

    async def post(self, call: Call) -> Answer:
        body = call.body
        try:
            posting = self._new(**body, actor=call.actor)
        except ValueError as error:
            raise InvalidError(str(error)) from error
        try:
            await self._post(posting)
        except LedgerError as error:
            raise UnavailableError(str(error)) from error
        log.info("admin: %s posted by %s", posting.kind, call.actor, extra={"posting": posting.id})
        return Answer(posting)

    async def list(self, call: Call) -> Answer:
        kinds = (call.given["kind"],) if call.given["kind"] else KINDS
        return await lines(self._folder, wanted_of(call, call.given["account"] or "", kinds), self._end())

    async def statement(self, call: Call) -> Answer:
        return Answer(msgspec.Raw(self._statement.since(call.given["after"] or "")))

    async def unpriced(self, call: Call) -> Answer:
        models = [{"model": model} for model in sorted(self._statement.unpriced())]
        return Answer(page_of(models, call.given["page"], call.given["page_size"]))

    def _post_operation(self) -> Operation:
        return Operation(
            method="POST",
            path="/admin/postings",
            name="createPosting",
            tag="postings",
            summary="Give money to an account, or take it.",
            doc=_POST_DOC,
            handle=self.post,
            body="NewPosting",
            answer="Posting",
            status=HTTPStatus.CREATED,
            errors=(UnavailableError,),
        )

    def _list_operation(self) -> Operation:
        kind: Schema = {"type": "string", "enum": list(KINDS)}
        return Operation(
            method="GET",
            path="/admin/postings",
            name="listPostings",
            tag="postings",
            summary="Money that was given or taken.",
            handle=self.list,
            parameters=(
                SINCE,
                UNTIL,
                Parameter("account", "query", {"type": "string", "pattern": _ACCOUNT}, "Only of this account."),
                Parameter("kind", "query", kind, "Only of this kind."),
                ORDER,
                SIZE,
                AFTER,
            ),
            answer="PostingPage",
            errors=(UnavailableError,),
        )

    def _statement_operation(self) -> Operation:
        return Operation(
            method="GET",
            path="/admin/statement",
            name="getStatement",
            tag="usage",
            summary="What this replica counted for keys and budgets.",
            doc=_STATEMENT_DOC,
            handle=self.statement,
            parameters=(Parameter("after", "query", {"type": "string", "maxLength": 256}, "`cursor` of an earlier answer."),),
            answer="Statement",
            errors=(UnavailableError,),
        )

    def _unpriced_operation(self) -> Operation:
        return Operation(
            method="GET",
            path="/admin/unpriced",
            name="listUnpriced",
            tag="usage",
            summary="Models that were asked for and have no price.",
            handle=self.unpriced,
            parameters=(PAGE, SIZE),
            answer="UnpricedList",
            errors=(UnavailableError,),
        )


def schemas() -> dict[str, Schema]:
    text: Schema = {"type": "string", "minLength": 1, "maxLength": 500}
    fields: Schema = {
        "kind": {"type": "string", "enum": list(KINDS)},
        "account": {"type": "string", "pattern": _ACCOUNT, "maxLength": 400, "description": "key/<key id> or budget/<id>"},
        "amount": {"type": "string", "pattern": _AMOUNT, "description": "US dollars; positive gives."},
        "reason": text,
    }
    posting = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    unpriced = {"type": "object", "properties": {"model": {"type": "string"}}, "required": ["model"]}
    return {"NewPosting": posting, "UnpricedList": paged(unpriced), "Statement": {"type": "object", "required": ["cursor"]}}
