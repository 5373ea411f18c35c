"""The decision: the sidecar's whole answer for one question of the data plane.

nginx asks `POST /auth` over the unix socket with an `Ask` as JSON and gets a `Decision` as JSON, always with status 200:
a refusal is an answer too. nginx keeps a decision in shared memory as long as its `generation` is the current one,
`expires_ms` has not passed, and at most for the configured time (`OSTIARY_DECISION_SECONDS`).
"""

from typing import Literal

import msgspec

Surface = Literal["managed", "pass_through"]


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`key` is the SHA-256 of the caller's key as 64 hex digits: the key itself never leaves nginx.

    `target` is the model name as the client wrote it (managed) or the first path segment (pass-through). On the managed
    surface an empty target asks who the caller is, before its body is read.
    """

    key: str
    surface: Surface
    target: str


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    key_id: str
    key_version: str
    name: str
    namespace: str
    owner: str


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request goes. `upstream` names an nginx `upstream{}` block.

    `credential_header` is empty where the caller's own credential goes upstream; else `credential` is the value of that header.
    """

    provider: str
    provider_type: str
    upstream: str
    scheme: str
    host: str
    base_path: str
    model: str  # provider model, spliced into the body; empty on pass-through
    credential_header: str = ""
    credential: str = ""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why not. nginx writes the body in the caller's dialect from these; `message` names no secret and no balance."""

    status: int
    code: str  # label of metrics: invalid_api_key, key_expired, key_disabled, model_not_allowed, unknown_model, ...
    message: str


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Exactly one of `refusal` and `identity` is set; `backends` is empty where only the identity was asked for."""

    generation: str
    refusal: Refusal | None = None
    identity: Identity | None = None
    backends: tuple[Backend, ...] = ()
    expires_ms: int = 0  # Unix milliseconds after which the key is no longer valid; 0 is never
