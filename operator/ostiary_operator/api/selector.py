"""Label selectors, as Kubernetes understands them."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ostiary_operator.api import patterns
from ostiary_operator.api.fields import CEL, cel, doc

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]
LabelName = Annotated[str, Meta(pattern=patterns.LABEL_NAME, max_length=317)]
LabelValue = Annotated[str, Meta(pattern=patterns.LABEL_VALUE, max_length=63)]

VALUES_FIT_OPERATOR = cel(
    "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
    "In and NotIn need values, Exists and DoesNotExist go without",
    ".values",
)


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a label must be."""

    schema: ClassVar[dict[str, object]] = {CEL: [VALUES_FIT_OPERATOR]}

    key: Annotated[LabelName, doc("Name of the label.")]
    operator: Annotated[Operator, doc("In and NotIn look at its value, Exists and DoesNotExist whether it is there.")]
    values: Annotated[
        tuple[LabelValue, ...], Meta(max_length=64), doc("In: one of these. NotIn: none of these, or no label.")
    ] = ()


class Selector(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """Objects whose labels fit all of it."""

    match_labels: Annotated[dict[LabelName, LabelValue], Meta(max_length=16), doc("Labels with exactly these values.")] = (
        msgspec.field(default_factory=dict)
    )
    match_expressions: Annotated[tuple[Requirement, ...], Meta(max_length=16), doc("More about labels.")] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is meant."""
        exact = all(labels.get(name) == value for name, value in self.match_labels.items())
        return exact and all(_fits(each, labels) for each in self.match_expressions)


def _fits(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
