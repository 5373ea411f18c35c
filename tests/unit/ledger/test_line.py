"""What a spool line means."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.spool_lines import REPLY, line, lost

from ostiary_gateway.contract.record import Attempt, Record, Usage
from ostiary_gateway.ledger.line import LineError, decode, record

BROKEN = REPLY | {"last": False, "usage": []}
NO_ANSWER = {"uh": "-", "uc": "-", "u": ""}


def _record(text: bytes) -> Record:
    return record(decode(text.removeprefix(b"\x1e")))


def test_lm_20_a_line_becomes_a_record() -> None:
    assert _record(line()) == Record(
        id="d0pe-1",
        request_id="8c7cf5f1d0a94a3c8e2bb2f6d0a0c1aa",
        timestamp="2025-11-21T10:53:20.123Z",
        key_id="team/alice",
        key_version="1",
        key_name="alice",
        namespace="team",
        owner="Alice",
        masked_key="abcdef",
        surface="managed",
        method="POST",
        endpoint="/v1/chat/completions",
        provider="openai",
        requested_model="openai/gpt-4o",
        model="gpt-4o-2024-08-06",
        status=200,
        ended="completed",
        error_type=None,
        stream=False,
        usage_source="provider",
        usage=Usage(input_tokens=19, output_tokens=10),
        attempts=(
            Attempt(
                provider="openai",
                address="127.0.0.1:9",
                status=200,
                connect_ms=1.0,
                first_byte_ms=100.0,
                duration_ms=122.0,
            ),
        ),
        request_bytes=1300,
        response_bytes=900,
        duration_ms=123.0,
        first_byte_ms=101.0,
    )


@pytest.mark.parametrize(
    ("fields", "ended", "error_type"),
    [
        ({}, "completed", None),
        ({"status": 302, "us": "302"}, "completed", None),
        ({"status": 429, "us": "429"}, "completed", "provider_rejected"),
        ({"status": 500, "us": "500"}, "completed", "provider_error"),
        ({"status": 504, "us": "504"}, "completed", "provider_error"),
        ({"status": 499, "us": "499", "done": "", **NO_ANSWER}, "client_closed", "client_closed"),
        ({"status": 499, "us": "200", "done": "", "u": BROKEN}, "client_closed", "client_closed"),
        ({"status": 499, "us": "499"}, "completed", "provider_rejected"),
        ({"done": "", "u": BROKEN}, "client_closed", "client_closed"),
        ({"done": ""}, "client_closed", "client_closed"),
        ({"done": "", "u": '{"last":false,"stream":true,"end":true}'}, "completed", None),
        ({"u": BROKEN}, "upstream_failed", "provider_broken"),
        ({"status": 502, "us": "502", **NO_ANSWER}, "upstream_failed", "provider_unreachable"),
        ({"status": 504, "us": "504", **NO_ANSWER}, "upstream_failed", "provider_timeout"),
        ({"status": 502, "addr": "", "us": "", "uc": "", "uh": "", "ur": "", "u": ""}, "upstream_failed", "provider_unreachable"),
        ({"status": 400, "us": "400", "done": "", **NO_ANSWER}, "client_closed", "client_closed"),
        ({"status": 413, "addr": "", "us": "", "uc": "", "uh": "", "ur": "", "u": ""}, "completed", "gateway_error"),
        ({"u": "not json"}, "completed", None),
        ({"u": ""}, "completed", None),
    ],
)
def test_how_it_ended(fields: dict[str, Any], ended: str, error_type: str | None) -> None:
    found = _record(line(**fields))
    assert (found.ended, found.error_type) == (ended, error_type)


def test_a_dead_workers_request_is_known_but_its_counts_are_not() -> None:
    found = _record(lost(7))
    assert (found.id, found.ended, found.error_type, found.status) == ("d0pe-7", "worker_lost", "worker_lost", 0)
    assert (found.key_id, found.usage, found.usage_source) == ("team/alice", Usage(), "none")
    assert found.duration_ms == 1500.0


def test_every_try_is_an_attempt() -> None:
    found = _record(
        line(addr="10.0.0.1:443, [2001:db8::1]:443 : 10.0.0.2:443", us="502, 504 : 200", uc="-, 0.002 : 0.003",
             uh="-, - : 0.050", ur="0.001, 2.000 : 0.060", rt=2.1)
    )  # fmt: skip
    assert [(a.address, a.status, a.connect_ms, a.first_byte_ms, a.duration_ms) for a in found.attempts] == [
        ("10.0.0.1:443", 0, None, None, 1.0),
        ("[2001:db8::1]:443", 0, 2.0, None, 2000.0),
        ("10.0.0.2:443", 200, 3.0, 50.0, 60.0),
    ]
    assert found.first_byte_ms == 2090.0


def _plan(*steps: list[Any], **fields: Any) -> str:
    return json.dumps({"m": "smart", "r": "", "a": steps} | fields)


FIRST, SECOND = ["openai", "openai", "gpt-4o", "http_503", 0], ["second", "openai-compatible", "other", "", 120]
TWO = {"addr": "10.0.0.1:443 : 10.0.0.2:443", "us": "503 : 200", "uc": "0.001 : 0.003", "uh": "0.020 : 0.050",
       "ur": "0.021 : 0.060", "rt": 0.2}  # fmt: skip


def test_it_3_each_try_of_a_plan_has_its_backend_and_its_failure() -> None:
    found = _record(line(a=_plan(FIRST, SECOND, r="code"), **TWO))
    assert (found.provider, found.resolved_model, found.route) == ("second", "smart", "code")
    assert (found.ended, found.error_type, found.status) == ("completed", None, 200)
    assert [(a.provider, a.model, a.error_type, a.waited_ms, a.status, a.address) for a in found.attempts] == [
        ("openai", "gpt-4o", "http_503", 0, 503, "10.0.0.1:443"),
        ("second", "other", "", 120, 200, "10.0.0.2:443"),
    ]
    assert found.first_byte_ms == 190.0


def test_a_request_without_a_plan_has_neither_model_nor_route() -> None:
    found = _record(line(a=""))
    assert (found.resolved_model, found.route, found.provider) == (None, None, "openai")
    assert [(a.provider, a.model, a.error_type, a.waited_ms) for a in found.attempts] == [("openai", "", "", 0)]


def test_a_plan_that_cannot_be_read_costs_no_record() -> None:
    for text in ("no json", "[]", '{"a":[["openai"]]}', '{"a":[["openai","openai","m","",-0.5]]}'):
        found = _record(line(a=text))
        assert (found.provider, len(found.attempts), found.resolved_model) == ("openai", 1, None)


def test_a_try_that_found_no_backend_to_connect_to_counts_where_it_failed() -> None:
    failed = ["second", "openai", "other", "connection_error", 5]
    found = _record(line(a=_plan(FIRST, failed), status=502, us="503", uh="0.020", u="", done="OK"))
    assert [(a.provider, a.status, a.address, a.duration_ms) for a in found.attempts] == [
        ("openai", 503, "127.0.0.1:9", 122.0),
        ("second", 0, "", None),
    ]
    assert (found.provider, found.ended, found.error_type) == ("second", "upstream_failed", "provider_unreachable")


def test_a_client_that_leaves_during_a_wait_made_no_further_try() -> None:
    found = _record(line(a=_plan(FIRST, SECOND), status=499, us="503", uh="0.020", u="", done=""))
    assert [a.provider for a in found.attempts] == ["openai"]
    assert (found.provider, found.ended, found.error_type) == ("openai", "client_closed", "client_closed")


def test_a_try_that_the_plan_does_not_know_is_kept() -> None:
    found = _record(line(a=_plan(FIRST), **TWO))
    assert [(a.provider, a.status) for a in found.attempts] == [("openai", 503), ("openai", 200)]


@pytest.mark.parametrize(
    ("steps", "fields", "ended", "error_type"),
    [
        ([FIRST], {"status": 503, "us": "503"}, "upstream_failed", "retry_exhausted"),
        ([FIRST], {"status": 503, "us": "503", "done": "", "u": BROKEN}, "client_closed", "client_closed"),
        ([], {"status": 502, "addr": "", "us": "", "uc": "", "uh": "", "ur": "", "u": ""}, "upstream_failed", "retry_exhausted"),
    ],
)
def test_pl_09_exhaustion_is_told_from_a_providers_own_error(steps, fields, ended, error_type) -> None:
    found = _record(line(a=_plan(*steps, x=True), **fields))
    assert (found.ended, found.error_type, found.first_byte_ms) == (ended, error_type, None)


def test_gz_14_the_providers_own_error_of_the_last_try_is_no_exhaustion() -> None:
    steps = [FIRST, ["second", "openai", "other", "", 0]]
    found = _record(line(a=_plan(*steps), **TWO | {"us": "503 : 404"}, status=404))
    assert (found.ended, found.error_type, found.provider) == ("completed", "provider_rejected", "second")


@pytest.mark.parametrize(
    ("error", "status", "error_type"),
    [("timeout_30000ms", 504, "provider_timeout"), ("connection_error", 502, "provider_unreachable")],
)
def test_what_the_guard_says_for_a_silent_provider_is_no_answer(error: str, status: int, error_type: str) -> None:
    step = ["openai", "openai", "gpt-4o", error, 0]
    found = _record(line(a=_plan(step), status=status, us=str(status), addr="unix:/run/guard.sock", u=""))
    assert (found.ended, found.error_type) == ("upstream_failed", error_type)
    assert (found.attempts[0].status, found.attempts[0].first_byte_ms) == (0, None)


def test_a_status_of_a_client_that_left_early_is_499() -> None:
    text = line(status=200, done="", **NO_ANSWER).replace(b'"status": 200,', b'"status":009,')
    assert (_record(text).status, _record(text).ended) == (499, "client_closed")


def test_lm_24_an_error_page_has_no_usage() -> None:
    found = _record(line(status=500, us="500", u={"last": True, "stream": False, "model": None, "usage": []}))
    assert (found.status, found.model, found.usage, found.usage_source) == (500, None, Usage(), "none")
    assert found.error_type == "provider_error"


def test_a_cut_stream_is_estimated() -> None:
    found = _record(line(done="", u={"last": False, "stream": True, "model": "m", "usage": [], "chars": 100}))
    assert (found.usage, found.usage_source, found.stream) == (Usage(output_tokens=25), "estimated", True)


def test_fields_may_be_empty_but_not_missing() -> None:
    assert _record(line(s={"requested_model": "", "owner": ""})).requested_model is None
    with pytest.raises(LineError):
        _record(line().replace(b"\\t4242", b""))
    with pytest.raises(LineError):
        _record(line(s={"start": "soon"}))


def test_a_status_that_was_never_set_is_0() -> None:
    assert _record(line().replace(b'"status": 200,', b'"status":000,')).status == 0


def test_long_names_of_models_are_cut() -> None:
    assert len(_record(line(u=REPLY | {"model": "x" * 5000})).model or "") == 256


@pytest.mark.parametrize("text", [b"", b"\n", b"{}\n", line()[1:-1], line(v=2)[1:], b'{"v":1,"id":"a-\xff","s":"","t":1}\n'])
def test_other_texts_are_no_lines(text: bytes) -> None:
    with pytest.raises(LineError):
        decode(text)


@pytest.mark.parametrize("name", ["", "7", "-7", "a-", "a-x", "a-7x", "a--"])
def test_other_ids_are_refused(name: str) -> None:
    with pytest.raises(LineError):
        _ = decode(line(id=name)[1:]).key


def test_an_epoch_may_hold_dashes() -> None:
    assert decode(line(id="a-b-12")[1:]).key == ("a-b", 12)


_times = st.sampled_from(["", "-", "0.001", "0.001, 0.002", "0.001 : -", "-, -"])


@settings(deadline=None)
@given(
    us=st.sampled_from(["", "-", "200", "502, 200", "502 : 504"]),
    uh=_times,
    uc=_times,
    ur=_times,
    addr=st.text(max_size=9),
    steps=st.lists(st.sampled_from([FIRST, SECOND]), max_size=4),
)
def test_lists_of_any_length_are_read(*, us: str, uh: str, uc: str, ur: str, addr: str, steps: list[Any]) -> None:
    assert isinstance(_record(line(us=us, uh=uh, uc=uc, ur=ur, addr=addr, a=_plan(*steps) if steps else "")), Record)


@pytest.mark.parametrize(("error", "status"), [("not_expressible", 400), ("gateway_error", 503)])
def test_pl_24_a_request_that_no_provider_was_asked_is_none_s_error(error: str, status: int) -> None:
    step = ["openai", "anthropic", "claude", error, 0]
    found = _record(line(a=_plan(step), status=status, us=str(status), addr="unix:/run/translator.sock", u='{"last":true}'))
    assert (found.ended, found.error_type, found.usage_source) == ("completed", error, "none")
    assert [(a.error_type, a.address) for a in found.attempts] == [(error, "")]
