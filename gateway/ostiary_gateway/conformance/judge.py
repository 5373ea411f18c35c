"""What was charged against what was true."""

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from ostiary_gateway.conformance.meters import Reading
from ostiary_gateway.conformance.play import Play
from ostiary_gateway.conformance.truth import Truth


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report; costs are decimal US dollars. `differs` is empty where the gateway is right."""

    case: str
    group: str
    true_input: int | None
    true_output: int | None
    true_cost: str
    estimate: bool
    charged_input: int | None = None
    charged_output: int | None = None
    charged_cost: str | None = None
    differs: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        return not self.differs


@dataclass(frozen=True, slots=True)
class Judge:
    """`costs` False: only tokens count, for a gateway that was not told the prices."""

    costs: bool = True

    def row(self, play: Play, true: Truth, reading: Reading | None) -> Row:
        """The row of a case that has been played. Nothing read is right only where nothing was to be charged."""
        charged = reading or Reading(input=0, output=0, cost=Decimal(0))
        differs = true.allows(charged.input, charged.output, charged.cost if self.costs else None)
        if reading is not None and reading.cost is None and self.costs:
            differs.append("no cost")
        if reading is None and differs:
            differs = ["nothing charged"]
        return Row(
            case=play.case.name,
            group=play.case.group,
            true_input=true.input,
            true_output=true.output,
            true_cost=plain(true.cost),
            estimate=bool(true.input_slack or true.output_slack),
            charged_input=None if reading is None else reading.input,
            charged_output=None if reading is None else reading.output,
            charged_cost=None if reading is None or reading.cost is None else plain(reading.cost),
            differs=tuple(differs),
        )


def plain(amount: Decimal) -> str:
    """Without an exponent and without zeros at its end."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
