"""What happens to a planned request while something else happens: clients leave, manifests change, the guard dies."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from tests.support.client import call, stream
from tests.support.manifests import api_key, model, provider
from tests.support.planned import BROKEN, CHAT, HELLO, KEY, LIMITED, OK, Bed, open_bed, policy, rule
from tests.support.process import child_of
from tests.support.queued_provider import Answer
from tests.support.wait import until

ELSEWHERE = policy(rule("DifferentProvider", 2, 429, "500-504"))
SLOWLY = policy(rule("SameModel", 2, 429), backoff={"applyTo": "Global", "baseMilliseconds": 600, "jitter": False})
QUICK = {"consecutiveFailures": 1, "openSeconds": 1, "warmUpSeconds": 0}
MODELS = [
    *[model(f"over-{name}", "openai", "anthropic", retryPolicy=ELSEWHERE) for name in ("body", "told")],
    *[model(f"over-{name}", "openai", retryPolicy=SLOWLY) for name in ("patient", "changes")],
    model("over-again", "openai", retryPolicy=policy(rule("SameModel", 8, 429))),
    model("over-timed", "openai", "anthropic", timeouts={"attemptMilliseconds": 5000}),
    model("over-probe", "quick", "anthropic", retryPolicy=ELSEWHERE),
]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with open_bed(tmp_path_factory.mktemp("failover")) as bed:
        bed.gateway.apply(*provider("quick", bed.primary.url, credential="sk-quick", breaker=QUICK), *MODELS, file="failover")
        yield bed


@pytest.fixture
def alone(own: Bed) -> Bed:
    own.answer()
    return own


def leave(bed: Bed, name: str, seconds: float = 0.3) -> str:
    """Ask, and hang up before there is an answer."""
    request_id = uuid4().hex
    body, own = {"model": name, "messages": HELLO}, {"x-request-id": request_id}
    asking = stream(bed.gateway.base_url, CHAT, body, key=KEY, headers=own, seconds=seconds)
    with pytest.raises(TimeoutError), asking:
        pass
    return request_id


def tell_health(bed: Bed, what: object) -> bytes:
    """POST /health on control.sock: the head of the answer."""
    body = json.dumps(what).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(bed.gateway.run / "control.sock"))
        connection.sendall(b"POST /health HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        return connection.recv(4096)


def test_a_client_that_leaves_while_we_wait_is_not_retried_for(alone: Bed) -> None:
    alone.answer(LIMITED)
    record = alone.gateway.record(leave(alone, "over-patient"))
    assert (record["status"], record["ended"]) == (499, "client_closed")
    assert (record["attempts"][0]["status"], record["attempts"][0]["error_type"]) == (429, "http_429")
    assert [each["connect_ms"] for each in record["attempts"][1:]] in ([], [None]), "nginx may note that it did not try"
    assert alone.counts == [1, 0, 0]


def test_manifests_that_change_while_we_wait_change_nothing_for_it(alone: Bed) -> None:
    alone.answer([LIMITED, OK])
    start = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(alone.chat, "over-changes")
        until(lambda: alone.counts[0] == 1, "the first attempt")
        alone.gateway.apply(api_key("another", "sk-another"))
        outcome = waiting.result()
    assert outcome.status == 200
    assert time.monotonic() - start >= 0.6
    assert alone.counts == [2, 0, 0]


def test_a_half_open_backend_is_not_lost_with_a_client_that_leaves(alone: Bed) -> None:
    alone.answer(BROKEN)
    assert alone.chat("over-probe").status == 200
    target = "quick/over-probe"
    until(lambda: alone.health()["breakers"][target]["state"] == "HALF_OPEN", "its time is over")
    alone.answer(Answer(delay=5))
    alone.gateway.record(leave(alone, "over-probe"))
    alone.answer()
    assert alone.chat("over-probe").headers["x-ostiary-provider"] == "quick"
    assert alone.health()["breakers"].get(target, {"state": "CLOSED"})["state"] == "CLOSED"


def test_a_guard_that_dies_opens_no_breaker_and_comes_back(alone: Bed) -> None:
    assert alone.chat("over-timed").status == 200
    guard = child_of(alone.gateway.pid("supervisor"), "guard")
    assert guard is not None
    os.kill(guard, signal.SIGKILL)
    until(lambda: alone.chat("over-timed").status == 200, "a guard again")
    breakers = alone.health()["breakers"]
    assert [target for target in breakers if "over-timed" in target and breakers[target]["failures"]] == []


def test_what_other_replicas_say_counts_before_the_first_attempt(alone: Bed) -> None:
    until_ms = alone.health()["now"] + 60_000
    assert b" 204 " in tell_health(alone, {"blocks": {"m:openai/over-told": [until_ms, "retry_after"]}})
    assert alone.chat("over-told").headers["x-ostiary-provider"] == "anthropic"
    assert 0 < alone.blocks("m:openai/over-told") <= 60
    assert b" 204 " in tell_health(alone, {"reset": ["openai/over-told"]})
    assert alone.chat("over-told").headers["x-ostiary-provider"] == "openai"
    assert b" 400 " in tell_health(alone, {"blocks": {"m:openai/over-told": 1}})


@pytest.mark.parametrize(
    "odd", [b'{"mod\\u0065l":"over-body","messages":[],"n":1}', b'{"model":"over-body","messages":["%s"]}' % (b"x" * 300_000)]
)
def test_the_next_attempt_has_the_whole_body_and_its_own_model(alone: Bed, odd: bytes) -> None:
    alone.answer(BROKEN)
    assert call(alone.gateway.base_url, CHAT, odd, key=KEY).status == 200
    sent = [mock.calls[-1].json for mock in (alone.primary, alone.secondary)]
    assert sent[0] == sent[1] == json.loads(odd)


def test_the_first_request_of_a_key_has_one_retry_less(alone: Bed) -> None:
    """It goes round once more in nginx, to learn who it is, and nginx allows ten rounds."""
    alone.answer(LIMITED)
    alone.gateway.apply(api_key("late", "sk-late"), file="late")
    body = {"model": "over-again", "messages": HELLO}
    totals = [call(alone.gateway.base_url, CHAT, body, key="sk-late").json["error"]["total_attempts"] for _ in range(2)]
    assert totals == [8, 9]
