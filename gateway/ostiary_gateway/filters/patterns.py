"""Patterns of what must not leave: personal data and secrets.

Each finds few things that are not meant, because a filter that cries wolf is switched off: numbers need their check digit,
secrets the prefix of who issued them. So what is spelled out, split over two messages, written in other digits or encoded is
not found, nor are names, addresses and dates. All take time in proportion to the text, whatever it holds.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ostiary_gateway.filters import checks

Check = Callable[[re.Match[str]], int | None]
"""Where the found thing ends, None where it is none after all."""

_WINDOW = 131_072
_LONGEST = 20_480  # characters of what is found where two windows meet; a private key has 16,384 at most
_AHEAD = 16  # characters that an expression looks at behind its end


class UnknownPatternError(ValueError):
    """There is no pattern of this name."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`label` stands for what was found. One of `needs` occurs in every text that holds such a thing."""

    name: str
    label: str
    regex: re.Pattern[str]
    check: Check = checks.all_of_it
    needs: tuple[str, ...] = ()

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Places of all such things, from left to right, none over another."""
        if self.needs and not any(each in text for each in self.needs):
            return
        at = 0
        while found := self._next(text, at):
            end = self.check(found)
            at = found.start() + 1 if end is None else end
            if end is not None:
                yield found.start(), end

    def _next(self, text: str, at: int) -> re.Match[str] | None:
        """Window by window: a search keeps every other thread waiting until it ends."""
        while (end := at + _WINDOW) < len(text):
            found = self.regex.search(text, at, end)
            if found and (found.end() < end - _AHEAD or found.start() == at):
                return found
            at = found.start() if found else end - _LONGEST
        return self.regex.search(text, at)


def _pattern(
    name: str, label: str, regex: str, check: Check = checks.all_of_it, *, needs: Iterable[str] = (), flags: int = 0
) -> Pattern:
    return Pattern(name, label, re.compile(regex, flags), check, tuple(needs))


_KEY = r"[A-Za-z0-9_-]"
_PEM = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"

SECRETS = (
    _pattern(
        "private-key",
        "PRIVATE_KEY",
        rf"-----BEGIN {_PEM}(?:[^-]|-(?!----END)){{0,16384}}+(?:-----END {_PEM})?",
        needs=["PRIVATE KEY"],
    ),
    _pattern(
        "jwt", "JWT", rf"(?<![\w-])eyJ{_KEY}{{10,}}+\.eyJ{_KEY}{{10,}}+\.{_KEY}*+", checks.jwt, needs=["eyJ"], flags=re.ASCII
    ),
    _pattern("anthropic-key", "ANTHROPIC_KEY", rf"(?<![\w-])sk-ant-{_KEY}{{20,}}+", needs=["sk-ant-"]),
    _pattern("openai-key", "OPENAI_KEY", rf"(?<![\w-])sk-(?!ant-){_KEY}{{20,}}+", checks.mixed, needs=["sk-"]),
    _pattern("stripe-key", "STRIPE_KEY", r"(?<!\w)(?:[rs]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}+", needs=["k_", "whsec_"]),
    _pattern(
        "github-token",
        "GITHUB_TOKEN",
        r"(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36,}+|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})(?!\w)",
        needs=["gh", "github_pat_"],
    ),
    _pattern("gitlab-token", "GITLAB_TOKEN", rf"(?<!\w)gl(?:pat|dt|rt|ptt|cbt|ft|soat)-{_KEY}{{20,}}+", needs=["gl"]),
    _pattern("huggingface-token", "HUGGINGFACE_TOKEN", r"(?<!\w)hf_[A-Za-z0-9]{30,}+(?!\w)", needs=["hf_"]),
    _pattern("slack-token", "SLACK_TOKEN", r"(?<!\w)xox[abeoprs]-[A-Za-z0-9-]{10,}+", checks.has_digit, needs=["xox"]),
    _pattern("google-key", "GOOGLE_KEY", rf"(?<![\w-])AIza{_KEY}{{35}}(?![\w-])", needs=["AIza"]),
    _pattern(
        "aws-key",
        "AWS_KEY",
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])"
        r"|(?:(?<=secret_access_key)|(?<=SecretAccessKey)|(?<=secretAccessKey)|(?<=SECRET_ACCESS_KEY))"
        r"[\"']?[ \t]{0,4}[=:][ \t]{0,4}[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        needs=["AKIA", "ASIA", "ccess", "ACCESS"],
    ),
    _pattern(
        "url-credentials",
        "CREDENTIALS",
        r"(?<=://)[^\s/:@\"'<>\[\]]{1,256}:[^\s/@\"'<>]{1,256}(?=@)",
        checks.no_variable,
        needs=["://"],
    ),
)

PERSONAL = (
    _pattern("iban", "IBAN", checks.IBAN, checks.iban, flags=re.IGNORECASE),
    _pattern(
        "credit-card",
        "CARD",
        r"(?<![\w.])[2-6](?:\d{12,18}"
        r"|\d{3}(?P<gap>[ -])(?:(?:\d{4}(?P=gap)){2}\d{4}(?:(?P=gap)?\d{3})?|\d{6}(?P=gap)\d{4,5}))(?!\d)",
        checks.card,
        flags=re.ASCII,
    ),
    _pattern("it-fiscal-code", "FISCAL_CODE", r"(?<!\w)[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?!\w)", checks.fiscal_code),
    _pattern(
        "fr-nir",
        "NIR",
        r"(?<!\w)[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?!\w)",
        checks.nir,
    ),
    _pattern("br-cpf", "CPF", r"(?<![\w.])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])", checks.cpf),
    _pattern("es-dni", "DNI", r"(?<!\w)(?:\d{8}|[XYZ]\d{7})-?[A-Z](?!\w)", checks.dni),
    _pattern("us-ssn", "SSN", r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])"),
    _pattern(
        "uk-nino",
        "NINO",
        r"(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)",
    ),
    _pattern("email", "EMAIL", r"(?<![\w.%+-])[\w.%+-]++@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![^\W_])", needs=["@"]),
    _pattern(
        "phone",
        "PHONE",
        r"(?<![\w+])(?:\+[1-9]|(?<!\d[ .-])00[1-9]\d{0,2}[ .()/-])(?:[ .()/-]{0,2}\d){6,14}(?!\d)"
        r"|(?<![\w.+-])(?<!\d )(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\w-])",
    ),
    _pattern(
        "ip-address",
        "IP",
        r"(?<![\w.:-])(?:(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\w)|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15}(?![\w:]))",
        checks.address,
        needs=[".", ":"],
    ),
)

GROUPS: Mapping[str, tuple[Pattern, ...]] = {"secrets": SECRETS, "pii": PERSONAL}
PATTERNS: Mapping[str, Pattern] = {each.name: each for each in (*SECRETS, *PERSONAL)}
NAMES = (*GROUPS, *PATTERNS)
"""What `spec.filters[].patterns` may hold."""


def named(names: Iterable[str]) -> tuple[Pattern, ...]:
    """Those patterns, secrets first, so that none takes a part of a longer thing.

    Raises:
        UnknownPatternError: one of the names is none of `NAMES`.
    """
    wanted: set[str] = set()
    for name in names:
        if name not in NAMES:
            raise UnknownPatternError(f"there is no pattern {name}")
        wanted.update(each.name for each in GROUPS[name]) if name in GROUPS else wanted.add(name)
    return tuple(each for each in PATTERNS.values() if each.name in wanted)
