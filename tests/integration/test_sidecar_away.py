"""Without the sidecar nothing is allowed that was not vouched for, and nothing is lost (LM-11, LM-12)."""

import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from tests.support import sample
from tests.support.client import Reply, call, stream
from tests.support.gateway import Parts
from tests.support.manifests import api_key, model
from tests.support.provider import Provider
from tests.support.wait import until

CHAT, OPEN = "/v1/chat/completions", "/open/echo"
ECHO = {"model": "openai/echo", "messages": [{"role": "user", "content": "hello"}]}
SECONDS = 2
FORBIDDEN = {"error": "forbidden", "message": "API key not authorized"}


NUMBERS = count()


@pytest.fixture(scope="module")
def one_for_all(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Parts]:
    parts = Parts(tmp_path_factory.mktemp("parts"), decision_seconds=SECONDS)
    yield parts.start(sample.providers(provider.url), sample.keys())
    parts.drop()


@pytest.fixture
def parts(one_for_all: Parts, provider: Provider) -> Parts:
    """With a sidecar, and a generation of which nothing was decided yet."""
    if not one_for_all.programs["sidecar"].running:
        one_for_all.start_part("sidecar")
    one_for_all.write("main", *sample.providers(provider.url), *sample.keys())
    number = next(NUMBERS)
    one_for_all.apply(api_key(f"fresh-{number}", f"sk-fresh-{number}"))
    return one_for_all


def ask(gateway: Parts, key: str = sample.ALL, path: str = OPEN) -> Reply:
    return call(gateway.base_url, path, ECHO, key=key)


def assert_refused(reply: Reply) -> None:
    assert (reply.status, reply.headers["content-type"]) == (403, "application/json")
    body = reply.json
    assert body.pop("request_id") == reply.headers["x-request-id"]
    assert body == FORBIDDEN


@pytest.mark.parametrize("path", [OPEN, CHAT])
def test_lm_11_a_key_that_nobody_vouches_for_is_refused_at_once(parts: Parts, path: str) -> None:
    parts.programs["sidecar"].kill()
    start = time.monotonic()
    reply = ask(parts, path=path)
    assert time.monotonic() - start < 1
    if path == OPEN:
        assert_refused(reply)
    else:
        error = {"message": "API key not authorized", "type": "invalid_request_error", "param": None, "code": 403}
        assert (reply.status, reply.json) == (403, {"error": error})


def test_lm_11_a_cached_decision_works_for_the_configured_time_and_no_longer(parts: Parts) -> None:
    assert ask(parts).status == 200
    cached = time.monotonic()
    assert ask(parts, path=CHAT).status == 200
    parts.programs["sidecar"].kill()
    answers: list[tuple[float, int]] = []

    def refused() -> bool:
        sent = time.monotonic()
        answers.append((sent - cached, ask(parts).status))
        return answers[-1][1] == 403

    until(refused, "the cached decision runs out", SECONDS * 3)
    assert len(answers) > 3, "the cached decision was of use"
    assert SECONDS - 0.5 < answers[-1][0] < SECONDS + 1
    assert_refused(ask(parts))
    until(lambda: ask(parts, path=CHAT).status == 403, "the one asked for after it runs out too", 1)


def test_lm_11_a_refusal_that_is_cached_stays_one(parts: Parts) -> None:
    assert ask(parts, sample.UNKNOWN).status == 403
    parts.programs["sidecar"].kill()
    assert_refused(ask(parts, sample.UNKNOWN))


def test_lm_11_a_sidecar_that_hangs_is_as_good_as_dead(parts: Parts) -> None:
    sidecar = parts.programs["sidecar"].process
    sidecar.send_signal(19)  # SIGSTOP: its socket still takes connections
    try:
        start = time.monotonic()
        assert_refused(ask(parts))
        assert time.monotonic() - start < 5
    finally:
        sidecar.send_signal(18)


def test_lm_11_everything_works_again_when_the_sidecar_is_back(parts: Parts) -> None:
    parts.programs["sidecar"].kill()
    assert ask(parts).status == 403
    parts.start_part("sidecar")
    until(lambda: ask(parts).status == 200, "the sidecar is back")


def test_lm_12_what_happens_without_the_sidecar_is_recorded_when_it_is_back(parts: Parts) -> None:
    assert ask(parts, path=CHAT).status == 200
    slow = {**ECHO, "model": "openai/slow-50x20", "stream": True}
    with stream(parts.base_url, CHAT, slow, key=sample.ALL, headers={"x-request-id": "open-at-the-time"}) as response:
        assert response.read1(10)
        parts.programs["sidecar"].kill()
        assert b"[DONE]" in response.read()
    reply = call(parts.base_url, CHAT, ECHO, key=sample.ALL, headers={"x-request-id": "while-it-was-away"})
    assert reply.status == 200
    parts.start_part("sidecar")
    for request_id in ("open-at-the-time", "while-it-was-away"):
        record = parts.record(request_id)
        assert (record["ended"], record["status"]) == ("completed", 200)
        assert record["usage_source"] == "provider"


def test_lm_12_ledger_that_cannot_be_written_costs_no_answer(new_parts: Callable[..., Parts], provider: Provider) -> None:
    parts = new_parts()
    in_the_way = parts.data / "ledger"
    parts.data.mkdir()
    in_the_way.touch()
    parts.start(sample.providers(provider.url), sample.keys())
    for number in range(5):
        headers = {"x-request-id": f"unwritable-{number}"}
        assert call(parts.base_url, CHAT, ECHO, key=sample.ALL, headers=headers).status == 200
    ready = parts.ready()
    assert ready["status"] == "degraded"
    assert ready["ledger"] != "ok"
    in_the_way.unlink()
    for number in range(5):
        assert parts.record(f"unwritable-{number}")["usage_source"] == "provider"
    until(lambda: parts.ready()["status"] == "ready", "/readyz says that all is well")


def test_change_of_keys_kills_every_cached_decision(parts: Parts) -> None:
    assert ask(parts).status == 200
    parts.write("main", *sample.providers("http://127.0.0.1:1"), *sample.keys()[1:])
    start = time.monotonic()
    parts.await_manifests()
    assert ask(parts).status == 403
    assert time.monotonic() - start < 2


def test_pl_29_without_the_sidecar_nothing_goes_past_the_filters_of_a_model(parts: Parts, provider: Provider) -> None:
    chain = [{"name": "pii", "type": "Patterns", "patterns": ["pii"], "action": "Redact", "onFailure": "Open"}]
    parts.apply(model("filtered", "openai/echo", filters=chain), file="filtered")
    try:
        body = {**ECHO, "model": "filtered"}
        until(lambda: call(parts.base_url, CHAT, body, key=sample.ALL).status == 200, "the Model is served")
        parts.programs["sidecar"].kill()
        reply = call(parts.base_url, CHAT, body, key=sample.ALL, headers={"x-request-id": "past-the-filters"})
        assert reply.status in {503, 403}  # 403 where the decision was forgotten meanwhile
        assert provider.find("past-the-filters") == []
    finally:
        if not parts.programs["sidecar"].running:
            parts.start_part("sidecar")
        parts.remove("filtered")
