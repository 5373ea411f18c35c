"""`Budget`: money or tokens per period, for one ApiKey (`spec.budget` there) or for all that fit a selector."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ostiary_operator.api import patterns
from ostiary_operator.api.conditions import Condition
from ostiary_operator.api.fields import CEL, cel, doc
from ostiary_operator.api.metadata import Invalid, Metadata
from ostiary_operator.api.selector import Selector

Period = Literal["Hourly", "Daily", "Weekly", "Monthly", "Total"]
Action = Literal["Reject", "Warn"]
Scope = Literal["Namespace", "Cluster"]
Amount = Annotated[str, Meta(pattern=patterns.AMOUNT, max_length=19)]
TimeZone = Annotated[str, Meta(pattern=patterns.TIME_ZONE, max_length=64)]
Percent = Annotated[int, Meta(ge=1, le=100)]

DEFAULT_THRESHOLDS = (50, 80, 100)
ONE_UNIT = cel("has(self.amount) != has(self.tokens)", "exactly one of amount and tokens must be set")


class KeyBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """What may be spent in a period, in US dollars or in tokens."""

    schema: ClassVar[dict[str, object]] = {CEL: [ONE_UNIT]}

    amount: Annotated[Amount | None, doc("US dollars, as a decimal number in quotes.")] = None
    tokens: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000_000_000_000)] | None, doc("Tokens, input and output together, instead of money.")
    ] = None
    period: Annotated[
        Period, doc("When it begins anew: on the hour, at midnight, on Monday, on the first of the month; Total: never.")
    ] = "Monthly"
    time_zone: Annotated[TimeZone, doc("Whose calendar counts: a name of the IANA database, as Europe/Berlin.")] = "UTC"
    action: Annotated[Action, doc("Reject: what does not fit is refused with 402. Warn: it is only told.")] = "Reject"
    threshold_percents: Annotated[
        tuple[Percent, ...], Meta(max_length=16), doc("Shares of it at which an Event and a metric tell so.")
    ] = DEFAULT_THRESHOLDS


class BudgetSpec(KeyBudget, frozen=True, kw_only=True):
    """What may be spent in a period, by whom together."""

    selector: Annotated[Selector | None, doc("The ApiKeys that it covers. By default all of its scope.")] = None
    scope: Annotated[
        Scope, doc("Namespace: ApiKeys of its own namespace. Cluster: of all; only in the namespace of the installation.")
    ] = "Namespace"


class BudgetStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How much of it is used. Numbers are at most ten seconds old while they change."""

    conditions: Annotated[
        tuple[Condition, ...],
        doc("Accepted, ResolvedRefs, Programmed, Ready, ThresholdReached, Exceeded, LimitsShared."),
    ] = ()
    limit: Annotated[str, doc("What may be spent: US dollars or tokens.")] = ""
    unit: Annotated[str, doc("USD or Tokens.")] = ""
    spent: Annotated[str, doc("What is spent in this period.")] = ""
    remaining: Annotated[str, doc("What is left of it; 0 if more than all is spent.")] = ""
    percent: Annotated[Annotated[int, Meta(ge=0, le=1_000_000_000)] | None, doc("The share that is spent, rounded down.")] = None
    period: Annotated[str, doc("The period that the numbers are of.")] = ""
    period_ends: Annotated[str, doc("When the next one begins.")] = ""
    keys: Annotated[Annotated[int, Meta(ge=0, le=1_000_000_000)] | None, doc("How many ApiKeys it covers.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Exactly one of `spec` and `invalid` is set."""

    kind: ClassVar[str] = "Budget"
    metadata: Metadata
    spec: BudgetSpec | None
    invalid: Invalid | None = None
    status: BudgetStatus = field(default_factory=BudgetStatus)
