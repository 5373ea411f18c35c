"""A slot comes back however its request ends."""

import http.client
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.support.client import stream
from tests.support.gateway import Parts
from tests.support.limited import CHAT, MODEL, Limited, key_of, limited, open_limited
from tests.support.manifests import model, provider
from tests.support.queued_provider import Answer
from tests.support.wait import until

BODY = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "stream": True}
PLANNED = {**BODY, "model": "planned"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    more = [*provider("dead", "http://127.0.0.1:1", credential="x"), model("planned", "openai/a", "openai/b")]
    keys = [limited("one", {"concurrentRequests": 1}), limited("rate", {"requests": {"perMinute": 1000}})]
    with open_limited(tmp_path_factory.mktemp("endings"), keys, *more, kind=Parts, workers=2) as bed:
        yield bed


@pytest.fixture
def bed(opened: Limited) -> Limited:
    opened.mock.answers(Answer())
    until(lambda: opened.out() == 0, "no slot is out")
    return opened


@contextmanager
def held(bed: Limited, body: dict[str, object]) -> Iterator[http.client.HTTPResponse]:
    """A stream that goes on until the end of the block, and has the only slot."""
    bed.mock.answers(Answer(stalls=2), Answer())
    with stream(bed.gateway.base_url, CHAT, body, key=key_of("one")) as response:
        assert response.readline().startswith(b"data:")
        assert bed.ask("one").status == 429
        yield response


def assert_free(bed: Limited) -> None:
    until(lambda: bed.ask("one").status == 200, "the slot is back", 8)


@pytest.mark.parametrize("body", [BODY, PLANNED], ids=["direct", "planned"])
def test_client_leaves_in_the_middle_of_a_stream(bed: Limited, body: dict[str, object]) -> None:
    with held(bed, body):
        pass
    assert_free(bed)


@pytest.mark.parametrize("body", [BODY, PLANNED], ids=["direct", "planned"])
def test_client_leaves_before_the_answer_begins(bed: Limited, body: dict[str, object]) -> None:
    bed.mock.answers(Answer(delay=30), Answer())
    with pytest.raises(TimeoutError), stream(bed.gateway.base_url, CHAT, body, key=key_of("one"), seconds=0.3):
        pytest.fail("it was not to answer")
    assert_free(bed)


@pytest.mark.parametrize("answer", [Answer(500), Answer(429), Answer(breaks=2), Answer(breaks=0), Answer(status=400)], ids=str)
@pytest.mark.parametrize("name", [MODEL, "planned"])
def test_provider_fails(bed: Limited, answer: Answer, name: str) -> None:
    bed.mock.answers(answer)
    for whole in (True, False):
        try:
            bed.ask("one", body={"model": name, "stream": not whole})
        except http.client.IncompleteRead:
            assert answer.breaks >= 0
        until(lambda: bed.out() == 0, "the slot is back")
    bed.mock.answers(Answer())
    assert bed.ask("one").status == 200


def test_provider_is_not_there(bed: Limited) -> None:
    assert bed.ask("one", body={"model": "dead/x"}).status == 502
    until(lambda: bed.out() == 0, "the slot is back")
    assert bed.ask("one").status == 200


@pytest.mark.parametrize("body", [BODY, PLANNED], ids=["direct", "planned"])
def test_worker_is_killed(bed: Limited, body: dict[str, object]) -> None:
    with held(bed, body):
        for worker in bed.gateway.workers():
            os.kill(worker, signal.SIGKILL)
    assert_free(bed)


def test_sidecar_is_killed_and_another_one_starts(bed: Limited) -> None:
    """Without it rates and slots let through what no purse can pay for."""
    parts = bed.gateway
    assert isinstance(parts, Parts)
    with held(bed, BODY):
        parts.programs["sidecar"].kill()
        until(lambda: bed.ask("one").status == 200, "nobody is kept waiting for the sidecar")
        assert parts.status()["unleased"] >= 1
        parts.start_part("sidecar")
        until(lambda: bed.ask("one").status == 429, "the limit holds again, with the slot that is out", 15)
    assert_free(bed)
    assert bed.ask("rate").status == 200
