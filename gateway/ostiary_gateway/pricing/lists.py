"""A price list that a user mounts: a YAML file of patterns and prices."""

import re
from collections.abc import Iterable

import msgspec
import yaml

from ostiary_gateway.contract.price import Listed, PriceList
from ostiary_gateway.pricing import stated
from ostiary_gateway.pricing.rates import Rates

CURRENCY = "USD"


class PriceListError(ValueError):
    """The text is no price list, or a price in it is none."""


def read(text: bytes) -> PriceList:
    """Numbers may be written without quotes.

    Raises:
        PriceListError: with the place of what is wrong.
    """
    try:
        prices = msgspec.convert(_texts(yaml.load(text, _Loader)), PriceList)  # noqa: S506 - a loader that makes texts only
        for listed in prices.prices:
            stated.rates(listed.price, "list")
    except (yaml.YAMLError, msgspec.ValidationError, stated.PriceError, UnicodeDecodeError) as error:
        raise PriceListError(f"price list: {error}") from error
    if prices.currency != CURRENCY:
        raise PriceListError(f"price list: currency {prices.currency} is not {CURRENCY}")
    return prices


class Listing:
    """Looks models up in a list: of the patterns that match, the one with the longest literal part counts."""

    def __init__(self, lists: Iterable[PriceList]) -> None:
        found = [(listed, prices.version) for prices in lists for listed in prices.prices]
        found.sort(key=_literal)
        self._entries = [(_pattern(listed.model), rates) for listed, version in found if (rates := _rates(listed, version))]

    def find(self, name: str) -> Rates | None:
        """Args: name: `<prefix>/<provider model>`."""
        return next((rates for pattern, rates in self._entries if pattern.fullmatch(name)), None)


class _Loader(yaml.SafeLoader):
    """Leaves numbers as they are written: a float would round a price."""


def _as_written(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    return str(loader.construct_scalar(node)) if isinstance(node, yaml.ScalarNode) else ""


for _tag in ("float", "int", "timestamp"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _as_written)


def _texts(value: object) -> object:
    """The one field that is a number."""
    if isinstance(value, dict):
        return {name: _whole(leaf) if name == "above_input_tokens" else _texts(leaf) for name, leaf in value.items()}
    return [_texts(leaf) for leaf in value] if isinstance(value, list) else value


def _whole(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _literal(entry: tuple[Listed, str]) -> tuple[int, str]:
    return -len(entry[0].model.replace("*", "")), entry[0].model


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def _rates(listed: Listed, version: str) -> Rates | None:
    return stated.rates(listed.price, "list", version)
