"""`GET /models` of the sidecar: what a key may name, in pages of each dialect (GZ-22, TP-12)."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.decide.bundles import KEY, OPENAI, SECOND, SECRETS, entry, make, model, priced, sha

from ostiary_gateway.contract.model import Catalogue
from ostiary_gateway.server import model_pages
from ostiary_gateway.server.catalogue import Entry, Offer
from ostiary_gateway.server.model_pages import BadQueryError

GPT = {"id": "openai/gpt-4o", "object": "model", "created": 0, "owned_by": "openai", "name": "openai/gpt-4o"}
PRICES = {"prompt": "0.0000025", "completion": "0.00001", "input_cache_read": "0.00000125", "input_cache_write": "0.0000025"}


def named(name: str) -> Entry:
    return Entry(name, name, "o", "s", (Offer("s", f"s/{name}", {}, 0),), 0, "", ())


ENTRIES = [named(f"m{n:02}") for n in range(57)]


async def ask(sidecar, key=KEY, form="openai", path="", **query):
    params = {"key": sha(key), "form": form, "path": path, "query": urlencode(query)}
    async with sidecar.unix.get("http://sidecar/models", params=params) as answer:
        return answer.status, await answer.json()


async def test_tp_12_models_of_a_key_with_what_is_published_of_them(sidecar):
    await sidecar.use(make([entry(models=("openai/gpt-4o",)), entry("sk-all")]))
    status, told = await ask(sidecar)
    assert (status, told["total"]) == (200, 1)
    assert told["data"] == [{**GPT, "provider_slug": "openai", "context_length": 128000, "pricing": PRICES}]
    _, everything = await ask(sidecar, "sk-all")
    unknown = {"name": "openai/*", "provider_slug": "openai", "context_length": None, "pricing": None}
    assert everything["data"] == [{**GPT, "id": "openai/*", **unknown}]
    assert await ask(sidecar, "sk-no") == (401, {"status": 401, "code": "invalid_api_key", "message": "invalid API key"})


async def test_gz_22_the_models_own_words_and_prices_come_first(sidecar):
    about = Catalogue(context_length=5, description="mine", modalities=("text", "image"))
    cheap = priced("cheap", "second/x", "0.5", "1.5", catalogue=about)
    both = model("both", "second/gpt-4o", "openai/gpt-4o")
    await sidecar.use(make(providers=(OPENAI, SECOND), credentials=SECRETS, models=(cheap, both)))
    found = {each["id"]: each for each in (await ask(sidecar))[1]["data"]}
    assert found["cheap"]["pricing"] == {
        "prompt": "0.0000005", "completion": "0.0000015", "input_cache_read": "0.0000005", "input_cache_write": "0.0000005",
    }  # fmt: skip
    told = [found["cheap"][name] for name in ("context_length", "description", "modalities", "owned_by")]
    assert told == [5, "mine", ["text", "image"], "second"]
    assert (found["both"]["providers"], found["both"]["owned_by"]) == (["second", "openai"], "ostiary")
    _, compared = await ask(sidecar, path="both/compare")
    assert [(offer["provider_slug"], offer["latency_ms"]) for offer in compared["data"]] == [("second", None), ("openai", None)]


async def test_a_new_bundle_is_another_list(sidecar):
    for name in ("one", "two"):
        await sidecar.use(make(models=(model(name, "openai/x"),)))
        assert [each["id"] for each in (await ask(sidecar))[1]["data"]] == sorted([name, "openai/*"])
    assert (await ask(sidecar, path="one"))[0] == 404


@given(st.integers(1, 60))
def test_anthropics_pages_hold_each_model_once_in_both_directions(limit):
    seen, query = [], {"limit": str(limit)}
    while True:
        page = model_pages.anthropic_list(ENTRIES, query)
        seen += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        query["after_id"] = page["last_id"]
    assert seen == [each.id for each in ENTRIES]
    back, query = [], {"limit": str(limit), "before_id": "m56"}
    while True:
        page = model_pages.anthropic_list(ENTRIES, query)
        back = [each["id"] for each in page["data"]] + back
        if not page["has_more"]:
            break
        query["before_id"] = page["first_id"]
    assert back == [each.id for each in ENTRIES[:-1]]


@given(st.integers(0, 60))
def test_googles_pages_hold_each_model_once(size):
    seen, token = [], ""
    while True:
        page = model_pages.google_list(ENTRIES, {"pageSize": str(size), "pageToken": token})
        seen += [each["baseModelId"] for each in page["models"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert seen == [each.id for each in ENTRIES]


@pytest.mark.parametrize(
    ("form", "query"),
    [
        ("openai", {"limit": "0"}),
        ("openai", {"offset": "-1"}),
        ("anthropic", {"limit": "1001"}),
        ("anthropic", {"after_id": "nobody"}),
        ("google", {"pageToken": "58"}),
        ("google", {"pageToken": "x"}),
        ("google", {"pageSize": "1e3"}),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(form, query):
    with pytest.raises(BadQueryError):
        model_pages.MANY[form](ENTRIES, query)
