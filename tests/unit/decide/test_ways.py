"""What a provider is asked in, by the dialect of the client and what it speaks (PL-24, TP-16)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.decide.bundles import CREDENTIAL, KEY, OPENAI, SECOND, SECRETS, entry, make, model, sha, terms

from ostiary_gateway.contract.decision import Ask
from ostiary_gateway.contract.dialect import PATHS, TRANSLATIONS, Dialect
from ostiary_gateway.contract.document import Spoken
from ostiary_gateway.contract.limits import Budget, Rate
from ostiary_gateway.contract.model import Filter, RetryPolicy
from ostiary_gateway.decide.index import Index, Sources

DIALECTS = Dialect.__args__
MANY = (Spoken(dialect="chat"), Spoken(dialect="responses"))
MESSAGES = (Spoken(dialect="messages"), Spoken(dialect="count_tokens"))


def speaking(*speaks, base=OPENAI, **fields):
    return msgspec.structs.replace(base, speaks=speaks, **fields)


def index(*providers, models=(), credentials=SECRETS, sources=Sources(), **fields):  # noqa: B008 - a value
    rows = [entry(models=fields.pop("models_of_key", ()), **fields)]
    return Index.build(make(rows, providers=providers, credentials=credentials, models=models), sources=sources)


def decide(made, dialect, target="openai/gpt-4o", now_ms=0):
    return made.decide(Ask(key=sha(KEY), surface="managed", target=target, dialect=dialect), now_ms)


def target_of(provider, dialect, name="openai/gpt-4o"):
    decision = decide(index(provider), dialect, name)
    (target,) = decision.plan.targets if decision.plan else decision.backends
    return target


@pytest.mark.parametrize("dialect", [dialect for dialect in DIALECTS if dialect != "generate"])
def test_a_provider_of_which_nobody_says_what_it_speaks_gets_what_comes(dialect):
    name = "openai/gpt-4o"
    if dialect in ("embed", "converse"):
        assert target_of(OPENAI, dialect).translate == ""
        return
    decision = decide(index(OPENAI), dialect, name)
    assert decision.plan is None
    assert decision.backends == decide(index(OPENAI), "chat", name).backends


@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_what_the_provider_speaks_goes_on_without_a_plan(dialect):
    decision = decide(index(speaking(*MANY)), dialect)
    assert (decision.plan, decision.backends[0].credential) == (None, f"Bearer {CREDENTIAL}")


def test_what_it_does_not_speak_is_put_into_the_first_that_it_does():
    provider = speaking(*MANY)
    target = target_of(provider, "messages")
    assert (target.translate, target.path, target.stream_path) == ("chat", "/v1/chat/completions", "")
    only = target_of(speaking(Spoken(dialect="responses")), "messages")
    assert (only.translate, only.path) == ("responses", "/v1/responses")


@pytest.mark.parametrize("client", TRANSLATIONS)
def test_every_translation_that_is_listed_is_asked_for_at_its_path(client):
    for provider in TRANSLATIONS[client]:
        target = target_of(speaking(Spoken(dialect=provider)), client, "openai/a/b:c")
        assert target.translate == provider
        assert target.path in {PATHS.get(provider), *_MODEL_PATHS}


_MODEL_PATHS = {
    "/v1beta/models/a%2Fb%3Ac:generateContent",
    "/v1beta/models/a%2Fb%3Ac:batchEmbedContents",
    "/model/a%2Fb%3Ac/converse",
}


def test_streams_have_paths_of_their_own_where_the_vendor_has():
    assert target_of(speaking(Spoken(dialect="converse")), "chat").stream_path == "/model/gpt-4o/converse-stream"
    google = target_of(speaking(Spoken(dialect="generate")), "chat")
    assert google.stream_path == "/v1beta/models/gpt-4o:streamGenerateContent?alt=sse"


def test_a_google_client_chooses_the_form_of_a_stream_itself():
    for provider in (OPENAI, speaking(Spoken(dialect="generate"))):
        target = target_of(provider, "generate", "openai/models/gemini-x")
        assert (target.translate, target.path) == ("", "/v1beta/models/gemini-x:generateContent")
        assert target.stream_path == "/v1beta/models/gemini-x:streamGenerateContent"


def test_a_provider_has_a_dialect_where_it_says():
    azure = speaking(Spoken(dialect="chat", path="/openai/deployments/{model}/chat/completions?api-version=1"))
    path = "/openai/deployments/gpt%204o/chat/completions?api-version=1"
    for dialect, translate in (("chat", ""), ("messages", "chat")):
        target = target_of(azure, dialect, "openai/gpt 4o")
        assert (target.path, target.translate) == (path, translate)


def test_the_own_path_of_a_dialect_is_no_reason_for_a_plan():
    assert decide(index(speaking(Spoken(dialect="chat", path=PATHS["chat"]))), "chat").plan is None


@pytest.mark.parametrize("dialect", ["embeddings", "images", "audio", "moderations", "files", "batches", "converse", "embed"])
def test_what_nobody_understands_is_refused_with_the_reason(dialect):
    refusal = decide(index(speaking(*MESSAGES)), dialect).refusal
    assert (refusal.status, refusal.code) == (400, "dialect_not_spoken")
    assert refusal.message == f"provider openai does not speak {dialect}"


def test_tokens_are_estimated_where_nobody_counts_them():
    assert target_of(speaking(*MANY), "count_tokens").translate == "count_tokens"
    assert decide(index(speaking(*MESSAGES)), "count_tokens").plan is None


def test_pl_24_one_plan_may_hold_a_native_and_a_translated_target():
    policy = RetryPolicy(fallbacks=(1,))
    made = index(
        speaking(*MESSAGES),
        speaking(*MANY, base=SECOND),
        models=(model("smart", "openai/claude", "second/gpt-4o", policy=policy),),
    )
    plan = decide(made, "messages", "smart").plan
    assert [(target.id, target.translate) for target in plan.targets] == [("openai/claude", ""), ("second/gpt-4o", "chat")]
    plan = decide(made, "responses", "smart").plan
    assert [(target.id, target.translate) for target in plan.targets] == [("openai/claude", "messages"), ("second/gpt-4o", "")]


def test_a_target_that_does_not_speak_it_is_left_out_while_another_does():
    policy = RetryPolicy(fallbacks=(0, 1))
    made = index(
        speaking(*MESSAGES),
        speaking(Spoken(dialect="embeddings"), base=SECOND),
        models=(model("smart", "openai/claude", "second/embed", policy=policy),),
    )
    plan = decide(made, "embeddings", "smart").plan
    assert ([target.id for target in plan.targets], plan.policy.fallbacks) == (["second/embed"], (0,))
    assert decide(made, "images", "smart").refusal.message == "provider openai does not speak images"


def test_a_missing_credential_says_less_than_a_missing_dialect():
    made = index(speaking(*MESSAGES), speaking(*MANY, base=SECOND), models=(model("m", "second/a", "openai/b"),), credentials={})
    assert decide(made, "images", "m").refusal.code == "dialect_not_spoken"
    assert decide(made, "chat", "m").refusal.code == "no_credential"


AWS = {"type": "bedrock", "signing": "aws", "region": "eu-central-1"}


def test_a_signed_request_is_planned_and_its_key_is_left_as_it_is():
    made = index(speaking(Spoken(dialect="converse"), **AWS), credentials={OPENAI.id: ["AKIA1:sec/ret+x", "AKIA2:s:token"]})
    (target,) = decide(made, "chat").plan.targets
    assert (target.signing, target.region, target.translate) == ("aws", "eu-central-1", "converse")
    assert target.credentials == ("AKIA1:sec/ret+x", "AKIA2:s:token")


@pytest.mark.parametrize("secret", ["AKIA1", "AKIA1:", ":x", "AKIA1:x:", "AKIA1:x y", "AKIA1:x:t:u", "AKIA1:x\r\nh: v"])
def test_what_is_no_key_of_aws_is_shown_to_nobody(secret):
    made = index(speaking(Spoken(dialect="converse"), **AWS), credentials={OPENAI.id: [secret]})
    assert decide(made, "chat").refusal.code == "no_credential"


def test_nothing_that_has_to_be_signed_is_passed_through():
    made = index(speaking(Spoken(dialect="converse"), **AWS), credentials={OPENAI.id: ["AKIA1:x"]})
    decision = made.decide(Ask(key=sha(KEY), surface="pass_through", target="openai"), 0)
    assert (decision.refusal.status, decision.refusal.code) == (400, "not_passed_through")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_pl_32_responses_are_kept_where_there_is_a_store(dialect):
    plan = decide(index(OPENAI, sources=Sources(keeps_responses=True)), dialect).plan
    stateful = plan is not None and plan.stateful
    assert stateful == (dialect == "responses")
    assert plan is None or plan.guarded == stateful


def test_pl_29_a_model_with_filters_is_planned_for_every_dialect():
    made = index(OPENAI, models=(model("m", "openai/a", filters=(Filter(name="f", type="http", url="http://f"),)),))
    assert all(decide(made, dialect, "m").plan.filtered for dialect in DIALECTS)
    assert decide(made, "chat", "openai/a").plan is None


def test_what_costs_nothing_needs_no_price():
    made = index(OPENAI, terms=terms(on_unpriced="reject", budget=Budget(amount="1")))
    assert decide(made, "chat", "openai/nobody-knows").refusal.code == "model_pricing_missing"
    for dialect in ("count_tokens", "files", "batches"):
        assert decide(made, dialect, "openai/nobody-knows").refusal is None


FILES = speaking(Spoken(dialect="files"))


def test_files_that_name_no_provider_go_to_the_only_one_that_keeps_them():
    made = index(FILES, speaking(*MESSAGES, base=SECOND))
    assert decide(made, "files", "files").backends[0].provider == "openai"
    assert decide(made, "files", "openai/files").backends[0].provider == "openai"
    assert decide(made, "batches", "batches").refusal.code == "dialect_not_spoken"


def test_files_that_could_go_to_several_name_theirs():
    made = index(FILES, speaking(Spoken(dialect="files"), base=SECOND))
    refusal = decide(made, "files", "files").refusal
    assert (refusal.status, refusal.code) == (400, "unknown_provider")
    assert "x-ostiary-provider" in refusal.message
    assert decide(made, "files", "second/files").backends[0].provider == "second"
    narrow = index(FILES, speaking(Spoken(dialect="files"), base=SECOND), models_of_key=("second/*",))
    assert decide(narrow, "files", "files").backends[0].provider == "second"


def test_files_count_as_requests_of_the_key():
    rate = Rate(unit="requests", window="minute", most=5)
    made = index(FILES, terms=terms(rates=(rate,), on_unpriced="reject"))
    assert len(decide(made, "files", "files").spend.purses) == 1


@given(st.sets(st.sampled_from(DIALECTS)), st.sampled_from(DIALECTS))
def test_whatever_a_provider_speaks_the_answer_is_in_what_it_speaks(speaks, dialect):
    decision = decide(index(speaking(*(Spoken(dialect=each) for each in sorted(speaks)))), dialect)
    if decision.refusal:
        assert speaks
        assert dialect not in speaks
        assert not speaks & set(TRANSLATIONS.get(dialect, ()))
        return
    (target,) = decision.plan.targets if decision.plan else decision.backends
    asked = target.translate or dialect
    assert not speaks or asked in speaks or asked == "count_tokens"
