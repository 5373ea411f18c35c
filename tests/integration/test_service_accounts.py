"""A provider whose credential is a token of a service account (type vertex), through the whole gateway."""

from collections.abc import Iterator
from uuid import uuid4

import openai
import pytest
from tests.support.manifests import model, provider
from tests.support.planned import KEY, Bed
from tests.support.provider import Provider
from tests.support.wait import until
from tests.unit.server.token_endpoint import Account

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    made = Provider(tmp_path_factory.mktemp("fake") / "log")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def account() -> Account:
    return Account()


@pytest.fixture
def sdk(session_bed: Bed) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=f"{session_bed.gateway.base_url}/v1", max_retries=0) as made:
        yield made


def use(bed: Bed, fake: Provider, name: str, secret: str) -> None:
    """A Provider of this name and a Model of the same."""
    made = provider(name, fake.url, "vertex", credential=secret, vertex={"project": "p", "region": "europe-west4"})
    made[0]["spec"]["credential"]["kind"] = "ServiceAccount"
    bed.gateway.apply(*made, model(name, f"{name}/echo"), file=name)


def tokens(fake: Provider, request_id: str) -> list[str]:
    """What the provider was shown with a request."""
    return [seen.header("authorization") or "" for seen in fake.find(request_id)]


def test_pl_24_requests_carry_a_token_and_the_next_one_before_it_ends(
    session_bed: Bed, fake: Provider, account: Account, sdk: openai.OpenAI
) -> None:
    use(session_bed, fake, "vertex-short", account.file(f"{fake.url}/expires-3/token"))

    shown = set()

    def renewed() -> bool:
        name = uuid4().hex
        reply = sdk.chat.completions.create(model="vertex-short", messages=HELLO, extra_headers={"x-request-id": name})
        assert reply.choices[0].message.content == "hello"
        shown.update(tokens(fake, name))
        fake.reset()
        return len(shown) > 1

    until(renewed, "another token is shown")
    assert all(token.startswith("Bearer ya29.") for token in shown)


def test_pl_24_without_a_token_a_request_is_refused_and_nobody_is_asked(
    session_bed: Bed, fake: Provider, account: Account, sdk: openai.OpenAI
) -> None:
    use(session_bed, fake, "vertex-none", account.file(f"{fake.url}/status-500/token"))
    with pytest.raises(openai.InternalServerError, match="no access token for this provider yet") as caught:
        sdk.chat.completions.create(model="vertex-none", messages=HELLO, extra_headers={"x-request-id": "none"})
    assert caught.value.status_code == 503
    assert tokens(fake, "none") == []
    assert account.pem[60:120] not in session_bed.gateway.output
