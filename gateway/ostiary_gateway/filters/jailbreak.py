"""How much a prompt looks like an attempt to talk a model out of its instructions, by rules alone (PL-30).

What this is: a list of phrases that published attacks have in common, in English. What it is not: a judge of meaning. Attacks
in other words, other languages, in images or spread over several messages pass, and a text *about* such attacks may be taken
for one. A scoring model in its place knows better; see `scoring`.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from ostiary_gateway.filters.texts import Text

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_BLANKS = re.compile(r"\s+")

_WINDOW = 131_072  # characters that are searched at once: a search keeps every other thread waiting
_LONGEST = 512  # of a phrase


class Rule(NamedTuple):
    """`weight` is how sure one such phrase makes, 0 to 1; two of them together more than each."""

    name: str
    weight: float
    regex: re.Pattern[str]


def _rule(name: str, weight: float, regex: str) -> Rule:
    return Rule(name, weight, re.compile(regex))


RULES = (
    _rule(
        "forget the instructions",
        0.6,
        r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,30}\b(?:previous|prior|above|earlier|preceding|all|your|system)\b"
        r".{0,30}\b(?:instructions?|prompts?|rules|directions|guidelines|guardrails|restrictions)\b",
    ),
    _rule(
        "be somebody without rules",
        0.6,
        r"\b(?:you are(?: now)?|act as|pretend (?:to be|that you are|you are)|role-?play as|simulate|become)\b.{0,40}\b"
        r"(?:dan|do anything now|jailbroken|unfiltered|uncensored|unrestricted|no (?:rules|restrictions|limits|filters))\b",
    ),
    _rule("a known name", 0.6, r"\b(?:do anything now|dan mode|developer mode (?:enabled|on|output)|jailbreak mode|god mode)\b"),
    _rule(
        "show the instructions",
        0.5,
        r"\b(?:reveal|show|print|repeat|output|leak|tell me|give me)\b.{0,30}"
        r"\b(?:system|hidden|initial|original|secret|developer)\b.{0,15}\b(?:prompts?|instructions?|messages?)\b",
    ),
    _rule(
        "without safety",
        0.5,
        r"\b(?:without|no|free (?:of|from)|not bound by|turn off|disable)\b.{0,25}\b(?:ethical|moral|safety|content|legal)\b"
        r".{0,25}\b(?:guidelines|filters?|restrictions|constraints|polic(?:y|ies)|rules|limits|considerations)\b",
    ),
    _rule("marks of a chat template", 0.5, r"<\|(?:im_start|im_end|system|assistant|endoftext)\|>|\[/?inst\]|<</?sys>>"),
    _rule("never refuse", 0.3, r"\b(?:never|must not|do not|don't|cannot|can't)\b.{0,20}\b(?:refuse|decline|say no)\b"),
    _rule("stay in the role", 0.3, r"\b(?:stay|remain) in character\b|\bbreak(?:ing)? character\b"),
    _rule("two answers", 0.3, r"\b(?:classic|normal)\b.{0,40}\bjailbroken?\b|\[(?:🔒|🔓)"),
    _rule("do what is encoded", 0.4, r"\bdecode\b.{0,40}\b(?:and|then)\b.{0,20}\b(?:follow|execute|obey|do)\b"),
)


class Score(NamedTuple):
    """`value` from 0 to 1, and the rules that made it."""

    value: float
    rules: tuple[str, ...]


def score(texts: Iterable[Text]) -> Score:
    """The worst of what users and tools say; what the system and the model say is not looked at."""
    scores = (_score(str(text.value)) for text in texts if text.speaker == "user")
    return max(scores, default=Score(0.0, ()), key=lambda each: each.value)


def _score(text: str) -> Score:
    windows = [_plain(text[at : at + _WINDOW]) for at in range(0, len(text), _WINDOW - _LONGEST)]
    found = [rule for rule in RULES if any(rule.regex.search(window) for window in windows)]
    doubt = 1.0
    for rule in found:
        doubt *= 1.0 - rule.weight
    return Score(1.0 - doubt, tuple(rule.name for rule in found))


def _plain(text: str) -> str:
    """Without what makes the same words look different to a machine."""
    return _BLANKS.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))).lower()
