"""Access tokens of service accounts, from an endpoint that checks every assertion."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable

import pytest
from tests.unit.server.token_endpoint import Account, Endpoint, serving

from ostiary_gateway.server.service_account import AccountError, ServiceAccount
from ostiary_gateway.server.tokens import Tokens


@pytest.fixture(scope="module")
def account() -> Account:
    return Account()


@pytest.fixture
async def endpoint(account: Account) -> AsyncIterator[Endpoint]:
    async with serving(account) as made:
        yield made


@pytest.fixture
async def tokens() -> AsyncIterator[Tokens]:
    made = Tokens("")
    yield made
    await made.aclose()


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not found():  # noqa: ASYNC110 - tokens come from another task, which tells nobody
            await asyncio.sleep(0.005)


async def test_a_token_is_asked_for_with_a_signed_assertion(tokens: Tokens, endpoint: Endpoint, account: Account) -> None:
    secret = account.file(endpoint.url)
    before = time.time()
    tokens.follow([secret])
    assert tokens.find(secret) is None
    await tokens.arrival()
    found = tokens.find(secret)
    assert found is not None
    assert found.value == "token-1"
    assert before + 3500 < found.until_ms / 1000 < time.time() + 3600
    (claims,) = endpoint.assertions
    assert claims["iss"] == account.email
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert claims["exp"] - claims["iat"] == 3600
    assert before - 60 < claims["iat"] < before
    assert tokens.problem == ""


async def test_many_who_wait_are_one_question(tokens: Tokens, endpoint: Endpoint, account: Account) -> None:
    secret = account.file(endpoint.url)
    for _ in range(3):
        tokens.follow([secret])
    await asyncio.gather(*(tokens.arrival() for _ in range(50)))
    assert tokens.find(secret) is not None
    assert len(endpoint.assertions) == 1


async def test_a_token_is_renewed_before_it_ends(tokens: Tokens, endpoint: Endpoint, account: Account) -> None:
    endpoint.life = 0.6
    secret = account.file(endpoint.url)
    tokens.follow([secret])
    await tokens.arrival()
    first = tokens.find(secret)
    assert first is not None
    await until(lambda: len(endpoint.assertions) >= 2)
    endpoint.life = 3600
    await until(lambda: bool((found := tokens.find(secret)) and found.value != first.value))


async def test_a_token_that_ended_is_given_to_nobody(endpoint: Endpoint, account: Account) -> None:
    now = time.time_ns() // 1_000_000
    moments = iter([now, now + 3539_999, now + 3540_000])
    tokens = Tokens("", lambda: next(moments))
    secret = account.file(endpoint.url)
    tokens.follow([secret])
    await tokens.arrival()
    assert tokens.find(secret) == ("token-1", now + 3540_000)
    assert tokens.find(secret) is None
    await tokens.aclose()


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [
        ((401, '{"error":"invalid_client","error_description":"secret words"}'), "answered 401 (invalid_client)"),
        ((500, "secret words"), "answered 500"),
        ((400, '{"error":"Not A Word <secret words>"}'), "answered 400"),
        ((302, ""), "answered 302"),
        ((200, "secret words"), "gave no token"),
        ((200, '{"access_token":"a b","expires_in":60}'), "gave no token that can be used"),
        ((200, '{"access_token":"ab","expires_in":0}'), "gave no token that can be used"),
    ],
)
async def test_an_endpoint_that_gives_none_is_asked_again(
    endpoint: Endpoint, account: Account, caplog: pytest.LogCaptureFixture, trouble: tuple[int, str], problem: str
) -> None:
    tokens = Tokens("")
    endpoint.trouble = trouble
    secret = account.file(endpoint.url)
    with caplog.at_level(logging.DEBUG):
        tokens.follow([secret])
        await tokens.arrival()
        assert tokens.find(secret) is None
        assert tokens.problem == f"service account {account.email}: the token endpoint {problem}"
        endpoint.trouble = None
        await until(lambda: tokens.find(secret) is not None)
    assert tokens.problem == ""
    await tokens.aclose()
    assert len(endpoint.assertions) == 2
    assert "secret words" not in caplog.text
    assert "PRIVATE KEY" not in caplog.text
    assert account.pem[40:80] not in caplog.text


async def test_an_endpoint_that_is_away_is_a_problem(tokens: Tokens, account: Account) -> None:
    secret = account.file("http://127.0.0.1:1/token")
    tokens.follow([secret])
    await tokens.arrival()
    assert tokens.problem.endswith("the token endpoint cannot be reached (ClientConnectorError)")


async def test_an_account_that_is_followed_no_more_has_no_token(tokens: Tokens, endpoint: Endpoint, account: Account) -> None:
    secret = account.file(endpoint.url)
    tokens.follow([secret])
    await tokens.arrival()
    tokens.follow([])
    assert tokens.find(secret) is None
    await tokens.arrival()


async def test_a_file_that_is_none_is_a_problem_and_nobody_is_asked(tokens: Tokens) -> None:
    tokens.follow(["{}"])
    await tokens.arrival()
    assert tokens.problem == "service account: not the JSON key file of a service account"


@pytest.mark.parametrize(
    "uri",
    [
        "http://metadata.google.internal/token",
        "http://10.0.0.1/token",
        "ftp://127.0.0.1/token",
        "https://user:word@host/token",
        "https:///token",
        "file:///etc/passwd",
        "//host/token",
        "https://host:port/token",
        "https://[/token",
    ],
)
def test_a_token_uri_leads_nowhere_but_to_https(account: Account, uri: str) -> None:
    with pytest.raises(AccountError, match="token_uri"):
        ServiceAccount(account.file(uri))


@pytest.mark.parametrize("uri", ["https://oauth2.example/token", "http://localhost:1/token", "http://[::1]:1/token"])
def test_https_and_the_loopback_are_asked(account: Account, uri: str) -> None:
    assert ServiceAccount(account.file(uri)).token_uri == uri


@pytest.mark.parametrize("pem", ["", "secret words", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_private_key_that_is_none_is_said_without_it(account: Account, pem: str) -> None:
    with pytest.raises(AccountError) as caught:
        ServiceAccount(account.file("https://a/token", private_key=pem))
    assert str(caught.value) == "private_key: no private key in PEM"
