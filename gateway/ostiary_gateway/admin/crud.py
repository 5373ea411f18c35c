"""Endpoints of the custom resources: list, show, create, replace, delete, the same for every kind."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ostiary_gateway.admin import kinds, shapes
from ostiary_gateway.admin.errors import ChangedError, ConflictError, InvalidError, MissingError, UnavailableError
from ostiary_gateway.admin.kinds import Kind
from ostiary_gateway.admin.operations import Answer, Call, Handler, Method, Operation, Parameter
from ostiary_gateway.admin.paging import PAGE, SIZE, page_of
from ostiary_gateway.admin.resources import Object, Ref, Resources, ref_of, version_of
from ostiary_gateway.admin.rules import broken

_TRIES = 5
_ETAG = {"ETag": "The object's version."}
NAMESPACE = Parameter("namespace", "path", {"type": "string", "pattern": kinds.NAMESPACE}, "The object's namespace.")
NAME = Parameter("name", "path", {"type": "string", "pattern": kinds.OBJECT_NAME}, "The object's name.")
IF_MATCH = Parameter(
    "If-Match", "header", {"type": "string", "maxLength": 256}, "The ETag that it must have; 412 where it has another by now."
)
_ONLY_IN = Parameter("namespace", "query", {"type": "string", "pattern": kinds.NAMESPACE}, "Only those of this namespace.")

log = logging.getLogger(__name__)


class Crud:
    """`home` is the namespace of what is created without one."""

    def __init__(self, kind: Kind, resources: Resources, home: str) -> None:
        self.kind = kind
        self.resources = resources
        self._home = home

    def operations(self) -> tuple[Operation, ...]:
        return (self._list_operation(), self._create_operation(), *self._one_operations())

    async def list(self, call: Call) -> Answer:
        found = await self.resources.list(self.kind, call.given["namespace"] or "")
        page = page_of(sorted(found, key=ref_of), call.given["page"], call.given["page_size"])
        return Answer(page | {"items": [shapes.shown(obj) for obj in page["items"]]})

    async def get(self, call: Call) -> Answer:
        return answer(await self.resources.get(self.kind, given_ref(call)))

    async def create(self, call: Call) -> Answer:
        return self.created(await self.add(call, call.body["name"], call.body))

    async def replace(self, call: Call) -> Answer:
        return answer(await self.change(call, lambda obj: self.checked(shapes.with_change(obj, call.body))))

    async def delete(self, call: Call) -> Answer:
        ref = given_ref(call)
        obj = self._matching(call, await self.resources.get(self.kind, ref))
        version = version_of(obj) if call.given["If-Match"] else ""
        try:
            await self.resources.delete(self.kind, ref, version)
        except ConflictError as error:
            raise self._changed(call, error) from error
        self._note(call, "deleted", ref)
        return Answer()

    async def add(self, call: Call, name: str, body: Object) -> Object:
        """Create an object; returns it."""
        ref = Ref(body.get("namespace") or self._home, name)
        obj = await self.resources.create(self.kind, self.checked(shapes.manifest(self.kind, ref, body)))
        self._note(call, "created", ref)
        return obj

    async def change(self, call: Call, changed: Callable[[Object], Object]) -> Object:
        """Replace an object by what `changed` makes of it; again if somebody else was faster, unless If-Match forbids.

        Raises:
            ChangedError: it is not what If-Match says.
        """
        ref = given_ref(call)
        for tries_left in reversed(range(_TRIES)):
            obj = self._matching(call, await self.resources.get(self.kind, ref))
            try:
                made = await self.resources.replace(self.kind, changed(obj))
            except ConflictError as error:
                if error.code != "changed" or call.given["If-Match"] or not tries_left:
                    raise self._changed(call, error) from error
                continue
            self._note(call, "changed", ref)
            return made
        raise AssertionError("the last try returns or raises")

    def checked(self, obj: Object) -> Object:
        """An object that somebody wrote, itself.

        Raises:
            InvalidError: its fields do not go together.
        """
        wrong = next(broken(self.kind.structural, obj), "")
        if wrong:
            raise InvalidError(wrong)
        return obj

    def created(self, obj: Object, **more: object) -> Answer:
        place = {"Location": f"/admin/{self.kind.path}/{ref_of(obj).id}"}
        made = answer(obj, **more)
        return Answer(made.body, {**made.headers, **place})

    def _matching(self, call: Call, obj: Object) -> Object:
        wanted = [tag.strip().removeprefix("W/").strip('"') for tag in (call.given["If-Match"] or "*").split(",")]
        if "*" not in wanted and version_of(obj) not in wanted:
            raise ChangedError(f"{self.kind.one} {ref_of(obj).id} was changed by somebody else")
        return obj

    def _changed(self, call: Call, error: ConflictError) -> Exception:
        if call.given["If-Match"] and error.code == "changed":
            return ChangedError(error.message)
        return error

    def _note(self, call: Call, done: str, ref: Ref) -> None:
        log.info("admin: %s %s by %s", self.kind.one, done, call.actor, extra={"object": ref.id})

    def _list_operation(self) -> Operation:
        kind = self.kind
        return Operation(
            method="GET",
            path=f"/admin/{kind.path}",
            name=f"list{kind.name}s",
            tag=kind.path,
            summary=f"All {kind.path}, in order of namespace and name.",
            handle=self.list,
            parameters=(_ONLY_IN, PAGE, SIZE),
            answer=shapes.list_name(kind),
            errors=(UnavailableError,),
        )

    def _create_operation(self) -> Operation:
        kind = self.kind
        return Operation(
            method="POST",
            path=f"/admin/{kind.path}",
            name=f"create{kind.name}",
            tag=kind.path,
            summary=f"A new {kind.one}.",
            handle=self.create,
            body=shapes.new_name(kind),
            answer=kind.name,
            status=HTTPStatus.CREATED,
            headers={**_ETAG, "Location": "Where it is."},
            errors=(ConflictError, InvalidError, UnavailableError),
        )

    def _one_operations(self) -> tuple[Operation, ...]:
        get = self.one("GET", self.get, f"One {self.kind.one}.")
        replace = self.one(
            "PUT", self.replace, f"Other fields for a {self.kind.one}.", body=shapes.change_name(self.kind), errors=_CHANGING
        )
        return (get, replace, self.delete_operation())

    def delete_operation(self) -> Operation:
        return self.one(
            "DELETE", self.delete, f"No such {self.kind.one} any more.", answer="", status=HTTPStatus.NO_CONTENT, errors=_CHANGING
        )

    def one(self, method: Method, handle: Handler, summary: str, *, after: str = "", **more: Any) -> Operation:
        """An operation on one object; `after` follows its name in the path."""
        kind = self.kind
        changing = (IF_MATCH,) if method != "GET" else ()
        verb = after or {"GET": "get", "PUT": "replace", "DELETE": "delete"}[method]
        wanted: dict[str, Any] = {"answer": kind.name, "errors": (), "doc": ""} | more
        return Operation(
            method=method,
            path=f"/admin/{kind.path}/{{namespace}}/{{name}}{'/' if after else ''}{after}",
            name=f"{verb}{kind.name}",
            tag=kind.path,
            summary=summary,
            handle=handle,
            parameters=(NAMESPACE, NAME, *changing),
            headers=_ETAG if wanted["answer"] else {},
            **wanted | {"errors": (MissingError, *wanted["errors"], UnavailableError)},
        )


_CHANGING = (ConflictError, ChangedError)


def given_ref(call: Call) -> Ref:
    return Ref(call.given["namespace"], call.given["name"])


def answer(obj: Object, **more: object) -> Answer:
    """An object, with its version as ETag."""
    return Answer(shapes.shown(obj) | more, {"ETag": f'"{version_of(obj)}"'})
