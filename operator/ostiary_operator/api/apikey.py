"""`ApiKey`: a caller, where its key comes from, and what it may use."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ostiary_operator.api.budget import KeyBudget
from ostiary_operator.api.conditions import Condition
from ostiary_operator.api.fields import CEL, ModelPattern, ObjectName, Seconds, SecretEntry, Sha256, Text, cel, doc
from ostiary_operator.api.limits import Limits, OnUnpriced
from ostiary_operator.api.metadata import Invalid, Metadata

DEFAULT_OVERLAP_SECONDS = 86400
ONE_ORIGIN = cel(
    "[has(self.generate), has(self.secretRef), has(self.sha256)].filter(x, x).size() == 1",
    "exactly one of generate, secretRef and sha256 must be set",
)
INTERVAL_NEEDS_GENERATE = cel(
    "!has(self.rotation) || !has(self.rotation.intervalSeconds) || has(self.generate)",
    "rotation.intervalSeconds needs generate: other keys are rotated by whoever made them",
)


class Generate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Make a key and keep it in the Secret `<name>-key`."""


class KeyRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of a Secret in the same namespace."""

    name: Annotated[ObjectName, doc("Name of the Secret.")]
    key: Annotated[SecretEntry, doc("Key in the Secret's data.")]


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """When a new key is made, and how long the old one still counts."""

    interval_seconds: Annotated[
        Annotated[int, Meta(ge=3600, le=2_147_483_647)] | None,
        doc("Make a new key this often. Without it, only when the annotation ostiary.dev/rotate changes."),
    ] = None
    overlap_seconds: Annotated[Seconds, doc("How long the old key still counts.")] = DEFAULT_OVERLAP_SECONDS


class ApiKeySpec(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename="camel",
):
    """Who calls, with which key, and what the key may be used for."""

    schema: ClassVar[dict[str, object]] = {CEL: [ONE_ORIGIN, INTERVAL_NEEDS_GENERATE]}

    owner: Annotated[Text, doc("Who answers for the calls: a team, a person, a program. In each ledger line.")] = ""
    generate: Annotated[Generate | None, doc("Make a key and keep it in the Secret <name>-key as api-key.")] = None
    secret_ref: Annotated[KeyRef | None, doc("The key is in a Secret of yours.")] = None
    sha256: Annotated[Sha256 | None, doc("SHA-256 of the key in hex: the key itself is never in the cluster.")] = None
    models: Annotated[
        tuple[ModelPattern, ...],
        Meta(max_length=128),
        doc("Patterns over <prefix>/<model>; * stands for any characters. None means every model."),
    ] = ()
    disabled: Annotated[bool, doc("Refuse the key, without forgetting it.")] = False
    expires_at: Annotated[Annotated[datetime, Meta(tz=True)] | None, doc("Refuse the key from this moment on.")] = None
    rotation: Annotated[Rotation | None, doc("How the key is replaced.")] = None
    limits: Annotated[Limits | None, doc("How much it may use in any second, minute, hour or day, and at once.")] = None
    budget: Annotated[KeyBudget | None, doc("What it may spend in a period. Budgets that cover it count besides.")] = None
    on_unpriced: Annotated[
        OnUnpriced | None,
        doc(
            "Models of unknown price. Reject: refused. Allow: for nothing. Default: at 20 US dollars per million tokens. Unset: "
            "where a budget in money rejects, names that tell of a high price are refused and others go at the default."
        ),
    ] = None

    @property
    def kind(self) -> Literal["generate", "secretRef", "sha256"]:
        if self.generate is not None:
            return "generate"
        return "secretRef" if self.secret_ref is not None else "sha256"

    @property
    def overlap_seconds(self) -> int:
        return self.rotation.overlap_seconds if self.rotation else DEFAULT_OVERLAP_SECONDS


class RotationStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where a rotation stands. Times are RFC 3339 UTC; empty is none."""

    version: Annotated[str, doc("Which value of the key is current: 1, 2, ...")] = ""
    rotated_at: Annotated[str, doc("When it became current.")] = ""
    retiring_version: Annotated[str, doc("The value before it, while that still counts.")] = ""
    retiring_until: Annotated[str, doc("Until when the old value counts.")] = ""
    retiring_last_used: Annotated[str, doc("When the old value was last used, as gateways reported.")] = ""
    observed_rotate: Annotated[str, doc("The annotation ostiary.dev/rotate that was acted upon.")] = ""


class StatusSecretRef(msgspec.Struct, frozen=True, kw_only=True):
    """The entry of a Secret that holds the key."""

    name: Annotated[str, doc("Name of the Secret.")]
    key: Annotated[str, doc("Key in the Secret's data.")]


class KeyUsage(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The key's account, at most ten seconds old while it changes. Money is US dollars, as a decimal number."""

    spent: Annotated[str, doc("Spent in this period: that of spec.budget, or this month (UTC).")] = ""
    tokens: Annotated[Annotated[int, Meta(ge=0, le=9_000_000_000_000_000_000)], doc("Tokens used in it.")] = 0
    budget: Annotated[str, doc("What spec.budget allows.")] = ""
    unit: Annotated[str, doc("USD or Tokens: what budget and remaining are.")] = ""
    remaining: Annotated[str, doc("What is left of it; 0 if more than all is spent.")] = ""
    percent: Annotated[Annotated[int, Meta(ge=0, le=1_000_000_000)] | None, doc("The share that is spent, rounded down.")] = None
    period: Annotated[str, doc("The period that the numbers are of.")] = ""
    requests_today: Annotated[
        Annotated[int, Meta(ge=0, le=9_000_000_000_000_000_000)] | None, doc("Requests since midnight UTC.")
    ] = None
    last_used: Annotated[str | None, doc("When the last request ended.", format="date-time")] = None


class ApiKeyStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What became of the key. Never the key itself."""

    conditions: Annotated[tuple[Condition, ...], doc("Accepted, ResolvedRefs, Programmed, Ready, LimitsShared.")] = ()
    key_id: Annotated[str, doc("What the ledger calls the key; the same through rotation.")] = ""
    secret_ref: Annotated[StatusSecretRef | None, doc("Where the key can be read.")] = None
    rotation: Annotated[RotationStatus | None, doc("Where a rotation stands.")] = None
    usage: Annotated[KeyUsage | None, doc("The key's account.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Exactly one of `spec` and `invalid` is set."""

    kind: ClassVar[str] = "ApiKey"
    metadata: Metadata
    spec: ApiKeySpec | None
    invalid: Invalid | None = None
    status: ApiKeyStatus = field(default_factory=ApiKeyStatus)
