import pytest
from tests.unit.decide.bundles import ANTHROPIC, CREDENTIAL, KEY, OPENAI, entry, make, sha

from ostiary_gateway.contract.bundle import ALLOWLIST, BundleError, build
from ostiary_gateway.contract.decision import Ask
from ostiary_gateway.decide.index import Index

NOW = 1_800_000_000_000
PAST, FUTURE = "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


def decide(bundle, target, *, surface="managed", key=KEY):
    return Index.build(bundle).decide(Ask(key=sha(key) if key else "", surface=surface, target=target), NOW)


def refused(decision):
    assert decision.identity is None
    assert decision.backends == ()
    return decision.refusal.status, decision.refusal.code, decision.refusal.message


def test_managed_gets_the_providers_credential_and_the_providers_model():
    decision = decide(make(), "openai/gpt-4o")
    assert decision.refusal is None
    assert decision.generation == make().digest
    assert decision.identity.key_id == f"id-{KEY}"
    (backend,) = decision.backends
    assert (backend.provider, backend.model, backend.upstream) == ("openai", "gpt-4o", "api_openai_com")
    assert (backend.credential_header, backend.credential) == ("authorization", f"Bearer {CREDENTIAL}")


def test_a_provider_model_may_hold_slashes():
    assert decide(make(), "openai/org/model").backends[0].model == "org/model"


@pytest.mark.parametrize("header", ["x-api-key", "api-key", "x-goog-api-key"])
def test_credential_headers_other_than_authorization_hold_the_bare_value(header):
    held = type(OPENAI)(**{**{f: getattr(OPENAI, f) for f in OPENAI.__struct_fields__}, "credential_header": header})
    (backend,) = decide(make(providers=(held,)), "openai/x").backends
    assert (backend.credential_header, backend.credential) == (header, CREDENTIAL)


def test_an_empty_target_asks_for_the_identity_only():
    decision = decide(make(), "")
    assert decision.identity.owner == "team"
    assert decision.backends == ()


def test_pass_through_leaves_the_callers_credential():
    (backend,) = decide(make(), "anthropic", surface="pass_through").backends
    assert (backend.credential_header, backend.credential, backend.model) == ("", "", "")
    assert (backend.base_path, backend.provider_type) == ("/base", "anthropic")


def test_tp_06_no_key():
    expected = (401, "missing_api_key", "missing or invalid Authorization header")
    assert refused(decide(make(), "", key="")) == expected


def test_tp_05_unknown_key():
    assert refused(decide(make(), "", key="sk-no")) == (401, "invalid_api_key", "invalid API key")


def test_tp_11_disabled_key():
    bundle = make([entry(state="disabled")])
    assert refused(decide(bundle, "openai/x")) == (401, "key_disabled", "API key disabled")


def test_tp_11_expired_key():
    bundle = make([entry(expires=PAST)])
    assert refused(decide(bundle, "openai/x")) == (401, "key_expired", "API key expired")


def test_expiry_travels_with_the_decision_and_counts_from_that_very_millisecond():
    bundle = make([entry(expires="2027-01-15T08:00:00.001Z")])
    index, ask = Index.build(bundle), Ask(key=sha(KEY), surface="managed", target="")
    decision = index.decide(ask, NOW)
    assert decision.expires_ms == NOW + 1
    assert index.decide(ask, decision.expires_ms - 1).refusal is None
    assert index.decide(ask, decision.expires_ms).refusal.code == "key_expired"


def test_both_values_of_a_rotating_key_count_until_the_old_one_expires():
    old = entry("sk-old", id="k", version="1", state="retiring", expires=FUTURE)
    bundle = make([old, entry("sk-new", id="k", version="2")])
    identities = [decide(bundle, "openai/x", key=key).identity for key in ("sk-old", "sk-new")]
    assert [(i.key_id, i.key_version) for i in identities] == [("k", "1"), ("k", "2")]
    assert Index.build(bundle).retiring == {("k", "1")}


def test_a_retired_key_is_refused_after_its_time():
    bundle = make([entry(state="retiring", expires=PAST)])
    assert refused(decide(bundle, "openai/x"))[1] == "key_expired"


@pytest.mark.parametrize("surface", ["managed", "pass_through"])
@pytest.mark.parametrize("row", [{"state": "disabled"}, {"expires": PAST}])
def test_lm_09_pass_through_tells_no_reason(surface, row):
    status, _, message = refused(decide(make([entry(**row)]), "openai", surface=surface))
    if surface == "pass_through":
        assert (status, message) == (403, "API key not authorized")
    else:
        assert status == 401


def test_lm_09_unknown_key_is_refused():
    decision = decide(make(), "openai", surface="pass_through", key="sk-no")
    assert refused(decision) == (403, "invalid_api_key", "API key not authorized")


@pytest.mark.parametrize("target", ["gpt-4o", "nobody/gpt-4o", "openai/", "/gpt-4o", "OPENAI/gpt-4o", "anthropic/claude"])
def test_tp_07_unknown_model(target):
    assert refused(decide(make(), target)) == (400, "unknown_model", f"unknown model: {target}")


def test_tp_07_a_provider_whose_callers_hold_the_credential_is_not_managed():
    claims = type(ANTHROPIC)(**{**{f: getattr(ANTHROPIC, f) for f in ANTHROPIC.__struct_fields__}, "managed": True})
    assert refused(decide(make(providers=(claims,)), "anthropic/claude"))[1] == "unknown_model"


def test_a_model_name_with_control_characters_comes_back_clean():
    message = refused(decide(make(), "openai/a\tb\r\nc\0"))[2]
    assert message == "unknown model: openai/a?b??c?"


def test_an_endless_model_name_comes_back_cut():
    message = refused(decide(make(), "openai/" + "x" * 300))[2]
    assert len(message) == len("unknown model: ") + 256


def test_tp_12_model_not_allowed():
    bundle = make([entry(models=("openai/gpt-4o", "openai/o3-*"))])
    assert decide(bundle, "openai/gpt-4o").refusal is None
    assert decide(bundle, "openai/o3-mini").refusal is None
    expected = (403, "model_not_allowed", "API key not allowed to use this model")
    assert refused(decide(bundle, "openai/gpt-4")) == expected


def test_pass_through_needs_the_whole_provider():
    some, every = make([entry(models=("openai/gpt-*",))]), make([entry(models=("openai/*",))])
    assert refused(decide(some, "openai", surface="pass_through")) == (
        403,
        "model_not_allowed",
        "API key not authorized",
    )
    assert decide(every, "openai", surface="pass_through").refusal is None


@pytest.mark.parametrize("target", ["nobody", "", "openai/v1"])
def test_pass_through_unknown_prefix(target):
    assert refused(decide(make(), target, surface="pass_through"))[0] == 404


@pytest.mark.parametrize("pool", [[], [""], ["a\r\nx-evil: 1"], ["caf\u00e9"]])
def test_a_held_provider_without_a_usable_credential_is_refused_not_sent_without(pool):
    bundle = make(credentials={OPENAI.id: pool})
    assert refused(decide(bundle, "openai/x")) == (502, "no_credential", "provider error")
    assert refused(decide(bundle, "openai", surface="pass_through"))[0] == 502


def test_lm_19_last_row_of_a_key_wins_over_all_shards():
    bundle = make([entry(id="first"), entry(id="second")], [entry(id="third")])
    assert decide(bundle, "").identity.key_id == "third"
    assert len(Index.build(bundle)) == 1


def test_lm_16_header_only_allow_list_denies_all():
    assert refused(decide(make([]), ""))[1] == "invalid_api_key"


def test_lm_16_a_missing_column_means_the_bundle_is_not_taken():
    files = {**make().files, ALLOWLIST.format(0): b"id,api_key,owner\n"}
    with pytest.raises(BundleError, match="column added is missing"):
        Index.build(build(files))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("document.json", b"{"),
        ("document.json", b'{"version":99}'),
        ("credentials.json", b'{"a":"b"}'),
        ("credentials.json", b"\xff"),
        ("allowlist-000.csv", b"\xff"),
        ("allowlist-000.csv", b"id,api_key,owner,added,expires\na,sha256:" + b"0" * 64 + b",o,t,tomorrow\n"),
        ("allowlist-000.csv", b"id,api_key,owner,added,expires\na,sha256:" + b"0" * 64 + b",o,t,2026-01-01T00:00:00\n"),
    ],
)
def test_a_broken_part_is_a_bundle_error(name, content):
    with pytest.raises(BundleError):
        Index.build(build({**make().files, name: content}))


def test_shards_that_did_not_change_are_not_parsed_again():
    first = Index.build(make([entry("sk-a")], [entry("sk-b")]))
    second = Index.build(make([entry("sk-a")], [entry("sk-c")]), first)
    same = [label for label in second.shards if first.shards.get(label) is second.shards[label]]
    assert [label.split()[0] for label in same] == [ALLOWLIST.format(0)]
    assert second.find(sha("sk-b")) is None
    assert second.find(sha("sk-c")) is not None


def test_models_are_what_the_key_may_name():
    def names(*models):
        index = Index.build(make([entry(models=models)]))
        return [name for name, _ in index.models(index.find(sha(KEY)))]

    assert names() == ["openai/*"]
    assert names("openai/gpt-4o", "openai/o3-*", "anthropic/x", "openai/") == ["openai/gpt-4o", "openai/o3-*"]
    assert names("anthropic/*") == []
