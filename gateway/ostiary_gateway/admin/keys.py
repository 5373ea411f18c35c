"""Keys: made here and told once, replaced by new ones, and switched off instead of deleted (TP-24)."""

import hashlib
import secrets
from dataclasses import replace
from http import HTTPStatus

from ostiary_gateway.admin import shapes
from ostiary_gateway.admin.crud import Crud, answer
from ostiary_gateway.admin.errors import ChangedError, ConflictError
from ostiary_gateway.admin.kinds import KEY
from ostiary_gateway.admin.operations import Answer, Call, Operation
from ostiary_gateway.admin.resources import Object, Resources

ROTATE = "ostiary.dev/rotate"
_ORIGINS = ("generate", "secretRef", "sha256")
_DEFAULT_OVERLAP_SECONDS = 86400
_REGENERATE = """A key that is known by its hash, or that nobody makes values for (one machine), gets a new value at once: the
answer has it, and the old one is refused from then on. A key that the operator generates is rotated by it, with the overlap of
`spec.rotation`; the new value is then in its Secret. A key from a Secret of yours is replaced there."""


class Keys(Crud):
    def __init__(self, resources: Resources, home: str) -> None:
        super().__init__(KEY, resources, home)

    def operations(self) -> tuple[Operation, ...]:
        regenerate = self.one(
            "POST",
            self.regenerate,
            "A new value for a key.",
            after="regenerate",
            answer="RegeneratedApiKey",
            doc=_REGENERATE,
            errors=(ConflictError, ChangedError),
        )
        return (*super().operations(), regenerate)

    async def create(self, call: Call) -> Answer:
        """Where no field says where the key comes from, it is made here: the answer has it, the object its SHA-256."""
        spec = dict(call.body.get("spec", {}))
        made = {} if _origins(spec) else {"key": new_key()}
        if made:
            spec["sha256"] = _hash(made["key"])
        name = call.body.get("name") or f"key-{secrets.token_hex(4)}"
        return self.created(await self.add(call, name, call.body | {"spec": spec}), **made)

    async def replace(self, call: Call) -> Answer:
        """Where no field says where the key comes from, it stays."""
        spec = call.body["spec"]

        def changed(obj: Object) -> Object:
            kept = {} if _origins(spec) else _origins(shapes.spec_of(obj))
            return self.checked(shapes.with_change(obj, call.body | {"spec": spec | kept}))

        return answer(await self.change(call, changed))

    async def delete(self, call: Call) -> Answer:
        """The key is refused, and stays known: the ledger speaks of it."""
        disabled = await self.change(call, lambda obj: obj | {"spec": shapes.spec_of(obj) | {"disabled": True}})
        return answer(disabled)

    async def regenerate(self, call: Call) -> Answer:
        """A new value; by the operator where it makes the values, else here and at once."""
        key, overlap = new_key(), 0

        def changed(obj: Object) -> Object:
            nonlocal overlap
            spec = shapes.spec_of(obj)
            if "secretRef" in spec:
                raise ConflictError("the key is in a Secret of yours: change it there", "key_elsewhere")
            if "generate" in spec and self.resources.rotates:
                overlap = (spec.get("rotation") or {}).get("overlapSeconds", _DEFAULT_OVERLAP_SECONDS)
                notes = (obj["metadata"].get("annotations") or {}) | {ROTATE: secrets.token_hex(8)}
                return obj | {"metadata": obj["metadata"] | {"annotations": notes}}
            kept = {name: value for name, value in spec.items() if name != "generate"}
            if "generate" in spec:
                kept.pop("rotation", None)
            return obj | {"spec": kept | {"sha256": _hash(key)}}

        obj = await self.change(call, changed)
        told = {} if "generate" in shapes.spec_of(obj) else {"key": key}
        return answer(obj, overlap_seconds=overlap, **told)

    def _create_operation(self) -> Operation:
        return replace(super()._create_operation(), answer="CreatedApiKey")

    def delete_operation(self) -> Operation:
        return replace(super().delete_operation(), answer=KEY.name, status=HTTPStatus.OK, summary="Refuse the key from now on.")


def new_key() -> str:
    """128 bits that nobody can guess."""
    return f"sk-{secrets.token_hex(16)}"


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _origins(spec: Object) -> Object:
    return {name: spec[name] for name in _ORIGINS if name in spec}
