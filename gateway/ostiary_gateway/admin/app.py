"""The admin API as a web application: who may, is it as declared, do it, say it in JSON."""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from ostiary_gateway.admin import crud, kinds, money, openapi, shapes, structural, usage
from ostiary_gateway.admin.auth import Gate
from ostiary_gateway.admin.errors import (
    AdminError,
    InvalidError,
    MediaTypeError,
    MethodError,
    MissingError,
    RequestError,
    TooLargeError,
)
from ostiary_gateway.admin.keys import Keys
from ostiary_gateway.admin.operations import JSON, Answer, Call, Operation, Parameter
from ostiary_gateway.admin.resources import Resources
from ostiary_gateway.admin.structural import Schema

MOST_BYTES = 1024 * 1024
_ACTOR = web.RequestKey("actor", str)
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NO_STORE = {"Cache-Control": "no-store"}

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(gate: Gate, resources: Resources, home: str, used: usage.Usage, spent: money.Money) -> web.Application:
    """Everything under /admin. `home` is the namespace of objects that are created without one."""
    cruds = (Keys(resources, home), *(crud.Crud(kind, resources, home) for kind in kinds.KINDS if kind is not kinds.KEY))
    operations = [*(each for one in cruds for each in one.operations()), *used.operations(), *spent.operations()]
    schemas = {**shapes.schemas(), **usage.schemas(), **money.schemas(), "OpenAPI": {"type": "object"}}
    operations.append(_document_operation(operations, schemas))
    app = web.Application(client_max_size=MOST_BYTES, middlewares=[_middleware(gate)])
    for operation in operations:
        app.router.add_route(operation.method, operation.path, _Endpoint(operation, schemas).answer)
    return app


def _document_operation(operations: Iterable[Operation], schemas: Mapping[str, Schema]) -> Operation:
    """The document has itself in it."""

    async def show(_: Call) -> Answer:
        return Answer(document)

    own = Operation(
        method="GET",
        path="/admin/openapi.json",
        name="getOpenAPI",
        tag="openapi",
        summary="This document.",
        handle=show,
        answer="OpenAPI",
    )
    document = msgspec.Raw(json.dumps(openapi.document([*operations, own], schemas)).encode())
    return own


class _Endpoint:
    """Makes a call of a request, and a response of the answer."""

    def __init__(self, operation: Operation, schemas: Mapping[str, Schema]) -> None:
        self._operation = operation
        self._parameters = [(each, structural.validator(each.schema)) for each in operation.parameters]
        self._known = {each.name for each in operation.parameters if each.where == "query"}
        root = {"$ref": f"#/components/schemas/{operation.body}", "components": {"schemas": schemas}}
        self._body = structural.validator(root) if operation.body else None

    async def answer(self, request: web.Request) -> web.Response:
        call = Call(actor=request[_ACTOR], given=self._given(request), body=await self._read(request))
        answer = await self._operation.handle(call)
        headers = {**_NO_STORE, **answer.headers}
        if not self._operation.answer:
            return web.Response(status=self._operation.status, headers=headers)
        return _response(self._operation.status, answer.body, headers)

    def _given(self, request: web.Request) -> dict[str, Any]:
        unknown = request.query.keys() - self._known
        if unknown or len(request.query) > len(set(request.query)):
            raise RequestError("unknown query parameter" if unknown else "a query parameter is given twice")
        given: dict[str, Any] = {}
        for parameter, checked in self._parameters:
            value = _value(request, parameter)
            wrong = [] if value is None else structural.problems(checked, value, parameter.name)
            if wrong:
                raise RequestError(wrong[0])
            given[parameter.name] = parameter.default if value is None else value
        return given

    async def _read(self, request: web.Request) -> dict[str, Any]:
        if self._body is None:
            return {}
        if request.content_type != JSON:
            raise MediaTypeError(f"Content-Type: must be {JSON}")
        try:
            body = msgspec.json.decode(await request.read())
        except web.HTTPRequestEntityTooLarge as error:
            raise TooLargeError(f"the body is longer than {MOST_BYTES} bytes") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RequestError("the body is no JSON") from error
        wrong = structural.problems(self._body, body)
        if wrong:
            raise InvalidError("; ".join(wrong[:5]))
        checked: dict[str, Any] = body
        return checked


def _value(request: web.Request, parameter: Parameter) -> Any:
    source: Mapping[str, str] = {"path": request.match_info, "query": request.query, "header": request.headers}[parameter.where]
    text = source.get(parameter.name)
    if text is not None and parameter.schema.get("type") == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    return text


def _middleware(gate: Gate) -> Any:
    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Nothing is told to who has no token, not even what there is; every failure has the one shape."""
        try:
            request[_ACTOR] = await gate.actor(request.headers.get("Authorization", ""), request.method, request.path)
            return await handler(request)
        except AdminError as error:
            return _failure(error)
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            return _failure(MethodError("the path knows other methods", headers={"Allow": allowed}))
        except web.HTTPNotFound:
            return _failure(MissingError("there is nothing at this path"))
        except web.HTTPException as error:
            return _failure(RequestError(error.reason or "bad request"))
        except Exception:
            log.exception("admin: %s failed", request.method)
            return _failure(AdminError("this is a defect of the gateway; its log has more"))

    return guarded


def _failure(error: AdminError) -> web.Response:
    return _response(error.status, error.body(), {**_NO_STORE, **error.headers})


def _response(status: int, body: Any, headers: Mapping[str, str]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=JSON, headers=headers)
