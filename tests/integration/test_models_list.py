"""`GET /v1/models`: what a key may name, and nothing else (TP-12, GZ-13)."""

from typing import Any

import anthropic
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
ABOUT = {"contextLength": 1000, "description": "clever"}
OURS = ("ml-", "ML-")


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    session_bed.gateway.apply(
        model("ml-smart", "openai/gpt-4o", "anthropic/claude", aliases=["ml-r1", "ML-Deep/Seek"], catalogue=ABOUT),
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


def pages(bed: Bed, path: str, key: str = "sk-ml-some", **headers: str) -> tuple[int, dict[str, Any]]:
    reply = call(bed.gateway.base_url, path, key=key, headers=headers)
    return reply.status, reply.json


def test_gz_22_each_entry_tells_what_is_known_of_it(bed: Bed) -> None:
    _, listing = pages(bed, "/v1/models")
    assert (listing["object"], listing["total"], listing["returned"], listing["has_more"]) == ("list", 4, 4, False)
    smart = next(each for each in listing["data"] if each["id"] == "ml-smart")
    assert smart["context_length"] == 1000
    assert smart["description"] == "clever"
    assert smart["pricing"] == {
        "prompt": "0.0000025", "completion": "0.00001", "input_cache_read": "0.00000125", "input_cache_write": "0.0000025",
    }  # fmt: skip
    assert (smart["provider_slug"], smart["providers"], smart["name"]) == ("openai", ["openai", "anthropic"], "ml-smart")
    alias = next(each for each in listing["data"] if each["id"] == "ml-r1")
    assert alias["canonical_id"] == "ml-smart"


def test_gz_22_the_list_is_cut_chosen_and_searched(bed: Bed) -> None:
    _, page = pages(bed, "/v1/models?limit=2&offset=1")
    assert [each["id"] for each in page["data"]] == ["ml-r1", "ml-smart"]
    assert (page["total"], page["returned"], page["offset"], page["limit"], page["has_more"]) == (4, 2, 1, 2, True)
    assert [each["id"] for each in pages(bed, "/v1/models?provider=Anthropic")[1]["data"]] == ["ml-wild-1"]
    assert [each["id"] for each in pages(bed, "/v1/models/search?q=DEEP")[1]["data"]] == ["ml-deep/seek"]
    assert [each["id"] for each in pages(bed, "/v1/models/unique")[1]["data"]] == ["ml-smart", "ml-wild-1"]
    assert [each["id"] for each in pages(bed, "/v1/models/anthropic")[1]["data"]] == ["ml-wild-1"]
    for query in ("limit=0", "limit=1001", "limit=x", "offset=-1", "limit=%F0%9D%9F%99"):
        status, said = pages(bed, f"/v1/models?{query}")
        assert (status, said["error"]["type"]) == (400, "invalid_request_error")
    assert pages(bed, "/v1/models/search")[0] == 400


def test_gz_22_who_has_a_model_can_be_compared(bed: Bed) -> None:
    bed.chat("ml-smart")
    status, told = pages(bed, "/v1/models/ml-smart/compare")
    assert (status, [offer["provider_slug"] for offer in told["data"]]) == (200, ["openai", "anthropic"])
    assert told["data"][0]["pricing"]["prompt"] == "0.0000025"


def test_one_model_is_told_by_its_name_with_slashes_and_under_a_wildcard(bed: Bed) -> None:
    with openai.OpenAI(api_key="sk-test-planned", base_url=f"{bed.gateway.base_url}/v1", max_retries=0) as client:
        assert client.models.retrieve("ml-deep/seek").id == "ml-deep/seek"
        found = client.models.retrieve("openai/gpt-4o")
        assert (found.id, found.owned_by, found.model_extra["pricing"]["completion"]) == ("openai/gpt-4o", "openai", "0.00001")
        with pytest.raises(openai.NotFoundError, match="ml-unheard-of"):
            client.models.retrieve("ml-unheard-of")
    with openai.OpenAI(api_key="sk-ml-some", base_url=f"{bed.gateway.base_url}/v1", max_retries=0) as client:
        assert client.models.retrieve("ML-R1").id == "ML-R1"
        with pytest.raises(openai.PermissionDeniedError):
            client.models.retrieve("openai/gpt-4o")


def test_anthropic_clients_get_pages_of_their_own(bed: Bed) -> None:
    with anthropic.Anthropic(api_key="sk-ml-some", base_url=bed.gateway.base_url, max_retries=0) as client:
        page = client.models.list(limit=3)
        assert [each.id for each in page.data] == ["ml-deep/seek", "ml-r1", "ml-smart"]
        assert (page.has_more, page.first_id, page.last_id) == (True, "ml-deep/seek", "ml-smart")
        assert [each.id for each in page] == ["ml-deep/seek", "ml-r1", "ml-smart", "ml-wild-1"]
        assert [each.id for each in client.models.list(before_id="ml-smart", limit=1).data] == ["ml-r1"]
        one = client.models.retrieve("ml-smart")
        assert (one.type, one.id, one.display_name, one.max_input_tokens, one.lifecycle) == (
            "model",
            "ml-smart",
            "clever",
            1000,
            "active",
        )
        with pytest.raises(anthropic.NotFoundError):
            client.models.retrieve("ml-unheard-of")
        with pytest.raises(anthropic.BadRequestError, match="after_id"):
            client.models.list(after_id="ml-unheard-of")


def test_googles_clients_get_pages_of_their_own(bed: Bed) -> None:
    for shown in ({"x-goog-api-key": "sk-ml-some"}, {"authorization": "Bearer sk-ml-some"}):
        reply = call(bed.gateway.base_url, "/v1beta/models?pageSize=3", headers=shown)
        assert [each["name"] for each in reply.json["models"]] == ["models/ml-deep/seek", "models/ml-r1", "models/ml-smart"]
    rest = call(bed.gateway.base_url, f"/v1beta/models?pageToken={reply.json['nextPageToken']}&key=sk-ml-some").json
    assert [each["name"] for each in rest["models"]] == ["models/ml-wild-1"]
    assert "nextPageToken" not in rest
    one = call(bed.gateway.base_url, "/v1beta/models/ml-smart?key=sk-ml-some").json
    assert (one["name"], one["inputTokenLimit"]) == ("models/ml-smart", 1000)
    none = call(bed.gateway.base_url, "/v1beta/models/ml-unheard-of?key=sk-ml-some")
    assert (none.status, none.json["error"]["status"]) == (404, "NOT_FOUND")


def test_who_may_not_ask_is_told_so_in_their_dialect(bed: Bed) -> None:
    """GZ-22 calls the list public; TP-12 limits what a key sees: without a key there is nothing to see."""
    for path in ("/v1/models", "/v1/models/ml-smart"):
        assert call(bed.gateway.base_url, path).status == 401
        assert call(bed.gateway.base_url, path, key="sk-none").json["error"]["message"] == "invalid API key"
        said = call(bed.gateway.base_url, path, headers={"anthropic-version": "2023-06-01", "x-api-key": "sk-none"})
        assert (said.status, said.json["error"]["type"]) == (401, "authentication_error")
    assert call(bed.gateway.base_url, "/v1beta/models").json["error"]["status"] == "UNAUTHENTICATED"


def test_head_is_answered_without_a_body_and_post_is_refused(bed: Bed) -> None:
    head = call(bed.gateway.base_url, "/v1/models", key="sk-ml-some", method="HEAD")
    assert (head.status, head.text) == (200, "")
    refused = call(bed.gateway.base_url, "/v1/models", {}, key="sk-ml-some")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
