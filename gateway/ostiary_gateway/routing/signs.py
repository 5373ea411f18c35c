"""Signs in a text that speak for a category: word patterns with a weight each, so that every verdict can be explained."""

import re
from collections.abc import Mapping, Sequence

import msgspec

_ENOUGH = 3  # the weight that is a clear sign even alone
SURE = 0.55  # below this the classifier has no opinion: as many signs speak for something else


class Sign(msgspec.Struct, frozen=True):
    """`pattern` counts once, however often it occurs; `says` is how the reason names it."""

    pattern: re.Pattern[str]
    weight: int
    says: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`confidence` is the share of the winner in the weights of the two strongest categories, less where it weighs under 3."""

    category: str
    confidence: float
    reasons: tuple[str, ...]


def sign(words: str, weight: int, says: str) -> Sign:
    """`words` is a pattern over lower case (three times as fast as one that ignores case); it begins at a word's start."""
    return Sign(re.compile(rf"(?<!\w)(?:{words})"), weight, says)


def weigh(text: str, table: Mapping[str, Sequence[Sign]], otherwise: str) -> Verdict:
    """The category with the most weight; the first of the table where two have as much."""
    lower = text.lower()
    found = {category: [each for each in signs if each.pattern.search(lower)] for category, signs in table.items()}
    weights = {category: sum(each.weight for each in signs) for category, signs in found.items()}
    best, second, *_ = [*sorted(weights, key=lambda category: -weights[category]), "", ""]
    if not weights.get(best):
        return Verdict(category=otherwise, confidence=0.0, reasons=("no sign of any category",))
    share = weights[best] / (weights[best] + weights.get(second, 0)) * min(1.0, weights[best] / _ENOUGH)
    reasons = tuple(f"{each.says} speaks for {best} ({each.weight})" for each in found[best])
    return Verdict(category=best, confidence=round(share, 2), reasons=reasons)
