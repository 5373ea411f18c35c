"""Usage added up, postings, the statement, and models without a price."""

import msgspec
import pytest
from tests.unit.admin.rig import VIEWER
from tests.unit.admin.test_records import posting, write

from ostiary_gateway.admin.money import KINDS
from ostiary_gateway.contract.record import Record, Usage

GIVEN = {"kind": "credit", "account": "key/red/ann", "amount": "12.50", "reason": "a present"}


def record(number: int, key: str, **fields: object) -> bytes:
    made = Record(
        id=f"e-{number}",
        request_id=f"r-{number}",
        timestamp=f"2026-11-21T{number:02}:00:00.000Z",
        key_id=key,
        namespace=key.partition("/")[0],
        surface="managed",
        method="POST",
        endpoint="/v1/chat/completions",
        provider="openai",
        model="m",
        status=200,
        ended="completed",
        usage=Usage(input_tokens=10, output_tokens=number),
        cost="0.000000001",
        charged="0.000000001",
        **fields,
    )
    return msgspec.json.encode(record_of(made)) + b"\n"


def record_of(made: Record) -> Record:
    return msgspec.structs.replace(made, usage_source="provider")


async def test_tp_19_usage_is_added_up_by_what_is_asked_for(admin):
    write(admin.ledger, [record(0, "red/ann", labels={"team": "x"}), record(1, "red/ben"), record(2, "red/ann")])
    page = await admin.get("/usage", token=VIEWER)
    rows = [(row["name"], row["requests"], row["output_tokens"], row["charged"]) for row in page["items"]]
    assert rows == [("red/ann", 2, 2, "0.000000002"), ("red/ben", 1, 1, "0.000000001")]
    assert (page["total_count"], page["page"], page["page_size"]) == (2, 1, 50)
    ann = await admin.get("/usage?by=hour,key&key=red/ann&since=2026-11-21T01:00:00Z&until=2026-11-22")
    assert [row["requests"] for row in ann["items"]] == [1]
    second = await admin.get("/usage?order=name&page=2&page_size=1")
    assert ([row["name"] for row in second["items"]], second["total_count"]) == (["red/ben"], 2)
    labelled = await admin.get("/usage?by=label:team&label=team=x")
    assert [(row["groups"], row["requests"]) for row in labelled["items"]] == [({"label:team": "x"}, 1)]


@pytest.mark.parametrize(
    "query", ["by=color", "by=", "since=yesterday", "label=team", "by=key,key", "order=worst", "page_size=1000"]
)
async def test_a_question_about_usage_is_checked(admin, query):
    refused = await admin.ask("GET", f"/usage?{query}")
    assert (refused.status, refused.code) == (400, "bad_request")


async def test_a_posting_goes_to_the_ledger_with_who_made_it(admin):
    posted = await admin.ask("POST", "/postings", GIVEN)
    (kept,) = admin.till.posted
    assert (posted.status, posted.json["id"]) == (201, kept.id)
    assert (kept.kind, kept.account, kept.amount, kept.reason, kept.actor) == (
        "credit",
        "key/red/ann",
        "12.5",
        "a present",
        "admin",
    )
    assert posted.json == msgspec.to_builtins(kept)


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "gift"}, {"account": "ann"}, {"account": "key/"}, {"amount": 5}, {"amount": "1e5"}, {"amount": "0.00"},
     {"amount": "-0"}, {"amount": "NaN"}, {"reason": ""}, {"reason": " "}, {"amount": "-1"},
     {"reason": "two\nlines"}, {"actor": "me"}],
)  # fmt: skip
async def test_a_posting_is_checked(admin, wrong):
    refused = await admin.ask("POST", "/postings", GIVEN | wrong)
    assert (refused.status, refused.code) == (422, "invalid")
    assert admin.till.posted == []


async def test_a_posting_that_the_ledger_cannot_take_is_refused(admin):
    admin.till.full = True
    assert (await admin.ask("POST", "/postings", GIVEN)).status == 503


async def test_postings_are_listed_as_the_ledger_has_them(admin):
    write(admin.ledger, [posting(0), record(1, "a/ann"), posting(1, "refund"), posting(2, "grant", "budget/a/b")])

    async def found(query: str = "") -> list[str]:
        return [item["id"] for item in (await admin.get(f"/postings?{query}", token=VIEWER))["items"]]

    assert await found() == ["p-2", "p-1", "p-0"]
    assert await found("account=key/a/ann&order=oldest") == ["p-0", "p-1"]
    assert [await found(f"kind={kind}") for kind in KINDS] == [["p-0"], ["p-2"], ["p-1"], []]
    assert await found("account=budget/a/b") == ["p-2"]
    page = await admin.get("/postings?page_size=1")
    assert [item["id"] for item in (await admin.get(f"/postings?page_size=1&after={page['next']}"))["items"]] == ["p-1"]


async def test_the_statement_is_told_from_a_cursor_on(admin):
    assert (await admin.get("/statement", token=VIEWER))["cursor"] == "c1"
    assert (await admin.get("/statement?after=c1"))["cursor"] == "c2"
    assert admin.told.asked == ["", "c1"]


async def test_models_without_a_price_are_listed(admin):
    page = await admin.get("/unpriced?page_size=2")
    assert page == {"items": [{"model": "a/one"}, {"model": "b/two"}], "total_count": 3, "page": 1, "page_size": 2}
