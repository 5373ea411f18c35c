"""The official `anthropic` client, synchronous and not, on both surfaces."""

from collections.abc import Callable, Iterator

import anthropic
import pytest
from tests.support import sample
from tests.support.gateway import Gateway

HELLO = [{"role": "user", "content": "good morning"}]
Make = Callable[..., anthropic.Anthropic]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Make]:
    made: list[anthropic.Anthropic] = []

    def make(key: str = sample.ALL, path: str = "") -> anthropic.Anthropic:
        made.append(anthropic.Anthropic(api_key=key, base_url=gateway.base_url + path, max_retries=0))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize(("path", "model"), [("", "anthropic/echo"), ("/open", "echo"), ("/anthropic", "echo")])
def test_messages(client: Make, path: str, model: str) -> None:
    reply = client(path=path).messages.create(model=model, messages=HELLO, max_tokens=16)
    assert reply.content[0].text == "good morning"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (11, 2)


@pytest.mark.parametrize(("path", "model"), [("", "anthropic/echo"), ("/open", "echo")])
def test_messages_stream(client: Make, path: str, model: str) -> None:
    with client(path=path).messages.stream(model=model, messages=HELLO, max_tokens=16) as stream:
        assert "".join(stream.text_stream) == "good morning"
        assert stream.get_final_message().usage.output_tokens == 2


async def test_messages_async(gateway: Gateway) -> None:
    async with anthropic.AsyncAnthropic(api_key=sample.ALL, base_url=gateway.base_url, max_retries=0) as client:
        reply = await client.messages.create(model="anthropic/echo", messages=HELLO, max_tokens=16)
        assert reply.content[0].text == "good morning"
        async with client.messages.stream(model="anthropic/echo", messages=HELLO, max_tokens=16) as stream:
            assert "".join([text async for text in stream.text_stream]) == "good morning"


def test_auth_token_is_a_bearer_key(gateway: Gateway) -> None:
    with anthropic.Anthropic(auth_token=sample.ALL, base_url=gateway.base_url, max_retries=0) as client:
        assert client.messages.create(model="anthropic/echo", messages=HELLO, max_tokens=16).role == "assistant"


@pytest.mark.parametrize(
    ("key", "model", "error"),
    [
        (sample.UNKNOWN, "anthropic/echo", anthropic.AuthenticationError),
        (sample.DISABLED, "anthropic/echo", anthropic.AuthenticationError),
        (sample.ONLY_ECHO, "anthropic/echo", anthropic.PermissionDeniedError),
        (sample.ALL, "nobody/echo", anthropic.BadRequestError),
        (sample.ALL, "anthropic/status-404", anthropic.NotFoundError),
        (sample.ALL, "anthropic/retry-after-1", anthropic.RateLimitError),
        (sample.ALL, "anthropic/status-500", anthropic.InternalServerError),
        (sample.ALL, "dead/echo", anthropic.InternalServerError),
    ],
)
def test_errors_are_the_classes_that_a_caller_expects(
    client: Make, key: str, model: str, error: type[anthropic.APIStatusError]
) -> None:
    with pytest.raises(error) as caught:
        client(key).messages.create(model=model, messages=HELLO, max_tokens=16)
    assert caught.value.request_id
    assert caught.value.body["type"] == "error"


def test_pass_through_refusal_is_permission_denied(client: Make) -> None:
    with pytest.raises(anthropic.PermissionDeniedError, match="API key not authorized"):
        client(sample.UNKNOWN, "/open").messages.create(model="echo", messages=HELLO, max_tokens=16)
