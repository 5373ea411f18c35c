"""PL-26 and PL-28: requests go where their prompt belongs, and the decision can be had alone."""

import json
import re
from collections.abc import Iterator, Mapping

import pytest
from tests.support.client import Reply, call
from tests.support.manifests import api_key, model
from tests.support.planned import BROKEN, KEY, MESSAGES, OK, Bed, policy, rule
from tests.support.queued_provider import Answer
from tests.support.wait import until

ROUTING = "/routing/v1/chat/completions"
NARROW = "sk-test-routing-narrow"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def price(dollars: str) -> dict[str, str]:
    return {"inputPerMillionTokens": dollars, "outputPerMillionTokens": dollars}


def backends(name: str) -> list[dict[str, object]]:
    """In the order of the bed's providers; the second is the cheapest, the third the next."""
    named = enumerate(zip(("openai", "anthropic", "mistral"), ("9", "1", "2"), strict=True))
    return [
        {"providerRef": {"name": provider}, "model": name, "priority": place, "price": price(dollars)}
        for place, (provider, dollars) in named
    ]


def routed(name: str, *routes: Mapping[str, object], matcher: Mapping[str, object] | None = None) -> dict[str, object]:
    routing = {"routes": list(routes)} | ({"matcher": matcher} if matcher else {})
    return model(name, *backends(name), routing=routing)


def route(name: str, *models: str, keywords: tuple[str, ...] = (), prefer: str = "None") -> dict[str, object]:
    return {"name": name, "description": f"requests of the kind {name}", "models": list(models), "prefer": prefer} | (
        {"keywords": list(keywords)} if keywords else {}
    )


def scored(name: str, milliseconds: int) -> dict[str, object]:
    matcher = {"type": "Scorer", "providerRef": {"name": "mistral"}, "model": "scorer", "timeoutMilliseconds": milliseconds}
    return routed(name, route("legal", f"anthropic/{name}"), route("other-things", f"openai/{name}"), matcher=matcher)


MODELS = [
    routed(
        "words",
        route("legal", "anthropic/words", keywords=("contract",)),
        route("cheap", "openai/words", "mistral/words", "anthropic/words", keywords=("bulk",), prefer="Cheapest"),
    ),
    scored("scored", 5000),
    scored("scored-slowly", 100),
    routed("sick", route("legal", "openai/sick", "anthropic/sick", keywords=("contract",))),
    model("unrouted", *backends("unrouted"), retryPolicy=policy(rule("DifferentProvider", 1, 429))),
    model("hashed", "openai", "anthropic", "mistral", selection="Weighted"),
    model("single", "openai"),
]


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> Iterator[None]:
    session_bed.gateway.apply(*MODELS, api_key("narrow", NARROW, models=("single",)), file="routing")
    yield
    session_bed.gateway.remove("routing")


def says(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def decide(bed: Bed, name: str, text: str = "hello", **headers: str) -> Reply:
    return call(bed.gateway.base_url, ROUTING, {"model": name, "messages": says(text)}, key=KEY, headers=headers)


def test_pl_26_a_keyword_leads_to_the_routes_backend(bed: Bed) -> None:
    outcome = bed.chat("words", messages=says("Please read this contract."))
    assert outcome.status == 200
    assert bed.counts == [0, 1, 0]
    record = bed.record(outcome)
    assert (record["route"], record["resolved_model"]) == ("legal", "words")


def test_pl_26_without_a_match_the_models_own_order_counts(bed: Bed) -> None:
    outcome = bed.chat("words", messages=says("Good morning"))
    assert outcome.status == 200
    assert bed.counts == [1, 0, 0]
    assert bed.record(outcome)["route"] is None


def test_pl_26_cheapest_first(bed: Bed) -> None:
    assert bed.chat("words", messages=says("bulk, please")).status == 200
    assert bed.counts == [0, 1, 0]
    assert decide(bed, "words", "bulk, please").json["models"] == ["anthropic/words", "mistral/words", "openai/words"]


def test_pl_26_failover_follows_the_routes_order(bed: Bed) -> None:
    bed.answer(OK, BROKEN, OK)
    assert bed.chat("words", messages=says("bulk, once more")).status == 200
    assert bed.counts == [0, 1, 1]


def test_pl_26_the_scorer_decides_and_sees_little(bed: Bed) -> None:
    bed.answer(OK, OK, Answer(text='{"route": "legal"}'))
    outcome = bed.chat("scored", messages=[*says("x" * 100_000), *says("May I break my lease?")])
    assert outcome.status == 200
    assert bed.counts == [0, 1, 1]
    assert bed.record(outcome)["route"] == "legal"
    asked = bed.tertiary.calls[0]
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer sk-credential-of-mistral"
    assert "May I break my lease?" in asked.json["messages"][1]["content"]
    assert len(asked.body) < 10_000


@pytest.mark.parametrize(
    "answer",
    [
        Answer(text='{"route": "admin"}'),
        Answer(text="legal"),
        Answer(text='{"route": "none"}'),
        Answer(503),
        Answer(body=b"\xff{"),
    ],
    ids=["not listed", "no JSON", "none", "an error", "no text"],
)
def test_pl_26_what_the_scorer_says_is_data(bed: Bed, answer: Answer) -> None:
    bed.answer(OK, OK, answer)
    outcome = bed.chat("scored")
    assert outcome.status == 200
    assert bed.counts == [1, 0, 1]
    assert bed.record(outcome)["route"] is None


def test_pl_26_a_scorer_that_is_too_slow_is_not_waited_for(bed: Bed) -> None:
    bed.answer(OK, OK, Answer(text='{"route": "legal"}', delay=3))
    before = timeouts(bed)
    outcome = bed.chat("scored-slowly")
    assert outcome.status == 200
    assert bed.counts[:2] == [1, 0]
    assert bed.record(outcome)["duration_ms"] < 2000
    assert timeouts(bed) == before + 1


def timeouts(bed: Bed) -> float:
    text = call(bed.gateway.sidecar_url, "/metrics").text
    found = re.search(r'^ostiary_routing_total\{matcher="scorer",outcome="timeout"\} (\S+)', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_pl_26_the_decision_alone(bed: Bed) -> None:
    reply = decide(bed, "words", "a contract", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    assert reply.status == 200
    assert reply.json == {"models": ["anthropic/words"], "route": "legal", "trace_id": TRACE}
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"]
    assert bed.counts == [0, 0, 0]


@pytest.mark.parametrize("traceparent", ["", "nonsense", f"00-{'0' * 32}-00f067aa0ba902b7-01"])
def test_pl_26_a_trace_id_is_made_where_none_is_sent(bed: Bed, traceparent: str) -> None:
    trace = decide(bed, "single", traceparent=traceparent).json["trace_id"]
    assert re.fullmatch("(?!0{32})[0-9a-f]{32}", trace)


@pytest.mark.parametrize(
    ("name", "ranked"),
    [
        ("unrouted", ["openai/unrouted", "anthropic/unrouted", "mistral/unrouted"]),
        ("single", ["openai/single"]),
        ("mistral/anything", ["mistral/anything"]),
    ],
)
def test_pl_26_without_routes_the_ranking_is_that_of_the_selection(bed: Bed, name: str, ranked: list[str]) -> None:
    decided = decide(bed, name).json
    assert (decided["models"], decided["route"]) == (ranked, None)


def test_pl_26_a_backend_that_is_blocked_goes_last(bed: Bed) -> None:
    bed.answer(Answer(429, headers={"Retry-After": "60"}))
    bed.chat("unrouted")
    until(lambda: decide(bed, "unrouted").json["models"][-1] == "openai/unrouted", "the sidecar knows of the block")
    assert sorted(decide(bed, "unrouted").json["models"]) == ["anthropic/unrouted", "mistral/unrouted", "openai/unrouted"]


def test_pl_26_the_body_may_be_anthropics_or_that_of_responses(bed: Bed) -> None:
    said = {
        "model": "words",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a contract"}]}],
    }
    for path, body in (("messages", said), ("responses", {"model": "words", "input": "a contract"})):
        reply = call(bed.gateway.base_url, f"/routing/v1/{path}", body, key=KEY)
        assert (reply.status, reply.json["route"]) == (200, "legal")


@pytest.mark.parametrize(
    ("body", "key", "status", "message"),
    [
        ({"model": "single"}, None, 401, "missing or invalid Authorization header"),
        ({"model": "single"}, "sk-unknown", 401, "invalid API key"),
        ({"model": "words"}, NARROW, 403, "API key not allowed to use this model"),
        ({"model": "nothing"}, KEY, 400, "unknown model: nothing"),
        ({"messages": []}, KEY, 400, "missing 'model' field"),
        ({"model": 7}, KEY, 400, "missing 'model' field"),
        (b"{", KEY, 400, "invalid JSON body"),
    ],
)
def test_pl_26_refusals_are_those_of_v1_in_the_callers_dialect(
    bed: Bed, body: object, key: str | None, status: int, message: str
) -> None:
    reply = call(bed.gateway.base_url, ROUTING, body, key=key)
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": status}
    assert (reply.status, reply.json) == (status, {"error": error})
    reply = call(bed.gateway.base_url, f"/routing{MESSAGES}", body, key=key)
    assert (reply.status, reply.json["type"], reply.json["error"]["message"]) == (status, "error", message)


@pytest.mark.parametrize(("path", "method", "status"), [(ROUTING, "GET", 405), ("/routing/v1/embeddings", "POST", 404)])
def test_pl_26_other_methods_and_paths(bed: Bed, path: str, method: str, status: int) -> None:
    assert (
        call(bed.gateway.base_url, path, {"model": "single"} if method == "POST" else None, key=KEY, method=method).status
        == status
    )


def preference(name: str, *models: str, prefer: str = "none") -> dict[str, object]:
    return {"name": name, "description": "poems and verses", "models": list(models), "selection_policy": {"prefer": prefer}}


def test_pl_26_preferences_in_the_body_override_the_models_and_do_not_go_upstream(bed: Bed) -> None:
    body = {"messages": says("verses about a contract"), "routing_preferences": [preference("poetry", "mistral/words")]}
    reply = bed.ask("words", body=body)
    assert reply.status == 200
    assert bed.counts == [0, 0, 1]
    assert "routing_preferences" not in bed.tertiary.calls[0].text
    assert bed.tertiary.calls[0].json["messages"] == says("verses about a contract")


def test_pl_26_preferences_are_stripped_for_a_model_without_a_plan_too(bed: Bed) -> None:
    assert bed.ask("single", body={"routing_preferences": [preference("poetry", "openai/single")]}).status == 200
    assert "routing_preferences" not in bed.primary.calls[0].text


def test_pl_26_a_decision_by_the_clients_own_preferences(bed: Bed) -> None:
    """Of names that the key may use; what they cost comes from the published prices."""
    names = ["openai/gpt-4o", "no-such-prefix/x", "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-20250514"]
    body = {"model": "single", "messages": says("verses"), "routing_preferences": [preference("p", *names, prefer="cheapest")]}
    ranked = ["openai/gpt-4o-mini", "openai/gpt-4o", "anthropic/claude-sonnet-4-20250514"]
    decided = call(bed.gateway.base_url, ROUTING, body, key=KEY).json
    assert (decided["models"], decided["route"]) == (ranked, "p")
    narrow = call(bed.gateway.base_url, ROUTING, body, key=NARROW).json
    assert (narrow["models"], narrow["route"]) == (["openai/single"], "p")


def test_pl_26_preferences_that_are_none_are_refused(bed: Bed) -> None:
    reply = call(bed.gateway.base_url, ROUTING, {"model": "single", "routing_preferences": [{"name": "p"}]}, key=KEY)
    assert reply.status == 400
    assert reply.json["error"]["message"].startswith("routing_preferences: ")


def test_pl_28_a_session_of_a_routed_model_stays_where_it_began(bed: Bed) -> None:
    first = decide(bed, "words", "a contract", **{"X-Model-Affinity": "session-1"}).json
    assert (first["session_id"], first["pinned"], first["models"]) == ("session-1", False, ["anthropic/words"])
    again = decide(bed, "words", "bulk, please", **{"X-Model-Affinity": "session-1"}).json
    assert (again["pinned"], again["models"], again["route"]) == (True, ["anthropic/words"], "legal")
    assert bed.chat("words", messages=says("bulk, please"), **{"X-Model-Affinity": "session-1"}).status == 200
    assert bed.counts == [0, 1, 0]
    other = decide(bed, "words", "bulk, please", **{"X-Model-Affinity": "session-2"}).json
    assert (other["pinned"], len(other["models"])) == (False, 3)


def test_pl_28_the_decision_names_the_backend_that_a_hashed_session_goes_to(bed: Bed) -> None:
    for n in range(6):
        bed.answer()
        named = decide(bed, "hashed", **{"X-Model-Affinity": f"s{n}"}).json
        assert named["pinned"] is True
        outcome = bed.chat("hashed", **{"X-Model-Affinity": f"s{n}"})
        assert bed.attempts(outcome)[0][0] == named["models"][0].partition("/")[0]


def test_pl_28_without_the_header_there_is_no_session(bed: Bed) -> None:
    assert set(decide(bed, "single").json) == {"models", "route", "trace_id"}


def test_pl_26_no_prompt_in_the_logs(bed: Bed) -> None:
    secret = "a-contract-nobody-may-read"
    decide(bed, "words", secret)
    bed.chat("words", messages=says(secret))
    assert secret not in bed.gateway.output
    assert secret not in json.dumps(bed.gateway.ledger())
