"""An endpoint of the admin API: one declaration for routing, for checking requests, and for the OpenAPI document."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from ostiary_gateway.admin.errors import AdminError, InvalidError, MediaTypeError, RequestError, TooLargeError
from ostiary_gateway.admin.structural import Schema

Method = Literal["GET", "POST", "PUT", "DELETE"]
Where = Literal["path", "query", "header"]
JSON = "application/json"
ALWAYS: tuple[type[AdminError], ...] = (RequestError,)
WITH_BODY: tuple[type[AdminError], ...] = (MediaTypeError, TooLargeError, InvalidError)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of the path, a query parameter or a header; `schema` is of its value, which is a text unless it says integer."""

    name: str
    where: Where
    schema: Schema
    doc: str
    default: str | int | None = None

    @property
    def required(self) -> bool:
        return self.where == "path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that is as its operation says."""

    actor: str
    given: Mapping[str, Any]  # parameters by name; None or the default where one was left out
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON as bytes, or what becomes JSON."""

    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`answer` and `body` are names of schemas in the document; `errors` are beside those that every operation has."""

    method: Method
    path: str
    name: str
    tag: str
    summary: str
    handle: Handler
    doc: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: str = ""
    answer: str = ""
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)  # of the answer: what each one is
    errors: tuple[type[AdminError], ...] = ()

    @property
    def all_errors(self) -> tuple[type[AdminError], ...]:
        return (*ALWAYS, *(WITH_BODY if self.body else ()), *self.errors)
