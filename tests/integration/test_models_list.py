"""`GET /v1/models`: what a key may name, and nothing else (TP-12, GZ-13)."""

import openai
import pytest
from tests.support.client import call
from tests.support.manifests import api_key, model
from tests.support.planned import HELLO, Bed

KEYS = {
    "some": ("ml-smart", "ml-wild-1"),
    "family": ("ml-wild-*", "mistral/*"),
    "catalogue": ("anthropic/claude-*",),
    "nothing": ("ml-none",),
}
OURS = ("ml-", "ML-")


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    session_bed.gateway.apply(
        model("ml-smart", "openai/gpt-4o", "anthropic/claude", aliases=["ml-r1", "ML-Deep/Seek"]),
        model("ml-plain", "mistral"),
        model("ml-wild-*", "anthropic"),
        *(api_key(f"ml-{name}", f"sk-ml-{name}", models=models) for name, models in KEYS.items()),
        file="models-list",
    )


def listed(bed: Bed, key: str) -> dict[str, openai.types.Model]:
    with openai.OpenAI(api_key=key, base_url=f"{bed.gateway.base_url}/v1", max_retries=0) as client:
        return {each.id: each for each in client.models.list()}


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("some", {"ml-smart", "ml-r1", "ml-deep/seek", "ml-wild-1"}),
        ("family", {"ml-wild-*", "mistral/*"}),
        ("catalogue", {"anthropic/claude-*"}),
        ("nothing", set()),
    ],
)
def test_tp_12_the_list_shows_only_what_the_key_may_use(bed: Bed, key: str, names: set[str]) -> None:
    assert set(listed(bed, f"sk-ml-{key}")) == names


def test_gz_13_everything_is_listed_for_a_key_without_limits_with_its_owner(bed: Bed) -> None:
    found = listed(bed, "sk-test-planned")
    ours = {name for name in found if name.startswith(OURS)}
    assert ours == {"ml-smart", "ml-r1", "ml-deep/seek", "ml-plain", "ml-wild-*"}
    assert {"openai/*", "anthropic/*", "mistral/*"} <= set(found)
    owners = [found[name].owned_by for name in ("ml-smart", "ml-r1", "ml-plain", "ml-wild-*", "openai/*")]
    assert owners == ["ostiary", "ostiary", "mistral", "anthropic", "openai"]
    assert {(each.object, each.created) for each in found.values()} == {("model", 0)}


@pytest.mark.parametrize(
    ("key", "asked", "status"),
    [
        ("some", "ml-smart", 200),
        ("some", "ML-R1", 200),
        ("some", "ml-wild-1", 200),
        ("some", "ml-wild-2", 403),
        ("some", "ml-plain", 403),
        ("some", "openai/gpt-4o", 403),
        ("family", "ml-wild-2", 200),
        ("family", "mistral/ml-x", 200),
        ("family", "ml-r1", 403),
        ("catalogue", "anthropic/claude-3", 200),
        ("catalogue", "anthropic/other", 403),
        ("nothing", "ml-unheard-of", 400),
    ],
)
def test_tp_12_what_is_listed_is_what_may_be_used(bed: Bed, key: str, asked: str, status: int) -> None:
    reply = call(bed.gateway.base_url, "/v1/chat/completions", {"model": asked, "messages": HELLO}, key=f"sk-ml-{key}")
    assert reply.status == status
    if status == 400:
        assert reply.json["error"]["message"] == f"unknown model: {asked}"
    assert sum(bed.counts) == (status == 200)


def test_a_list_without_a_key_is_refused(bed: Bed) -> None:
    assert call(bed.gateway.base_url, "/v1/models").status == 401
    assert call(bed.gateway.base_url, "/v1/models", key="sk-nobody").status == 401
