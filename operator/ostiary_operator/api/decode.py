"""Kubernetes objects as JSON -> values. A spec that cannot be used is a value too: the rest goes on without it."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any, TypeVar

import msgspec

from ostiary_operator.api import patterns
from ostiary_operator.api.apikey import INTERVAL_NEEDS_GENERATE, ONE_ORIGIN, ApiKey, ApiKeySpec, ApiKeyStatus
from ostiary_operator.api.budget import Budget, BudgetSpec, BudgetStatus
from ostiary_operator.api.metadata import Invalid, Metadata
from ostiary_operator.api.model import Model, ModelSpec, ModelStatus
from ostiary_operator.api.provider import Provider, ProviderSpec, ProviderStatus
from ostiary_operator.api.rules import budget_problem, key_budget_problem, model_problem, provider_problem
from ostiary_operator.api.secret import Secret

Object = Mapping[str, Any]
_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_Resource = TypeVar("_Resource")

_AT = re.compile(r" - at `(?:key in )?\$\.?(?P<path>.*)`$")
_FIELD = re.compile("Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)
_PATTERN = re.compile(r"Expected `str[^`]*` matching regex (?P<expression>'.*')$", re.DOTALL)
_LABEL_NAME = re.compile(patterns.LABEL_NAME)
_LABEL_VALUE = re.compile(patterns.LABEL_VALUE)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def provider(obj: Object) -> Provider:
    """One `Provider`; whatever is wrong with its spec is in `invalid`."""
    return _resource(obj, Provider, ProviderSpec, ProviderStatus, provider_problem)


def model(obj: Object) -> Model:
    """One `Model`; whatever is wrong with its spec is in `invalid`."""
    return _resource(obj, Model, ModelSpec, ModelStatus, lambda spec, _: model_problem(spec))


def api_key(obj: Object) -> ApiKey:
    """One `ApiKey`; whatever is wrong with its spec is in `invalid`."""
    return _resource(obj, ApiKey, ApiKeySpec, ApiKeyStatus, lambda spec, _: _api_key_problem(spec))


def budget(obj: Object) -> Budget:
    """One `Budget`; whatever is wrong with its spec is in `invalid`."""
    return _resource(obj, Budget, BudgetSpec, BudgetStatus, lambda spec, _: budget_problem(spec))


def secret(obj: Object) -> Secret:
    """One Secret. `stringData`, which only manifests have, wins over `data`; an entry that is no base64 is left out."""
    data = {str(key): value for key, text in _mapping(obj.get("data")).items() if (value := _base64(text)) is not None}
    plain = {str(key): str(text).encode() for key, text in _mapping(obj.get("stringData")).items()}
    return Secret(metadata=decode_metadata(obj), data={**data, **plain})


def decode_metadata(obj: Object) -> Metadata:
    """The metadata of an object; what a manifest leaves out is empty, but for the namespace."""
    meta = _mapping(obj.get("metadata"))
    owners = meta.get("ownerReferences") or ()
    return Metadata(
        name=str(meta.get("name") or ""),
        namespace=str(meta.get("namespace") or "default"),
        uid=str(meta.get("uid") or ""),
        generation=int(meta.get("generation") or 0),
        created=str(meta.get("creationTimestamp") or ""),
        annotations=_mapping(meta.get("annotations")),
        labels=_labels(_mapping(meta.get("labels"))),
        owner_uid=next((str(owner.get("uid", "")) for owner in owners if owner.get("controller")), ""),
    )


def _resource(
    obj: Object,
    make: Callable[..., _Resource],
    spec_kind: type[_Struct],
    status_kind: type[msgspec.Struct],
    problem: Callable[[_Struct, Metadata], Invalid | None],
) -> _Resource:
    metadata = decode_metadata(obj)
    spec = _spec(obj, spec_kind)
    invalid = spec if isinstance(spec, Invalid) else problem(spec, metadata)
    return make(metadata=metadata, spec=None if invalid else spec, invalid=invalid, status=_status(obj, status_kind))


def _spec(obj: Object, kind: type[_Struct]) -> _Struct | Invalid:
    raw = obj.get("spec")
    try:
        unprintable = None if _is_plain(raw) else _unprintable(raw, "spec")
        return unprintable or msgspec.convert(raw if raw is not None else {}, kind)
    except (msgspec.ValidationError, OverflowError) as error:
        return _explain(str(error))
    except RecursionError:
        return Invalid("spec", "is nested too deeply")


def _status(obj: Object, kind: type[_Struct]) -> _Struct:
    """A status is only what was said last: one that cannot be read counts as none."""
    try:
        return msgspec.convert(obj.get("status") or {}, kind)
    except msgspec.ValidationError:
        return kind()


def _explain(text: str) -> Invalid:
    """Msgspec's words in ours. Theirs never quote a value, but for names of fields and of what they expect."""
    at = _AT.search(text)
    reason = text[: at.start()] if at else text
    name = _FIELD.fullmatch(reason)
    path = ".".join(part for part in ("spec", at["path"] if at else "", name["name"] if name else "") if part)
    if name:
        return Invalid(path, "is required" if name["what"] == "missing required" else "is no field that Ostiary knows")
    pattern = _PATTERN.fullmatch(reason)
    if pattern:
        meanings = {repr(known): why for known, why in patterns.MEANINGS.items()}
        reason = meanings.get(pattern["expression"], reason)
    if reason.startswith("Invalid enum value"):
        reason = "is none of the values that it may have"
    return Invalid(path, reason.replace("`", ""))


def _is_plain(value: object) -> bool:
    """Whether its JSON is ASCII without an escape, as nearly always: then no text in it can hold a control character."""
    try:
        text = msgspec.json.encode(value)
    except (UnicodeEncodeError, TypeError):
        return False
    return text.isascii() and b"\\" not in text and b"\x7f" not in text


def _unprintable(value: object, path: str) -> Invalid | None:
    """The first text, however deep, that has a control character, a line separator or half a surrogate pair in it."""
    if isinstance(value, str):
        return Invalid(path, "must not contain control characters") if _UNPRINTABLE.search(value) else None
    children: list[tuple[str, object]] = []
    if isinstance(value, Mapping):
        children = [(f"{path}.{key}" if str(key).isidentifier() else path, item) for key, item in value.items()]
        children += [(path, key) for key in value]
    elif isinstance(value, list):
        children = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    return next((found for where, child in children if (found := _unprintable(child, where))), None)


def _api_key_problem(spec: ApiKeySpec) -> Invalid | None:
    if sum(origin is not None for origin in (spec.generate, spec.secret_ref, spec.sha256)) != 1:
        return Invalid("spec", ONE_ORIGIN["message"])
    if spec.rotation and spec.rotation.interval_seconds is not None and spec.generate is None:
        return Invalid("spec.rotation.intervalSeconds", INTERVAL_NEEDS_GENERATE["message"])
    expiry = None if spec.expires_at is None else _expiry_problem(spec.expires_at)
    return expiry or (key_budget_problem(spec.budget) if spec.budget else None)


def _expiry_problem(at: datetime) -> Invalid | None:
    """The first and the last year of the calendar cannot be told in every time zone."""
    return None if MINYEAR < at.year < MAXYEAR else Invalid("spec.expiresAt", "is no usable time")


def _labels(labels: Mapping[str, Any]) -> dict[str, str]:
    """Those that the API server would take; a folder may have others, and numbers where it has texts."""
    texts = ((str(name), str(value)) for name, value in labels.items())
    return {name: value for name, value in texts if _LABEL_NAME.fullmatch(name) and _LABEL_VALUE.fullmatch(value)}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _base64(text: object) -> bytes | None:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        return None
