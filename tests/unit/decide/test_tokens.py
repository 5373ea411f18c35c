"""Service accounts: the header holds a token that ends, never what it was made of."""

import msgspec
from tests.unit.decide.bundles import KEY, OPENAI, SECOND, SECRETS, entry, make, model, sha

from ostiary_gateway.contract.decision import Ask
from ostiary_gateway.decide import refusals
from ostiary_gateway.decide.index import Index, Sources

ACCOUNT = '{"client_email": "a@b", "private_key": "-----BEGIN\\n"}'
OTHER = '{\n "client_email": "c@d",\n "private_key": "x"\n}'
VERTEX = msgspec.structs.replace(OPENAI, type="vertex", signing="google-service-account")


def index(tokens, *secrets, models=(), **fields):
    bundle = make([entry(**fields)], providers=(VERTEX, SECOND), credentials={**SECRETS, VERTEX.id: [*secrets]}, models=models)
    return Index.build(bundle, sources=Sources(tokens=tokens))


def decide(made, target="openai/gemini", now_ms=0, surface="managed"):
    return made.decide(Ask(key=sha(KEY), surface=surface, target=target), now_ms)


def test_a_token_stands_in_the_header_until_it_ends():
    made = index({ACCOUNT: ("ya29.token", 5000)}.get, ACCOUNT)
    decision = decide(made)
    assert (decision.backends[0].credential_header, decision.backends[0].credential) == ("authorization", "Bearer ya29.token")
    assert decision.expires_ms == 5000
    assert ACCOUNT not in msgspec.json.encode(decision).decode()


def test_each_decision_asks_for_the_token_anew():
    tokens = {ACCOUNT: ("one", 5000)}
    made = index(tokens.get, ACCOUNT)
    assert decide(made).backends[0].credential == "Bearer one"
    tokens[ACCOUNT] = ("two", 9000)
    assert (decide(made).backends[0].credential, decide(made).expires_ms) == ("Bearer two", 9000)
    assert decide(made, "openai", surface="pass_through").backends[0].credential == "Bearer two"


def test_a_key_that_ends_sooner_ends_the_decision():
    made = index({ACCOUNT: ("t", 5000)}.get, ACCOUNT, expires="1970-01-01T00:00:04Z")
    assert decide(made).expires_ms == 4000
    late = index({ACCOUNT: ("t", 5000)}.get, ACCOUNT, expires="1970-01-01T00:00:06Z")
    assert decide(late).expires_ms == 5000


def test_while_there_is_no_token_it_is_a_503_that_is_soon_forgotten():
    for tokens in ({}.get, None):
        made = index(tokens, ACCOUNT)
        for surface, target in (("managed", "openai/gemini"), ("pass_through", "openai")):
            decision = decide(made, target, now_ms=100, surface=surface)
            assert decision.refusal is refusals.NO_TOKEN
            assert (decision.refusal.status, decision.expires_ms) == (503, 1100)


def test_a_target_without_a_token_is_left_out_of_a_plan():
    both = model("m", "openai/gemini", "second/gpt-4o")
    made = index({}.get, ACCOUNT, models=(both,))
    decision = decide(made, "m")
    assert [backend.provider for backend in decision.backends] == ["second"]
    assert decision.expires_ms == 1000
    pool = index({OTHER: ("t", 7000)}.get, ACCOUNT, OTHER, models=(both,))
    plan = decide(pool, "m").plan
    assert [target.credentials for target in plan.targets] == [("Bearer t",), ("Bearer sk-second",)]
    assert decide(pool, "m").expires_ms == 1000
    assert decide(index({OTHER: ("t", 7000)}.get, OTHER, models=(both,)), "m").expires_ms == 7000


def test_the_accounts_that_need_a_token_are_told_and_nothing_else():
    assert index({}.get, ACCOUNT, OTHER, "no json").service_accounts == {ACCOUNT, OTHER}


def test_a_service_account_at_a_provider_of_headers_is_shown_to_nobody():
    bundle = make([entry()], providers=(SECOND,), credentials={SECOND.id: [OTHER]})
    assert decide(Index.build(bundle), "second/x").refusal.code == "no_credential"
