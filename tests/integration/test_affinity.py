"""Where a conversation stays: `X-Model-Affinity` (PL-28) and `previous_response_id`."""

from collections import Counter
from collections.abc import Iterator

import openai
import pytest
from tests.support.manifests import model
from tests.support.planned import KEY, LIMITED, Bed, policy, rule
from tests.support.queued_provider import Answer

THREE = ("openai", "anthropic", "mistral")
ELSEWHERE = policy(rule("DifferentProvider", 2, 429))
NAMES = ("stays", "spreads", "leaves", "answers", "forgets")


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    weighted = [model(f"affine-{name}", *THREE, selection="Weighted", retryPolicy=ELSEWHERE) for name in NAMES]
    session_bed.gateway.apply(*weighted, file="affinity")


def where(bed: Bed, name: str, affinity: str) -> str:
    reply = bed.ask(f"affine-{name}", **{"X-Model-Affinity": affinity})
    assert reply.status == 200
    return reply.headers["x-ostiary-provider"]


def test_pl_28_the_same_id_stays_on_the_same_backend_whichever_worker_it_reaches(bed: Bed) -> None:
    for number in range(4):
        assert len({where(bed, "stays", f"conversation {number}") for _ in range(8)}) == 1
    assert not any("x-model-affinity" in call.headers for mock in bed.mocks for call in mock.calls)


def test_pl_28_ids_are_spread_over_the_backends(bed: Bed) -> None:
    chosen = Counter(where(bed, "spreads", f"id-{number}") for number in range(60))
    assert set(chosen) == set(THREE)
    assert min(chosen.values()) >= 8


def test_pl_28_it_leaves_a_backend_that_is_blocked_and_no_other(bed: Bed) -> None:
    before = {f"id-{number}": where(bed, "leaves", f"id-{number}") for number in range(20)}
    home = before["id-0"]
    mock = dict(zip(THREE, bed.mocks, strict=True))[home]
    mock.answers(Answer(429, headers={"Retry-After": "60"}))
    after = {name: where(bed, "leaves", name) for name in before}
    assert home not in after.values()
    assert {name: there for name, there in after.items() if before[name] != home} == {
        name: there for name, there in before.items() if there != home
    }
    assert len(mock.calls) == 1, "asked once, then known to be blocked"


@pytest.fixture
def oai(bed: Bed) -> Iterator[openai.OpenAI]:
    """A connection for each request, so that they reach any worker."""
    base_url, each = f"{bed.gateway.base_url}/v1", {"Connection": "close"}
    with openai.OpenAI(api_key=KEY, base_url=base_url, max_retries=0, default_headers=each) as client:
        yield client


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_response_is_continued_by_the_backend_that_made_it(bed: Bed, oai: openai.OpenAI, *, stream: bool) -> None:
    for _ in range(4):
        bed.answer()
        if stream:
            with oai.responses.create(model="affine-answers", input="hello", stream=True) as events:
                first = list(events)[-1].response.id
        else:
            first = oai.responses.create(model="affine-answers", input="hello").id
        for _ in range(3):
            oai.responses.create(model="affine-answers", input="and then?", previous_response_id=first)
        assert sorted(bed.counts) == [0, 0, 4]


def test_an_unknown_response_stays_with_one_backend(bed: Bed, oai: openai.OpenAI) -> None:
    for _ in range(6):
        oai.responses.create(model="affine-forgets", input="hello", previous_response_id="resp_of_long_ago")
    assert sorted(bed.counts) == [0, 0, 6]


def test_a_response_whose_backend_is_blocked_is_tried_elsewhere(bed: Bed, oai: openai.OpenAI) -> None:
    bed.answer()
    first = oai.responses.create(model="affine-answers", input="hello").id
    home = bed.counts.index(1)
    bed.mocks[home].answers(LIMITED)
    assert oai.responses.create(model="affine-answers", input="on", previous_response_id=first).output_text
    assert len(bed.mocks[home].calls) == 1
