"""Who pays for a request and at which price, as the bundle in force and the mounted list say."""

import asyncio
import contextlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.decide.bundles import ANTHROPIC, KEY, OPENAI, SECOND, SECRETS, entry, make, model, priced, terms

from ostiary_gateway.contract.limits import Budget
from ostiary_gateway.contract.record import Usage
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.decide.index import Index
from ostiary_gateway.ledger.charge import Where
from ostiary_gateway.server.accountant import Accountant

USAGE = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
WAYS = {
    "surface": "managed",
    "provider": "openai",
    "provider_type": "openai",
    "name": "",
    "sent": "",
    "told": "",
    "endpoint": "/v1/x",
}
LIST = "version: '{}'\nprices: [{{model: 'openai/*', price: {{input: {}, output: 0}}}}]\n"


def _where(**changed: str) -> Where:
    return Where(**(WAYS | changed))


def _accountant(*entries: Any, settings: Settings | None = None, **bundle: Any) -> Any:
    made = make(list(entries or [entry()]), providers=(OPENAI, ANTHROPIC, SECOND), credentials=SECRETS, **bundle)
    index = Index.build(made)
    return Accountant(settings or Settings(), lambda: index, look_seconds=0.02)


def _told(accountant: Any, key_id: str = f"id-{KEY}", **changed: str) -> tuple[str, Decimal] | None:
    rates = accountant.snapshot().payer(key_id, _where(**changed)).rates
    return (rates.source, rates.cost(USAGE)) if rates else None


def test_before_there_is_a_bundle_nobody_knows_who_pays() -> None:
    accountant = Accountant(Settings(), lambda: None)
    assert accountant.snapshot() is None
    assert accountant.prices().rates("openai", "gpt-4o") is None


def test_tp_17_the_models_own_price_counts_of_the_backend_that_answered() -> None:
    smart = priced("smart", "openai/gpt-4o", "1", "2")
    both = msgspec.structs.replace(smart, backends=(*smart.backends, *priced("x", "second/gpt-4o", "3", "4").backends))
    accountant = _accountant(models=(both,))
    assert _told(accountant, name="smart") == ("model", 3)
    assert _told(accountant, name="smart", provider="second", sent="gpt-4o") == ("model", 7)
    assert _told(accountant, name="smart", provider="openai", sent="gpt-4.1") == ("genai-prices", 10)  # the Model changed since
    assert _told(accountant, name="openai/gpt-4o") == ("genai-prices", Decimal("12.5"))


@pytest.mark.parametrize(
    ("way", "cost"),
    [
        ({"name": "gone", "sent": "gpt-4o"}, Decimal("12.5")),
        ({"name": "gone", "sent": "", "told": "gpt-4o-2024-08-06"}, Decimal("12.5")),
        ({"provider": "gone", "name": "gone/gpt-4o"}, Decimal("12.5")),
        ({"provider": "gone", "provider_type": "openai-compatible", "name": "gone/gpt-4o"}, None),
        ({"surface": "pass_through", "endpoint": "/openai/v1/chat/completions", "told": "gpt-4o"}, Decimal("12.5")),
        ({"surface": "pass_through", "endpoint": "/gone/v1/chat/completions", "told": "gpt-4o"}, Decimal("12.5")),
        ({"surface": "pass_through", "endpoint": "nonsense", "told": "gpt-4o"}, Decimal("12.5")),
        ({"surface": "pass_through", "endpoint": "/openai/v1/files"}, None),
        ({"surface": "external", "provider": "unknown", "provider_type": "", "told": "gpt-4o"}, None),
        ({"name": "openai/no-such-model"}, None),
        ({"name": "openai/no-such-model", "told": "gpt-4o"}, Decimal("12.5")),
    ],
)
def test_tp_17_what_is_not_there_any_more_is_priced_by_what_is_known(way: dict[str, str], cost: Decimal | None) -> None:
    told = _told(_accountant(), **way)
    assert (told[1] if told else None) == cost


def test_labels_and_budgets_are_those_of_the_key() -> None:
    held = terms(budgets=("prod/all", "prod/red"), labels={"team": "red"})
    books = _accountant(entry(terms=held), entry("other")).snapshot()
    payer = books.payer(f"id-{KEY}", _where())
    assert (payer.labels, payer.budgets) == ({"team": "red"}, ("budget/prod/all", "budget/prod/red"))
    for key_id in ("id-other", "nobody", ""):
        assert books.payer(key_id, _where())[:2] == ({}, ())


@pytest.mark.parametrize(
    ("held", "name", "source"),
    [
        ({}, "mine", None),
        ({"budgets": ("prod/all",)}, "mine", "default"),
        ({"budgets": ("prod/all",)}, "gpt-4-mine", None),
        ({"on_unpriced": "default"}, "gpt-4-mine", "default"),
        ({"on_unpriced": "allow", "budgets": ("prod/all",)}, "mine", None),
        ({"on_unpriced": "reject"}, "mine", None),
    ],
)
def test_gz_11_without_a_price_the_keys_terms_say_what_it_costs(held: dict[str, Any], name: str, source: str | None) -> None:
    budget = Budget(id="prod/all", amount="5")
    accountant = _accountant(entry(terms=terms(**held)), budgets=(budget,), models=(model("own", f"second/{name}"),))
    unpriced = {"provider": "second", "provider_type": "openai-compatible", "name": "own", "sent": name}
    told = _told(accountant, **unpriced)
    assert (told[0] if told else None) == source
    assert told is None or told[1] == 40


def test_the_last_requests_of_a_key_that_was_taken_away_still_count_for_its_budgets() -> None:
    index = Index.build(make([entry(terms=terms(budgets=("prod/all",)))]))
    accountant = Accountant(Settings(), lambda: index)
    first = accountant.snapshot()
    assert first.payer(f"id-{KEY}", _where()).budgets == ("budget/prod/all",)
    index = Index.build(make([entry("other")]))
    second = accountant.snapshot()
    assert second is not first
    assert second.payer(f"id-{KEY}", _where()).budgets == ("budget/prod/all",)
    index = Index.build(make([entry("third")]))
    assert accountant.snapshot().payer(f"id-{KEY}", _where()).budgets == ("budget/prod/all",)


def test_names_that_clients_choose_are_not_remembered_for_ever() -> None:
    books = _accountant().snapshot()
    for number in range(20_000):
        books.payer(f"key-{number}", _where(surface="external", provider="unknown", provider_type="", told=f"m{number}"))
    assert max(len(books._rates), len(books._terms)) <= 16_384


async def test_a_price_list_is_read_again_when_it_changes_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    accountant = _accountant(settings=Settings(prices=str(path)))
    assert "No such file" in accountant.problem
    watching = asyncio.create_task(accountant.run())
    try:
        path.write_text(LIST.format("one", 5))
        await _becomes(lambda: accountant.problem == "")
        before = accountant.snapshot()
        assert _told(accountant, name="openai/gpt-4o") == ("list", 5)
        path.write_text(LIST.format("two", "cheap"))
        await _becomes(lambda: "cheap" in accountant.problem)
        assert accountant.snapshot() is before
        path.write_text(LIST.format("three", 70))
        await _becomes(lambda: accountant.problem == "")
        rates = accountant.snapshot().payer("", _where(name="openai/gpt-4o")).rates
        assert (rates.version, rates.cost(USAGE)) == ("three", 70)
        assert accountant.prices().rates("openai", "gpt-4o").version == "three"
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _becomes(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - a file is looked at, there is no event
            await asyncio.sleep(0.01)
