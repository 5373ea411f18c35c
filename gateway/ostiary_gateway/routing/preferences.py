"""`routing_preferences` in a request body: the client's own routes for this one request instead of the Model's (PL-26)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

FIELD = "routing_preferences"
_MOST = 16  # routes, models of a route, keywords of a route: what a Model may have, too
_LONGEST_KEYWORD = 128
_Name = Annotated[str, Meta(min_length=1, max_length=63)]


class PreferencesError(ValueError):
    """The field is there and is not what PL-26 says."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    prefer: Literal["cheapest", "fastest", "none", ""] = "none"


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """`models` are names as a client may use them: `<prefix>/<provider model>`, a Model, an alias."""

    name: _Name
    description: Annotated[str, Meta(max_length=1024)] = ""
    models: Annotated[list[str], Meta(min_length=1, max_length=_MOST)]
    keywords: Annotated[list[Annotated[str, Meta(min_length=1, max_length=_LONGEST_KEYWORD)]], Meta(max_length=_MOST)] = []
    selection_policy: Policy = Policy()


class _Body(msgspec.Struct):
    routing_preferences: Annotated[list[Preference], Meta(max_length=_MOST)] | None = None


_body = msgspec.json.Decoder(_Body)


def read(body: bytes) -> tuple[Preference, ...] | None:
    """The client's routes; None where it names none.

    Raises:
        PreferencesError: in words that may be shown to the client.
    """
    if FIELD.encode() not in body:
        return None
    try:
        found = _body.decode(body).routing_preferences
    except msgspec.ValidationError as error:
        raise PreferencesError(f"{FIELD}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if found is not None and len({each.name for each in found}) != len(found):
        raise PreferencesError(f"{FIELD}: two routes have one name")
    return tuple(found) if found else None
