"""The decision: the sidecar's whole answer for one question of the data plane.

nginx asks `POST /auth` over the unix socket with an `Ask` as JSON and gets a `Decision` as JSON, always with status 200:
a refusal is an answer too. nginx keeps a decision in shared memory as long as its `generation` is the current one,
`expires_ms` has not passed, and at most for the configured time (`OSTIARY_DECISION_SECONDS`).
"""

from typing import Literal

import msgspec

from ostiary_gateway.contract.dialect import Dialect
from ostiary_gateway.contract.limits import Spend
from ostiary_gateway.contract.model import Breaker, RetryPolicy, Selection, Timeouts

Surface = Literal["managed", "pass_through"]


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`key` is the SHA-256 of the caller's key as 64 hex digits: the key itself never leaves nginx.

    `target` is the model name as the client wrote it (managed) or the first path segment (pass-through). On the managed
    surface an empty target asks who the caller is, before its body is read. `dialect` is what the request is written in
    (managed): one model has another way for each.
    """

    key: str
    surface: Surface
    target: str
    model: str = ""  # pass-through of a caller with a budget: the provider model that the body names
    dialect: Dialect = "chat"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    key_id: str
    key_version: str
    name: str
    namespace: str
    owner: str


class Backend(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a request goes. `upstream` names an nginx `upstream{}` block.

    `credential_header` is empty where the caller's own credential goes upstream; else `credential` is the value of that header.
    `translate`, `path`, `stream_path`, `signing` and `region` are a Target's; `name` is the resolved model's, told with them.
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
    translate: str = ""
    path: str = ""
    stream_path: str = ""
    signing: Literal["", "aws"] = ""
    region: str = ""
    name: str = ""


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One place where a planned request may go: a backend, with every credential that it can be shown.

    `id` is `<prefix>/<provider model>`: what blocks, breakers and latencies are kept under. `credentials` are header values,
    `credential_header` is empty where the caller's own goes upstream. `cost` is US dollars per million tokens, blended, and
    negative where unknown; `quality` is 0 to 100, negative where unknown. `headers` go to the guard.

    `translate` is the dialect that the request has to be put into, empty where it goes on as it came; then the translator
    carries the attempt out. `path` (with its query) replaces the client's path, `stream_path` that of a stream; empty keeps
    it. `signing` aws: `credentials` are `<access key id>:<secret access key>[:<session token>]` and the translator signs.
    """

    id: str
    provider: str
    provider_type: str
    upstream: str
    scheme: str
    host: str
    base_path: str
    model: str
    credential_header: str = ""
    credentials: tuple[str, ...] = ()
    weight: int = 1
    priority: int = 0
    retry_only: bool = False
    cost: float = -1.0
    quality: float = -1.0
    breaker: Breaker = Breaker()
    headers: tuple[tuple[str, str], ...] = ()
    drain_ms: int = 0
    translate: str = ""
    path: str = ""
    stream_path: str = ""
    signing: Literal["", "aws"] = ""
    region: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a request is carried out that has more than one way to go, or a rule on its way.

    `model` is the resolved name. Without a `policy` the built-in one counts (GZ-14). `intercept` names the location of
    nginx.conf that catches the statuses which may be retried: builtin, policy, policy_400, policy_422, policy_400_422.
    `routed`: the sidecar is asked (`POST /route`) for the order of the targets of each single request. `guarded`: attempts
    go through the guard, because timeouts, keep-alive comments, headers, draining or kept responses are asked for.
    `filtered`: the sidecar is shown each request first (`POST /filter`). `stateful`: the guard keeps responses and puts the
    ones before into the request (PL-32).
    """

    model: str
    targets: tuple[Target, ...]
    selection: Selection = "priority"
    policy: RetryPolicy | None = None
    intercept: str = "builtin"
    timeouts: Timeouts = Timeouts()
    keep_alive_ms: int = 0
    max_request_bytes: int = 0
    max_output_tokens: int = 0
    routed: bool = False
    guarded: bool = False
    filtered: bool = False
    stateful: bool = False


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why not. nginx writes the body in the caller's dialect from these; `message` names no secret and no balance."""

    status: int
    code: str  # label of metrics: invalid_api_key, key_expired, key_disabled, model_not_allowed, unknown_model, ...
    message: str


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Exactly one of `refusal` and `identity` is set; `backends` is empty where only the identity was asked for.

    `plan` is set instead of `backends` where the request is planned; plans are the same for every key.
    """

    generation: str
    refusal: Refusal | None = None
    identity: Identity | None = None
    backends: tuple[Backend, ...] = ()
    plan: Plan | None = None
    expires_ms: int = 0  # Unix milliseconds after which the key is no longer valid; 0 is never
    spend: Spend | None = None  # where the key is limited for this target
