"""Conditions of every kind, and every reason that they can give.

The meanings are Gateway API's: `Accepted` (the object itself makes sense), `ResolvedRefs` (what it refers to is there),
`Programmed` (every ready replica of the gateway works with it); `Ready` sums them up. A Provider's `Healthy` is what replicas
see of it: it comes and goes with the vendor's faults, and `Ready` does not depend on it. Nor does it on what gateways say of
money: `Priced`, `ThresholdReached`, `Exceeded`, and `LimitsShared`, how limits hold over several replicas.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ostiary_operator.api.fields import doc

ConditionType = Literal[
    "Accepted", "ResolvedRefs", "Programmed", "Ready", "Healthy", "Priced", "ThresholdReached", "Exceeded", "LimitsShared"
]
ConditionStatus = Literal["True", "False", "Unknown"]

ACCEPTED: ConditionType = "Accepted"
RESOLVED_REFS: ConditionType = "ResolvedRefs"
PROGRAMMED: ConditionType = "Programmed"
READY: ConditionType = "Ready"
HEALTHY: ConditionType = "Healthy"
PRICED: ConditionType = "Priced"
THRESHOLD_REACHED: ConditionType = "ThresholdReached"
EXCEEDED: ConditionType = "Exceeded"
LIMITS_SHARED: ConditionType = "LimitsShared"

REASON_ACCEPTED = "Accepted"
"""Accepted=True: the object is used as it is written."""
REASON_INVALID = "Invalid"
"""Accepted=False: a field has a value that it cannot have; the message names the field."""
REASON_ADDRESS_NOT_ALLOWED = "AddressNotAllowed"
"""Accepted=False: baseURL is an address of the pod or node itself (loopback, link-local, unspecified)."""
REASON_CONFLICTED = "Conflicted"
"""Accepted=False: an older object has the same prefix, key, name or alias; the message names it."""
REASON_SCOPE_NOT_ALLOWED = "ScopeNotAllowed"
"""Accepted=False: a Budget of the whole cluster must be in the installation's own namespace."""

REASON_RESOLVED_REFS = "ResolvedRefs"
"""ResolvedRefs=True: everything that the object refers to is there, or was not required."""
REASON_SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason
"""ResolvedRefs=False: there is no such Secret."""
REASON_SECRET_KEY_NOT_FOUND = "SecretKeyNotFound"  # noqa: S105
"""ResolvedRefs=False: the Secret has no such key, or it is empty."""
REASON_INVALID_SECRET = "InvalidSecret"  # noqa: S105
"""ResolvedRefs=False: the value is not what is asked for: it cannot stand in a header, or is no service account's JSON."""
REASON_FOREIGN_SECRET = "ForeignSecret"  # noqa: S105
"""ResolvedRefs=False: the Secret that should hold the generated key belongs to somebody else and is left alone."""
REASON_KEY_PENDING = "KeyPending"
"""ResolvedRefs=False: the key has not been generated yet."""

REASON_PROVIDER_NOT_FOUND = "ProviderNotFound"
"""ResolvedRefs=False: there is no Provider of that name in the namespace."""
REASON_PROVIDER_NOT_USABLE = "ProviderNotUsable"
"""ResolvedRefs=False: the Provider is left out itself, or /v1 does not serve it because it holds no credential."""

REASON_PROGRAMMED = "Programmed"
"""Programmed=True: every ready replica of the gateway works with the object as it is."""
REASON_PENDING = "Pending"
"""Programmed=False: not every ready replica has reported it yet."""
REASON_NO_REPLICAS = "NoReplicas"
"""Programmed=Unknown, Healthy=Unknown: no replica of the gateway is ready."""
REASON_NOT_USED = "NotUsed"
"""Programmed=False, ResolvedRefs=Unknown, Healthy=Unknown: another condition says why the object is left out."""

REASON_READY = "Ready"
"""Ready=True: requests that need the object are served."""
REASON_DEGRADED = "Degraded"
"""Ready=True: requests are served, but not by everything that the object refers to; ResolvedRefs says what is missing."""
REASON_DISABLED = "Disabled"
"""Ready=False: the key is refused because of spec.disabled."""
REASON_EXPIRED = "Expired"
"""Ready=False: the key is refused because spec.expiresAt has passed."""

REASON_HEALTHY = "Healthy"
"""Healthy=True: no ready replica leaves a backend of the Provider alone."""
REASON_BREAKER_OPEN = "BreakerOpen"
"""Healthy=False: a backend failed so often in a row that a replica does not ask it for a while."""
REASON_BLOCKED = "Blocked"
"""Healthy=False: a backend asked to be left alone (Retry-After), was too slow, or refused a credential."""

REASON_PRICED = "Priced"
"""Priced=True: of every model that was used the price is known."""
REASON_UNPRICED_MODELS = "UnpricedModels"
"""Priced=False: models were asked for whose price nothing tells; spec.price of a Model or a list of prices can."""
REASON_THRESHOLD_REACHED = "ThresholdReached"
"""ThresholdReached=True: at least so much of the Budget is spent; the message names the highest threshold."""
REASON_BELOW_THRESHOLDS = "BelowThresholds"
"""ThresholdReached=False: less is spent than any threshold says."""
REASON_BUDGET_SPENT = "BudgetSpent"
"""Exceeded=True: all of the Budget is spent; requests are refused, or only told with action Warn."""
REASON_WITHIN_BUDGET = "WithinBudget"
"""Exceeded=False: something is left."""
REASON_NOT_REPORTED = "NotReported"
"""ThresholdReached=Unknown, Exceeded=Unknown, LimitsShared=Unknown: no replica has told its numbers yet."""
REASON_SHARED = "Shared"
"""LimitsShared=True: replicas share each limit through Valkey; the message states by how much it may be exceeded."""
REASON_DIVIDED = "Divided"
"""LimitsShared=False: without Valkey each replica grants its own part of each limit, and never more."""
REASON_SINGLE_REPLICA = "SingleReplica"
"""LimitsShared=True: there is one replica, which counts alone."""
REASON_SHARING_INTERRUPTED = "SharingInterrupted"
"""LimitsShared=False: Valkey is away; each replica goes on with what it was allowed last."""


class Condition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One observation, as `metav1.Condition`."""

    type: Annotated[str, Meta(max_length=316), doc("What it is about: Ready and others.")]
    status: Annotated[ConditionStatus, doc("Whether it holds.")]
    reason: Annotated[str, Meta(min_length=1, max_length=1024), doc("Why, in one word for programs.")]
    message: Annotated[str, Meta(max_length=32768), doc("Why, in words for people.")] = ""
    last_transition_time: Annotated[str, doc("When status last changed.", format="date-time")]
    observed_generation: Annotated[int, Meta(ge=0), doc("Generation of the spec that this is about.")] = 0
