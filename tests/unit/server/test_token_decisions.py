"""What nginx is told of a provider whose credential is a token of a service account."""

import time

import msgspec
from tests.unit.decide.bundles import OPENAI, make, sha
from tests.unit.server.token_endpoint import Account, serving

VERTEX = msgspec.structs.replace(OPENAI, id="prod/vertex", name="vertex", prefix="vertex", signing="google-service-account")


async def test_the_first_request_waits_for_its_token_and_no_decision_outlives_it(sidecar) -> None:
    account = Account()
    async with serving(account) as endpoint:
        await sidecar.use(make(providers=(VERTEX,), credentials={VERTEX.id: [account.file(endpoint.url)]}))
        decision = await sidecar.ask("vertex/gemini-3", sha("sk-test-1"))
        assert "refusal" not in decision
        assert decision["backends"][0]["credential"] == "Bearer token-1"
        assert time.time() * 1000 < decision["expires_ms"] < (time.time() + 3600) * 1000
        assert (await sidecar.ready())["tokens"] == "ok"
        assert len(endpoint.assertions) == 1


async def test_without_a_token_a_request_is_refused_for_a_moment_and_the_sidecar_says_why(sidecar) -> None:
    account = Account()
    async with serving(account) as endpoint:
        endpoint.trouble = (401, '{"error":"invalid_client"}')
        await sidecar.use(make(providers=(VERTEX,), credentials={VERTEX.id: [account.file(endpoint.url)]}))
        decision = await sidecar.ask("vertex/gemini-3", sha("sk-test-1"))
        assert decision["refusal"] == {
            "status": 503,
            "code": "no_provider_token",
            "message": "no access token for this provider yet",
        }
        assert decision["expires_ms"] < (time.time() + 2) * 1000
        assert "answered 401 (invalid_client)" in (await sidecar.ready())["tokens"]
