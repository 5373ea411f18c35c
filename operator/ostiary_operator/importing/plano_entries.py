"""Entries of `model_providers`: each is a model at an account of a vendor."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ostiary_operator.api import patterns
from ostiary_operator.importing import objects
from ostiary_operator.importing.located import UnreadableError, Value
from ostiary_operator.importing.objects import Account, Accounts
from ostiary_operator.importing.reading import Reading
from ostiary_operator.importing.vendors import PLANO, Vendor, region_of_bedrock

_TAKEN = (
    "model", "name", "access_key", "base_url", "http_host", "headers", "passthrough_auth", "default", "provider_interface",
    "provider", "retry_policy", "routing_preferences", "internal",
)  # fmt: skip
_TWO_ROLES = "the caller's credential must be an ApiKey's too: Ostiary lets nobody else in"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """`name` is what Plano calls it (`openai/gpt-4o`), `label` its own `name`, if it has one; `prefix` is the Provider's."""

    value: Value
    vendor: str
    model: str
    label: str
    account: Account
    prefix: str
    object_name: str

    @property
    def name(self) -> str:
        return f"{self.vendor}/{self.model}"

    @property
    def is_wildcard(self) -> bool:
        return self.model == "*"

    @property
    def pattern(self) -> str:
        """What a key must be allowed to use it."""
        return f"{self.prefix}/*" if self.is_wildcard else self.name

    @property
    def target(self) -> str:
        return f"{self.prefix}/{self.model}"

    def backend(self, priority: int) -> dict[str, Any]:
        made: dict[str, Any] = {"providerRef": {"name": self.prefix}, "model": self.model}
        return made | ({"priority": priority} if priority else {})


def read(root: Value, reading: Reading, accounts: Accounts) -> list[Entry]:
    """Every entry that Ostiary can serve, in order; wildcards have their vendor's name as prefix if any entry has."""
    values = list(_values(root))
    if not values:
        raise UnreadableError("is no configuration of Plano: its model_providers are empty")
    found = [(value, parsed) for value in values if (parsed := _name(value, reading)) is not None]
    found.sort(key=lambda each: each[1][1] != "*")
    made = [(value, vendor, model, account) for value, (vendor, model) in found if (account := _account(value, vendor, reading))]
    prefixes = {value.path: accounts.prefix(account) for value, _, _, account in made}
    made.sort(key=lambda each: each[0].line)
    taken: list[str] = []
    entries: list[Entry] = []
    for value, vendor, model, account in made:
        taken.append(objects.unused(objects.object_name(f"{vendor}-{model}"), taken))
        label = reading.text(value.get("name")) or f"{vendor}/{model}"
        entry = Entry(
            value=value, vendor=vendor, model=model, label=label, account=account, prefix=prefixes[value.path],
            object_name=taken[-1],
        )  # fmt: skip
        entries += list(_unique(entry, entries, reading))
    return entries


def _values(root: Value) -> Iterator[Value]:
    """At the top, or (as of old) within the listeners."""
    listeners = root.get("listeners")
    parts = [root, *(listeners.elements if listeners else ()), *(listeners.items.values() if listeners else ())]
    for part in parts:
        for key in ("model_providers", "llm_providers"):
            section = part.get(key)
            yield from section.elements if section else ()


def _name(value: Value, reading: Reading) -> tuple[str, str] | None:
    """Vendor and model; before v0.2 the vendor stood in `provider_interface`."""
    name = reading.text(value.get("model")) or ""
    vendor, slash, model = name.partition("/")
    if not slash:
        vendor, model = reading.text(value.get("provider_interface") or value.get("provider")) or "", name
    if not vendor or not model or not objects.is_client_name(f"{vendor}/{model}") or ("*" in model and model != "*"):
        reading.note(value, "its model is not <vendor>/<model> of letters, digits and -._~:/@+,=")
        return None
    return vendor, model


def _unique(entry: Entry, earlier: list[Entry], reading: Reading) -> Iterator[Entry]:
    if any(other.name == entry.name for other in earlier):
        reading.note(entry.value, "has the model of an earlier entry, which counts")
    elif entry.is_wildcard and entry.prefix != entry.vendor:
        reading.note(entry.value, f"is offered as {entry.prefix}/*, because a Provider's prefix cannot be as written")
        yield entry
    else:
        yield entry


def _account(value: Value, vendor: str, reading: Reading) -> Account | None:
    reading.rest(value, _TAKEN)
    interface = reading.text(value.get("provider_interface") or value.get("provider")) or vendor
    known = PLANO.get(vendor.lower()) or PLANO.get(interface.lower()) or Vendor()
    base = _base(value, known, reading)
    if base is None:
        return None
    region = region_of_bedrock(base)
    if known.type == "bedrock" and not region:
        reading.note(value.items["base_url"], "tells no region: it is not https://bedrock-runtime.<region>.amazonaws.com")
        return None
    if known.remark:
        reading.note(value, known.remark)
    passthrough = (found := value.get("passthrough_auth")) is not None and found.content is True
    if passthrough:
        reading.note(value.items["passthrough_auth"], _TWO_ROLES)
    key = None if passthrough else value.get("access_key")
    return Account(
        vendor=vendor,
        type=known.type,
        base_url=base,
        entry=reading.entry(key, f"{vendor}_API_KEY") if key and not key.says_nothing else "",
        header=known.header,
        passthrough_auth=passthrough,
        host_header=_host(value.get("http_host"), reading),
        headers=tuple(reading.headers(value.get("headers"))),
        place=("bedrock", (("region", region),)) if known.type == "bedrock" else ("", ()),
    )


def _base(value: Value, vendor: Vendor, reading: Reading) -> str | None:
    """Plano replaces `/v1` by the path of base_url if that has one; Ostiary always appends it."""
    given = value.get("base_url")
    if given is None:
        if vendor.why_not or not vendor.base:
            reading.note(value, vendor.why_not or "has no base_url, and its vendor's is not known")
            return None
        return vendor.base + vendor.path
    url = reading.url(given)
    if url is None:
        return None
    url = url.removesuffix("/v1beta") if vendor.type == "google" else url
    path = urlsplit(url).path
    if path.endswith("/v1"):
        return url.removesuffix("/v1")
    if vendor.why_not or (path and vendor is not PLANO["groq"]):
        reading.note(given, vendor.why_not or "does not end in /v1, which Ostiary always appends")
        return None
    return url if path else url + vendor.path


def _host(value: Value | None, reading: Reading) -> str:
    text = reading.text(value)
    if value is None or not text:
        return ""
    if re.fullmatch(patterns.AUTHORITY, text):
        return text
    reading.note(value, "is no host[:port], and is left out")
    return ""
