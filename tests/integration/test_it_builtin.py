"""What is built in where a Model has no policy: GZ-14, behaviour.md 5 (5 to 7)."""

import pytest
from tests.support.manifests import model
from tests.support.planned import BROKEN, KINDS, OK, Bed
from tests.support.queued_provider import Answer

LEFT, KEPT = (401, 402, 403, 404, 502, 503, 504), (400, 409, 422, 429, 500, 529)
MODELS = [
    *[model(f"builtin-{status}", "openai", "anthropic") for status in (*LEFT, *KEPT)],
    model("builtin-all", "openai", "anthropic", "mistral"),
    model("builtin-alone", "openai"),
]


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    session_bed.gateway.apply(*MODELS, file="it-builtin")


@pytest.mark.parametrize("status", LEFT)
@pytest.mark.parametrize("kind", KINDS)
def test_gz_14_another_backend_is_tried_at_once(bed: Bed, status: int, kind: str) -> None:
    bed.answer(Answer(status))
    outcome = bed.chat(f"builtin-{status}", stream=kind == "stream")
    assert (outcome.status, outcome.text) == (200, OK.text)
    assert bed.counts == [1, 1, 0]
    assert outcome.headers["x-ostiary-attempts"] == "2"


@pytest.mark.parametrize("status", KEPT)
def test_gz_14_what_another_would_say_too_is_passed_on(bed: Bed, status: int) -> None:
    odd = b'{"error": {"message" : "odd", "more":[1]}}'
    bed.answer(Answer(status, body=odd))
    reply = bed.ask(f"builtin-{status}")
    assert (reply.status, reply.body) == (status, odd)
    assert bed.counts == [1, 0, 0]


def test_gz_14_each_backend_is_tried_once_and_the_last_has_the_last_word(bed: Bed) -> None:
    last = b'{"error": {"message" : "the last one"}}'
    bed.answer(BROKEN, Answer(404), Answer(502, body=last))
    reply = bed.ask("builtin-all", **{"x-request-id": "builtin-all"})
    assert (reply.status, reply.body) == (502, last)
    assert bed.counts == [1, 1, 1]
    record = bed.gateway.record("builtin-all")
    assert [each["status"] for each in record["attempts"]] == [503, 404, 502]
    assert (record["provider"], record["error_type"]) == ("mistral", "provider_error")


def test_gz_14_an_only_backend_is_not_tried_again(bed: Bed) -> None:
    bed.answer(BROKEN)
    assert bed.ask("builtin-alone").status == 503
    assert bed.counts == [1, 0, 0]
