import pytest
from tests.unit.decide.bundles import CREDENTIAL, KEY, entry, make, sha

BEARER = {"Authorization": f"Bearer {KEY}"}


async def test_nginx_gets_a_decision(sidecar):
    bundle = make()
    await sidecar.use(bundle)
    decision = await sidecar.ask("openai/gpt-4o", sha(KEY))
    assert decision["generation"] == bundle.digest
    assert decision["identity"]["key_id"] == f"id-{KEY}"
    assert decision["backends"][0]["credential"] == f"Bearer {CREDENTIAL}"
    assert "refusal" not in decision


async def test_a_refusal_is_an_answer_too(sidecar):
    await sidecar.use(make())
    decision = await sidecar.ask("openai/gpt-4o", sha("sk-no"))
    assert decision["refusal"] == {"status": 401, "code": "invalid_api_key", "message": "invalid API key"}


async def test_lm_11_without_a_bundle_nobody_is_vouched_for(sidecar):
    async with sidecar.unix.post("http://sidecar/auth", json={}) as answer:
        assert answer.status == 503
    assert await sidecar.get("/auth", headers=BEARER) == (403, "forbidden")


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"key":1}', b'{"key":"a","surface":"x","target":""}'])
async def test_what_is_no_ask_is_400(sidecar, body):
    await sidecar.use(make())
    async with sidecar.unix.post("http://sidecar/auth", data=body) as answer:
        assert answer.status == 400
    assert (await sidecar.ask("", sha(KEY)))["identity"]


async def test_decisions_hold_credentials_and_are_never_on_tcp(sidecar):
    await sidecar.use(make())
    async with sidecar.tcp.post(f"{sidecar.url}/auth", json={}) as answer:
        assert answer.status == 405
    assert (await sidecar.get(f"/models?key={sha(KEY)}"))[0] == 404


async def test_lm_10_a_good_key_gets_its_id(sidecar):
    await sidecar.use(make())
    async with sidecar.tcp.get(f"{sidecar.url}/auth", headers=BEARER) as answer:
        assert answer.status == 200
        assert answer.headers["X-LMGate-ID"] == f"id-{KEY}"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Authorization": f"bearer {KEY}"}, 200, id="lm_03"),
        pytest.param({"X-Api-Key": KEY}, 200, id="lm_04"),
        pytest.param({"Authorization": "Bearer bad", "x-api-key": KEY}, 403, id="lm_05"),
        pytest.param({"Authorization": "Bearer "}, 403, id="lm_06"),
        pytest.param({"Authorization": "Basic abc"}, 403, id="lm_07_alone"),
        pytest.param({"Authorization": "Basic abc", "x-api-key": KEY}, 200, id="lm_07_falls_through"),
        pytest.param({"api-key": KEY}, 403, id="lm_08_api_key"),
        pytest.param({"x-goog-api-key": KEY}, 403, id="lm_08_goog"),
        pytest.param({"Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/x"}, 403, id="lm_08_sigv4"),
        pytest.param({}, 403, id="lm_09_missing"),
        pytest.param({"x-api-key": "sk-no"}, 403, id="lm_09_unknown"),
    ],
)
async def test_credentials_in_headers(sidecar, headers, status):
    await sidecar.use(make())
    async with sidecar.tcp.get(f"{sidecar.url}/auth", headers=headers) as answer:
        assert answer.status == status
        if status == 403:
            assert await answer.text() == "forbidden"
            assert "X-LMGate-ID" not in answer.headers


async def test_lm_08_the_query_is_no_place_for_a_key(sidecar):
    await sidecar.use(make())
    assert await sidecar.get(f"/auth?key={KEY}") == (403, "forbidden")


async def test_lm_10_a_disabled_key_is_forbidden(sidecar):
    await sidecar.use(make([entry(state="disabled")]))
    assert await sidecar.get("/auth", headers=BEARER) == (403, "forbidden")
