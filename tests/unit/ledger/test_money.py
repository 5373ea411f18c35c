"""What a record costs, who pays, what was forgiven, what came twice."""

import json
import sqlite3
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.spool_lines import REPLY, line, lost

from ostiary_gateway.contract.price import Price
from ostiary_gateway.contract.record import Usage
from ostiary_gateway.ledger import charge
from ostiary_gateway.ledger.charge import Payer, Where
from ostiary_gateway.ledger.estimate import Text, read
from ostiary_gateway.ledger.pump import LedgerError
from ostiary_gateway.pricing import stated

HELD = "r0123456789ab.1763722400=1,t0123456789ac.1763722400=5000,cabcdefabcdef=1,m0123456789ad=123456789"
PURSES = {"r0123456789ab.1763722400": 1, "t0123456789ac.1763722400": 5000, "cabcdefabcdef": 1, "m0123456789ad": 123456789}
STREAM = {"last": True, "stream": True, "model": "gpt-4o", "usage": []}


class Prices:
    """Ten dollars a million tokens in, thirty out; one budget beside the key's own."""

    def __init__(self) -> None:
        self.rates = stated.rates(Price(input="10", output="30", request="0.001", batch_discount="0.5"), "list", "v7")
        self.asked: list[tuple[str, Where]] = []

    def payer(self, key_id: str, where: Where) -> Payer:
        self.asked.append((key_id, where))
        return Payer({"team": "red"}, ("budget/team/all",), self.rates)


def _step(desk: Any, prices: Any = None) -> Any:
    return desk.pump.step(accounting=prices or Prices())


def test_tp_17_a_record_says_what_it_cost_and_where_the_price_came_from(desk: Any) -> None:
    prices = Prices()
    desk.append(line(1, held=HELD))
    _step(desk, prices)
    (record,) = desk.records()
    assert (record["cost"], record["charged"], record["currency"]) == ("0.00149", "0.00149", "USD")
    assert (record["price_source"], record["price_version"]) == ("list", "v7")
    assert (record["labels"], record["budgets"], record["held"]) == ({"team": "red"}, ["budget/team/all"], PURSES)
    key_id, where = prices.asked[0]
    assert key_id == "team/alice"
    assert where == ("managed", "openai", "openai", "openai/gpt-4o", "", "gpt-4o-2024-08-06", "/v1/chat/completions")


def test_tp_18_a_record_of_a_line_from_before_has_all_fields(desk: Any) -> None:
    desk.append(line(1))
    desk.drain()
    (record,) = desk.records()
    assert (record["version"], record["kind"]) == (2, "request")
    assert (record["cost"], record["charged"], record["price_source"], record["idempotency_key"]) == (None,) * 4
    assert (record["labels"], record["budgets"], record["held"], record["duplicate_of"]) == ({}, [], {}, None)


def test_tp_17_of_a_planned_request_the_last_attempt_is_priced(desk: Any) -> None:
    prices = Prices()
    steps = [["azure", "openai", "gpt-4o", "http_500", 0], ["groq", "openai-compatible", "llama-3", "", 0]]
    planned = json.dumps({"m": "smart", "r": "", "a": steps})
    two = {"addr": "1.1.1.1:443 : 2.2.2.2:443", "us": "500 : 200", "uc": "0.1 : 0.1", "uh": "0.1 : 0.1", "ur": "0.1 : 0.1"}
    desk.append(line(1, a=planned, **two))
    _step(desk, prices)
    assert prices.asked[0][1][:5] == ("managed", "groq", "openai-compatible", "smart", "llama-3")


def test_tp_17_a_batch_costs_less(desk: Any) -> None:
    desk.append(line(1, s={"endpoint": "/openai/v1/batches/b_1", "surface": "pass_through"}))
    _step(desk)
    assert desk.records()[0]["cost"] == "0.000745"


@pytest.mark.parametrize(
    ("changed", "cost", "charged"),
    [
        ({"status": 500, "us": "500"}, "0.00149", "0"),
        ({"status": 502, "us": "502", "uh": "-", "u": ""}, "0", "0"),
        ({"status": 504, "us": "504", "uh": "-", "u": ""}, "0", "0"),
        ({"u": STREAM}, "0", "0"),
        ({"status": 400, "us": "400", "u": ""}, "0", "0"),
        ({"u": STREAM | {"usage": REPLY["usage"]}}, "0.00149", "0.00149"),
        ({"u": STREAM | {"last": False, "chars": 400}, "done": ""}, "0.004", "0.004"),
        ({"status": 400, "us": "400"}, "0.00149", "0.00149"),
    ],
)
def test_gz_10_failures_of_the_provider_are_not_charged(desk: Any, changed: dict[str, Any], cost: str, charged: str) -> None:
    desk.append(line(1, **changed))
    _step(desk)
    (record,) = desk.records()
    assert (record["cost"], record["charged"]) == (cost, charged)


def test_gz_10_a_killed_worker_costs_nothing_that_is_known(desk: Any) -> None:
    desk.append(lost(1))
    _step(desk)
    assert (desk.records()[0]["ended"], desk.records()[0]["charged"]) == ("worker_lost", "0")
    assert desk.records()[0]["usage"] == {}


def test_gz_08_the_same_request_twice_is_charged_once(desk: Any) -> None:
    desk.append(line(1, idempotency="abc") + line(2, idempotency="abc"))
    _step(desk)
    desk.append(line(3, idempotency="abc"))
    batch = _step(desk)
    first, second, third = desk.records()
    assert (first["charged"], first["duplicate_of"]) == ("0.00149", None)
    assert [(r["cost"], r["charged"], r["duplicate_of"]) for r in (second, third)] == [("0.00149", "0", "d0pe-1")] * 2
    spent = batch.settlements.spent["key/team/alice", 1763722400 // 900]
    assert spent == (0, 0, 1)


def test_gz_08_without_a_price_the_tokens_count_once(desk: Any) -> None:
    desk.append(line(1, idempotency="abc") + line(2, idempotency="abc"))
    told = desk.pump.step().settlements
    assert [record["charged"] for record in desk.records()] == [None, "0"]
    assert told.spent["key/team/alice", 1763722400 // 900] == (0, 29, 2)


def test_lm_22_a_record_from_outside_is_priced_too(desk: Any) -> None:
    desk.append(line(1))
    record = _step(desk).records[0]
    outside = msgspec.structs.replace(record, id="0" * 32, surface="external", cost=None, charged=None, budgets=())
    told = desk.pump.step([outside], accounting=Prices())
    assert (told.records[0].cost, told.records[0].budgets) == ("0.00149", ("budget/team/all",))
    assert told.settlements.spent["budget/team/all", 1763722400 // 900].cost == Decimal("0.00149")


def test_gz_08_known_after_a_restart_and_for_its_time_only(desk: Any) -> None:
    at = desk.now = 1763722400.123
    desk.append(line(1, idempotency="abc"))
    _step(desk)
    desk.close()
    desk.append(line(2, idempotency="abc", t=at + 599) + line(3, idempotency="abc", t=at + 601))
    _step(desk)
    assert [record["duplicate_of"] for record in desk.records()] == [None, "d0pe-1", None]


@pytest.mark.parametrize(
    "other",
    [
        {"idempotency": "abd"},
        {"idempotency": "abc", "s": {"key_id": "team/bob"}},
        {"idempotency": "abc", "s": {"endpoint": "/v1/embeddings"}},
        {"idempotency": "abc", "s": {"requested_model": "openai/o3"}},
        {"idempotency": "abc", "in": 1301},
        {},
    ],
)
def test_gz_08_another_request_is_charged(desk: Any, other: dict[str, Any]) -> None:
    desk.append(line(1, idempotency="abc" if other else "") + line(2, **other))
    _step(desk)
    assert [record["charged"] for record in desk.records()] == ["0.00149", "0.00149"]


def test_gz_08_what_was_forgiven_is_charged_when_it_comes_again(desk: Any) -> None:
    desk.append(line(1, idempotency="abc", status=503, us="503", u="") + line(2, idempotency="abc"))
    _step(desk)
    assert [record["charged"] for record in desk.records()] == ["0", "0.00149"]


def test_gz_07_texts_are_counted_where_the_provider_told_nothing(desk: Any) -> None:
    desk.texts = {"d0pe-1": Text(prompt="Say hello to the world.", answer="Hello, world! " * 50, chars=1400)}
    desk.append(line(1, u=STREAM | {"count": True, "chars": 4000}) + line(2, u=STREAM | {"count": True, "chars": 40}))
    _step(desk)
    one, two = desk.records()
    assert desk.fetched == [["d0pe-1", "d0pe-2"]]
    assert (one["usage_source"], one["tokenizer"]) == ("estimated", "o200k_base")
    assert one["usage"]["input_tokens"] == 6 + 7
    assert one["usage"]["output_tokens"] == pytest.approx(400, rel=0.03)
    assert (two["usage"], two["tokenizer"]) == ({"output_tokens": 10}, "characters/4")


def test_gz_07_a_cut_stream_keeps_what_the_provider_told(desk: Any) -> None:
    desk.texts = {"d0pe-1": Text(prompt="x" * 4000, answer="Hello, world! " * 50)}
    start = {"input_tokens": 77, "output_tokens": 1}
    desk.append(line(1, u=STREAM | {"last": False, "count": True, "usage": [start], "model": "claude-sonnet-4"}, done=""))
    _step(desk)
    (record,) = desk.records()
    assert (record["usage_source"], record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == ("partial", 77, 201)


def test_gz_07_a_text_that_was_cut_within_a_character_is_read() -> None:
    told = read(b'{"d0pe-1":{"i":"a\\ud83d","o":"b","ob":5,"oc":7},"d0pe-2":{"i":"c"}}')
    assert told == {"d0pe-1": Text(prompt="a?", answer="b", chars=7), "d0pe-2": Text(prompt="c")}
    for wrong in (b"", b"[]", b'{"d0pe-1":{"i":5}}', b"\xff"):
        with pytest.raises(ValueError, match=r"JSON|Expect|valid|decode|cut"):
            read(wrong)


def test_gz_07_texts_are_kept_until_they_are_in_the_ledger(desk: Any) -> None:
    desk.texts = {"d0pe-1": Text(prompt="hello", answer="world")}
    desk.append(line(1, u=STREAM | {"count": True}))
    desk.pump.step(accounting=None)
    locked = sqlite3.connect(desk.ledger / "state.sqlite", isolation_level=None)
    locked.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="locked"):
        _step(desk)
    locked.close()
    desk.texts = {}
    _step(desk)
    assert desk.records()[0]["tokenizer"] == "o200k_base"


@pytest.mark.parametrize("held", ["r1", "=5", "r1=", "r1=-5", "r1=x", "r1=" + "9" * 40, ",,", "r1=1.5"])
def test_what_is_held_but_cannot_be_read_is_left_out(desk: Any, held: str) -> None:
    desk.append(line(1, held=held + ",m1=5"))
    _step(desk)
    assert desk.records()[0]["held"] == {"m1": 5}


def test_the_spool_waits_for_prices_and_terms(desk: Any) -> None:
    desk.append(line(1))
    assert desk.pump.step(accounting=None).records == []
    assert desk.files() == []
    assert len(_step(desk).records) == 1


def test_a_cost_is_only_unknown_where_the_price_is(desk: Any) -> None:
    assert charge.bill(None, Usage(input_tokens=5), 0, "", free=False) == (None, None, None, None)
    assert charge.bill(None, Usage(input_tokens=5), 0, "", free=True) == (None, "0", None, None)
    assert Decimal(charge.bill(Prices().rates, Usage(input_tokens=5), 0, "", free=True).cost or "") == Decimal("0.00105")
