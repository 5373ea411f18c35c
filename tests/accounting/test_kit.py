"""The conformance kit itself: an honest meter satisfies it, and every kind of dishonesty is found."""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from click.testing import CliRunner
from tests.accounting.naive_gateway import NaiveGateway
from tests.support.process import free_port

from ostiary_gateway.cli.conformance import conformance
from ostiary_gateway.conformance import caller, meters
from ostiary_gateway.conformance.case import PATHS, Case, Counts
from ostiary_gateway.conformance.cuts import cut, written
from ostiary_gateway.conformance.events import events
from ostiary_gateway.conformance.judge import Judge, Row
from ostiary_gateway.conformance.meters import Meter, MeterError, Reading
from ostiary_gateway.conformance.play import Play
from ostiary_gateway.conformance.provider import Provider
from ostiary_gateway.conformance.run import Bench, connect, run
from ostiary_gateway.conformance.table import DIALECTS, EVENTS, STREAMED, table
from ostiary_gateway.conformance.truth import count, truth

TOKEN = "a-token-of-this-test"
Lie = Callable[[Play, Reading], Reading | None]


class Watcher(Provider):
    """The provider, whose plays a meter of this file may look at: it knows the truth, and may tell another."""

    def __init__(self, lie: Lie = lambda _, reading: reading) -> None:
        super().__init__()
        self._lie = lie
        self._seen: dict[str, Play] = {}
        self._by_nonce: list[Play] = []

    def expect(self, play: Play) -> None:
        super().expect(play)
        self._by_nonce.append(play)

    async def read(self, ids: Sequence[str]) -> Reading | None:
        play = next(play for play in self._by_nonce if play.request_ids[0] == ids[0])
        true = truth(play)
        return self._lie(play, Reading(input=true.input or 0, output=true.output or 0, cost=true.cost))


def plays(cases: Sequence[Case], lie: Lie = lambda _, reading: reading) -> list[Row]:
    """Cases played without any gateway between client and provider."""

    async def play() -> list[Row]:
        async with Watcher(lie) as provider, caller.session() as session:
            callers = connect(session, [f"http://127.0.0.1:{provider.port}"], "sk-x")
            return await run(Bench(provider=provider, callers=callers, meter=provider, patience=0), cases, Judge())

    return asyncio.run(play())


def of(*names: str) -> list[Case]:
    wanted = [case for case in table() if any(name in case.name for name in names)]
    assert wanted
    return wanted


def test_an_honest_gateway_is_right_in_every_case() -> None:
    """Also: provider and client come to an end in each of them."""
    assert [row for row in plays(table()) if not row.right] == []


@pytest.mark.parametrize(
    ("names", "lie", "differs"),
    [
        (["stream, cached"], lambda _, r: replace(r, cost=r.cost + Decimal("0.000001")), {"cost"}),
        (["whole answer, reasoning"], lambda p, r: replace(r, output=r.output - p.case.counts.reasoning), {"output"}),
        (["cut at number"], lambda _, r: replace(r, input=r.input + 1), {"input"}),
        (["after 4 events"], lambda _, r: replace(r, output=int(r.output * 1.06) + 1), {"output"}),
        (["after 3 events"], lambda _, r: None, {"nothing charged"}),
        (["stream, usage comes late"], lambda _, r: replace(r, cost=None), {"no cost"}),
        (["400: nothing"], lambda _, r: replace(r, cost=Decimal("0.01")), {"cost"}),
        (["whole answer of 40 kB"], lambda _, r: replace(r, cost=r.cost * 2, input=r.input * 2), {"input", "cost"}),
    ],
)  # fmt: skip
def test_a_dishonest_meter_is_found(names: list[str], lie: Lie, differs: set[str]) -> None:
    rows = plays(of(*names), lie)
    assert {name for row in rows for name in row.differs} == differs
    assert all(not row.right for row in rows)


async def test_a_naive_gateway_is_found_out() -> None:
    """It is right about whole answers and unbroken streams, and wrong wherever gateways in the field were."""
    right = {"chat: whole answer", "chat: whole answer, cached input", "chat: stream cut at events", "chat: stream, reasoning"}
    wrong = {
        "chat: stream cut at key", "chat: stream cut at number", "chat: stream without a space after the colon",
        "chat: whole answer without usage", "chat: stream, client did not ask for usage", "chat: client leaves after 4 events",
        "chat: provider resets after 3 events", "chat: whole answer, sent twice with one id: charged once",
    }  # fmt: skip
    cases = [case for case in table() if case.name in right | wrong]
    async with Provider() as provider, NaiveGateway(f"http://127.0.0.1:{provider.port}") as naive, caller.session() as session:
        bench = Bench(provider=provider, callers=connect(session, [naive.url], "sk-x"), meter=naive, patience=0.5)
        rows = {row.case: row for row in await run(bench, cases, Judge())}
    assert [name for name in right if not rows[name].right] == []
    wrong = {
        "chat: stream cut at key", "chat: stream cut at number", "chat: stream without a space after the colon",
        "chat: whole answer without usage", "chat: stream, client did not ask for usage", "chat: client leaves after 4 events",
        "chat: provider resets after 3 events", "chat: whole answer, sent twice with one id: charged once",
    }  # fmt: skip
    assert [name for name in wrong if rows[name].right] == []


@pytest.mark.parametrize(
    "case", [case for case in table() if case.wire.cut not in {"events", "whole"}], ids=lambda case: case.name
)
def test_a_cut_loses_nothing_and_is_where_it_says(case: Case) -> None:
    stream = [written(event, case.wire) for event in events(case, "x", asked=True)]
    taken_apart = [list(cut(data, case.wire.cut)) for data in stream]
    assert [b"".join(parts) for parts in taken_apart] == stream
    assert any(len(parts) > 1 for parts in taken_apart) or (case.wire.cut == "utf8" and case.wire.ascii)


@pytest.mark.parametrize("dialect", STREAMED)
def test_clients_leave_at_every_event_of_a_stream(dialect: str) -> None:
    (plain,) = (case for case in table() if case.name == f"{dialect}: stream cut at events")
    assert len(list(events(plain, "x", asked=True))) == EVENTS[plain.dialect]


def test_every_case_has_a_name_and_counts_of_its_own() -> None:
    cases = table()
    assert len({case.name for case in cases}) == len(cases)
    assert len({case.counts.input for case in cases if case.counts.input < 4000 and not case.counts.cache_read}) > 150
    assert {case.dialect for case in cases} == set(DIALECTS) == set(PATHS)


def test_tp_17_the_kits_own_cost_is_exact() -> None:
    counts = Counts(input=1000, output=100, cache_read=300, cache_write=200, reasoning=50)
    assert counts.cost == Decimal("0.00384")  # 500 fresh at 3, 300 at 0.30, 200 at 3.75, 100 at 15 a million


def test_a_text_is_counted_by_a_real_tokenizer() -> None:
    assert count("") == 0
    assert count("Hello world") == 2
    assert count("<|endoftext|>") > 1  # a text, not a sign


@pytest.mark.parametrize("gateway", ["ostiary", "litellm"])
def test_the_configuration_is_for_the_gateway_to_read(gateway: str) -> None:
    shown = CliRunner().invoke(conformance, ["--configuration", gateway, "--provider-port", "9471", "--key", "sk-mine"])
    assert shown.exit_code == 0
    values = list(yaml.safe_load_all(shown.output))
    assert "http://127.0.0.1:9471" in shown.output
    if gateway == "ostiary":
        assert hashlib.sha256(b"sk-mine").hexdigest() in shown.output
        assert {value["kind"] for value in values} == {"Provider", "Model", "Secret", "ApiKey"}
    else:
        assert [model["model_info"]["input_cost_per_token"] for model in values[0]["model_list"]] == [3e-06, 3e-06]


def test_the_cases_can_be_listed() -> None:
    listed = CliRunner().invoke(conformance, ["--list", "--only", "^chat: .*resets"])
    assert listed.output.split() == ["broken", "chat:", "provider", "resets", "after", "3", "events"]


def _command(folder: Path, answer: str) -> str:
    (folder / "meter").write_text(f"#!/bin/sh\n{answer}\n")
    (folder / "meter").chmod(0o755)
    return f"command:{folder / 'meter'}"


def test_the_command_reports_a_fault_and_ends_with_one(tmp_path: Path) -> None:
    """Client and provider need no gateway between them for this: the URL is the provider's own."""
    port = free_port()
    meter = _command(tmp_path, 'echo \'{"input_tokens": 1, "output_tokens": 2, "cost": "0.5"}\'')
    words = [f"http://127.0.0.1:{port}/v1", "--provider-port", str(port), "--meter", meter, "--patience", "0"]
    table_text = CliRunner().invoke(conformance, [*words, "--only", "embeddings: whole answer$"])
    assert table_text.exit_code == 1
    (line,) = (line for line in table_text.output.splitlines() if "embeddings" in line and line.startswith("WRONG"))
    assert line.split()[-3:] == ["input,", "output,", "cost"]
    told = CliRunner().invoke(conformance, [*words, "--only", "embeddings: whole answer$", "--json"])
    assert told.exit_code == 1
    (row,) = json.loads(told.output)["cases"]
    assert (row["charged_input"], row["charged_cost"], row["differs"]) == (1, "0.5", ["input", "output", "cost"])


def test_the_command_ends_with_zero_where_all_is_right(tmp_path: Path) -> None:
    port = free_port()
    case = of("embeddings: whole answer")[0]
    told = {"input_tokens": case.counts.input, "output_tokens": 0, "cost": str(case.counts.cost)}
    meter = _command(tmp_path, f"echo '{json.dumps(told)}'")
    words = [f"http://127.0.0.1:{port}", "--provider-port", str(port), "--meter", meter, "--patience", "0"]
    shown = CliRunner().invoke(conformance, [*words, "--only", f"^{re.escape(case.name)}$"])
    assert shown.exit_code == 0, shown.output
    assert "1 of 1 right" in shown.output


@pytest.mark.parametrize("words", [[], ["http://127.0.0.1:1"], ["http://127.0.0.1:1", "--meter", "abacus:x"]])
def test_what_cannot_be_done_is_said(words: list[str]) -> None:
    shown = CliRunner().invoke(conformance, [*words, "--provider-port", str(free_port())])
    assert shown.exit_code in {1, 2}
    assert "Error" in shown.output
    assert "Traceback" not in shown.output


@dataclass
class Site:
    """A meter's other side: answers GETs with JSON, by path and query."""

    answers: dict[str, object]

    async def serve(self) -> tuple[web.AppRunner, str]:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        return runner, f"http://{host}:{port}"

    async def _answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({}, status=401)
        return web.json_response(self.answers.get(request.path_qs, []))


async def read_from(kind: str, answers: dict[str, object], ids: list[str], token: str = TOKEN) -> Reading | None:
    runner, url = await Site(answers).serve()
    try:
        async with caller.session() as session:
            meter: Meter = meters.build(f"{kind}:{url}", session, token)
            return await meter.read(ids)
    finally:
        await runner.cleanup()


async def test_a_litellm_proxy_is_read_by_any_id_that_it_may_know() -> None:
    rows = [{"request_id": "chatcmpl-7", "spend": 0.0031, "prompt_tokens": 12, "completion_tokens": 34}]
    found = await read_from("litellm", {"/spend/logs?request_id=chatcmpl-7": rows}, ["mine", "chatcmpl-7"])
    assert found == Reading(input=12, output=34, cost=Decimal("0.0031"))


async def test_ostiarys_admin_api_is_read_without_what_was_charged_to_nobody() -> None:
    record = {"id": "e-1", "request_id": "mine", "usage": {"input_tokens": 5, "output_tokens": 6}, "charged": "0.00011"}
    items = [record, {**record, "id": "e-2", "duplicate_of": "e-1", "charged": "0"}]
    page = {"items": items, "total_count": 2, "page": 1, "page_size": 50}
    found = await read_from("ostiary-admin", {"/admin/usage/records?request_id=mine": page}, ["mine"])
    assert found == Reading(input=5, output=6, cost=Decimal("0.00011"))


async def test_a_meter_that_refuses_is_an_error_and_not_nothing() -> None:
    with pytest.raises(MeterError, match="401"):
        await read_from("ostiary-admin", {}, ["mine"], token="wrong")


async def test_a_ledger_is_read_line_by_line_as_it_grows(tmp_path: Path) -> None:
    file = tmp_path / "usage-2026-11-21.jsonl"
    record = {"id": "e-1", "request_id": "mine", "usage": {"input_tokens": 5, "output_tokens": None}, "charged": "0.1"}
    whole = json.dumps(record) + "\n"
    file.write_text(json.dumps({"version": 2, "kind": "credit", "id": "p-1"}) + "\n" + whole[:20])
    meter = meters.Ledger([tmp_path])
    assert await meter.read(["mine"]) is None
    with file.open("a") as more:
        more.write(whole[20:])
    assert await meter.read(["other", "mine"]) == Reading(input=5, output=0, cost=Decimal("0.1"))
