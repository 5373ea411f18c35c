"""Taking values out of a file, and noting each that cannot be taken."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit, urlunsplit

from ostiary_operator.api import baseurl, patterns
from ostiary_operator.api.metadata import Invalid
from ostiary_operator.api.provider import REFUSED_HEADERS
from ostiary_operator.importing.located import Value
from ostiary_operator.importing.outcome import Note, Surroundings

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BASE_URL = re.compile(patterns.BASE_URL)
_SECRET = re.compile("KEY|TOKEN|SECRET|PASS|CREDENTIAL", re.IGNORECASE)
_SECRET_HEADER = re.compile("auth|key|token|secret|cookie|session|pass|credential", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"^(Bearer |Basic |sk-|gsk_|xai-|hf_)|[A-Za-z0-9+/=]{12,}", re.IGNORECASE)
_KNOWN_HEADERS = ("user-agent", "openai-organization", "openai-project", "http-referer", "x-title")  # never secret
_PLAIN_ENTRY = re.compile(r"[A-Z][A-Z0-9_]*")


class Reading:
    """One pass over a file. `variable` matches a reference to a variable, whose name is its first group that matched."""

    def __init__(self, text: str, variable: re.Pattern[str], around: Surroundings) -> None:
        self.around = around
        self.notes: list[Note] = []
        self.variables: dict[str, None] = {}
        self.secrets: dict[str, str] = {}
        self._variable = variable
        self._named = {_name(found) for found in variable.finditer(text)}

    def note(self, value: Value, why: str) -> None:
        note = Note(value.line, value.path, why)
        if note not in self.notes:
            self.notes.append(note)

    def rest(self, section: Value, known: Iterable[str], why: Mapping[str, str] | None = None) -> None:
        """Note every entry that nobody takes, unless it says nothing anyway."""
        reasons = why or {}
        for key, value in section.items.items():
            if key not in known and not value.says_nothing:
                self.note(value, reasons.get(key, "has no equal in Ostiary and is left out"))

    def text(self, value: Value | None) -> str | None:
        """A text with its variables filled in; None if there is none, or a variable is not set."""
        if value is None or isinstance(value.content, bool | Mapping | tuple) or value.content is None:
            return None
        missing = [name for found in self._variable.finditer(str(value.content)) if (name := _name(found)) not in self._set]
        if missing:
            self.note(value, f"needs the variable {missing[0]}, which is not set here")
            return None
        return self._variable.sub(lambda found: self._set[_name(found)], str(value.content)).strip()

    def entry(self, value: Value, suggestion: str) -> str:
        """Where a secret is in the Secret `env`: as its variable says, else under a name that the note tells."""
        text = str(value.content).strip()
        alone = self._variable.fullmatch(text)
        name = _name(alone) if alone else self._literal(value, text, suggestion)
        self.variables[name] = None
        return name

    def whole(self, value: Value | None, least: int, most: int) -> int | None:
        """A whole number; one that is too great counts as the greatest that Ostiary has."""
        number = self.number(value)
        if value is None or number is None:
            return None
        if number != int(number) or number < least:
            self.note(value, f"must be a whole number of at least {least}, and is left out")
            return None
        if number > most:
            self.note(value, f"is more than {most}, which is the most that Ostiary has and counts instead")
        return min(int(number), most)

    def number(self, value: Value | None) -> float | None:
        text = self.text(value)
        if value is None or text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return number
        self.note(value, "is no number, and is left out")
        return None

    def seconds(self, value: Value | None) -> float | None:
        """A duration as Envoy writes it (30s, 0.5s, 250ms), or a bare number of seconds."""
        text = self.text(value)
        if value is None or text is None:
            return None
        found = _DURATION.fullmatch(text)
        if found:
            return float(found[1]) * _SECONDS[found[2]]
        return self.number(value)

    def choice(self, value: Value | None, table: Mapping[str, str]) -> str | None:
        """A word of theirs in ours."""
        text = self.text(value)
        if value is None or text is None:
            return None
        if text not in table:
            self.note(value, f"is none of {', '.join(table)}, and is left out")
        return table.get(text)

    def url(self, value: Value | None) -> str | None:
        """An address without anything that a Provider's baseURL cannot have."""
        if value is not None and any(_SECRET.search(_name(found)) for found in self._variable.finditer(str(value.content))):
            self.note(value, "holds a variable that looks like a secret, which an address cannot refer to")
            return None
        text = self.text(value)
        if value is None or text is None:
            return None
        try:
            parts = urlsplit(text)
            host = self.around.hosts.get(parts.hostname or "", "")
            if host:
                parts = parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host)
            text = urlunsplit(parts).rstrip("/")
        except ValueError:
            text = ""
        if len(text) <= 1000 and _BASE_URL.fullmatch(text) and not isinstance(baseurl.parse(text), Invalid):  # noqa: PLR2004
            return text
        self.note(value, "is no address that a Provider can have: http(s)://host[:port][/path], without user and query")
        return None

    def headers(self, value: Value | None) -> Iterator[tuple[str, str]]:
        """Headers whose values may be read by anyone: what looks like a secret is not among them."""
        for name, header in (value.items if value else {}).items():
            content = "" if self._variable.search(str(header.content)) else self.text(header) or ""
            suspect = _SECRET_HEADER.search(name) or _SECRET_VALUE.search(content)
            if name.lower() in REFUSED_HEADERS or not content or (suspect and name.lower() not in _KNOWN_HEADERS):
                self.note(header, "may be a secret or Ostiary's own, which a Provider's headers cannot hold; it is not sent")
            elif not re.fullmatch(patterns.HEADER_NAME, name) or not re.fullmatch(patterns.HEADER_VALUE, content):
                self.note(header, "is no header of printable ASCII, and is not sent")
            else:
                yield name, content

    def reserve(self, names: Iterable[str]) -> None:
        """Variables that the file means without naming them."""
        self._named |= set(names)

    def declare(self, name: str, value: str) -> None:
        """A variable that the file itself sets; it may be a secret."""
        self.secrets[name] = value

    @property
    def _set(self) -> Mapping[str, str]:
        return {**self.around.environ, **self.secrets}

    def _literal(self, value: Value, text: str, suggestion: str) -> str:
        name = next((name for name, secret in self.secrets.items() if secret == text), "")
        if not name:
            name = self._free(suggestion)
            self.secrets[name] = self._variable.sub(lambda found: self._set.get(_name(found), ""), text)
        self.note(value, f"is a secret in plain text: the manifests take it from {name} of the Secret env")
        return name

    def _free(self, suggestion: str) -> str:
        base = re.sub(r"[^A-Z0-9]+", "_", suggestion.upper()).strip("_")
        base = base if _PLAIN_ENTRY.fullmatch(base) else f"PROVIDER_{base}".rstrip("_")
        taken = self._named | self.secrets.keys()
        return next(name for number in range(1, len(taken) + 2) if (name := _numbered(base, number)) not in taken)


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}_{number}"


def _name(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group)
