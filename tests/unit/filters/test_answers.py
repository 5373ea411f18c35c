"""PL-29: what the answer of an HTTP filter means."""

import json

import pytest

from ostiary_gateway.filters import answers, verdicts

SENT = '{"model": "m", "stream": true, "messages": []}'


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (200, b" \n"), (200, SENT.encode())])
def test_pl_29_200_goes_on(status, body):
    assert answers.verdict(status, body, SENT) == verdicts.PASSED


def test_pl_29_the_body_of_a_200_takes_the_place_of_the_requests():
    new = '{"model": "m",  "stream": true, "messages": [1]}'
    assert answers.verdict(200, new.encode(), SENT) == verdicts.changed(new)


@pytest.mark.parametrize(
    "new",
    [
        '{"messages":[1]}',
        '{"model":"other","stream":false,"messages":[1]}',
        '{"model":"m","stream":true,"messages":0,"messages":[1]}',
    ],
)
def test_a_filter_does_not_choose_who_answers_or_how(new):
    verdict = answers.verdict(200, new.encode(), SENT)
    assert json.loads(verdict.body or "") == {"model": "m", "stream": True, "messages": [1]}
    assert (verdict.body or "").count("messages") == 1


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 499])
def test_pl_29_4xx_stops_with_what_the_filter_said(status):
    verdict = answers.verdict(status, '{"détail": "no"}'.encode(), SENT)
    assert verdict == verdicts.rejected('{"détail": "no"}', status)
    told = {"error": "FilterChainError", "agent": "pii", "status": status, "agent_response": '{"détail": "no"}'}
    assert json.loads(verdicts.chain_error("pii", verdict)) == told


@pytest.mark.parametrize(
    ("status", "body", "seen"),
    [
        (500, b"oops", 500),
        (503, b"", 503),
        (301, b"", 502),
        (201, b"{}", 502),
        (200, b"[]", 502),
        (200, b"{", 502),
        (200, b"\xff", 502),
    ],
)
def test_pl_29_everything_else_is_a_failure_and_5xx_is_surfaced(status, body, seen):
    verdict = answers.verdict(status, body, SENT)
    assert (verdict.outcome, verdict.status) == ("failed", seen)


def test_what_a_client_is_shown_of_an_answer_has_an_end():
    assert len(answers.verdict(400, b"x" * 1_000_000, SENT).why) == answers.LONGEST_STOP
