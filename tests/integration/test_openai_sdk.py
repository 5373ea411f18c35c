"""The official `openai` client, synchronous and not, on both surfaces."""

from collections.abc import AsyncIterator, Callable, Iterator

import openai
import pytest
from tests.support import sample
from tests.support.gateway import Gateway
from tests.support.provider import Provider

from ostiary_gateway.fake.embeddings import make_vector

HELLO = [{"role": "user", "content": "good morning"}]
Make = Callable[..., openai.OpenAI]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Make]:
    made: list[openai.OpenAI] = []

    def make(key: str = sample.ALL, path: str = "/v1") -> openai.OpenAI:
        made.append(openai.OpenAI(api_key=key, base_url=gateway.base_url + path, max_retries=0))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
async def aclient(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=sample.ALL, base_url=gateway.base_url + "/v1", max_retries=0) as made:
        yield made


@pytest.mark.parametrize(("path", "model"), [("/v1", "openai/echo"), ("/open/v1", "echo"), ("/openai/v1", "echo")])
def test_chat(client: Make, path: str, model: str) -> None:
    reply = client(path=path).chat.completions.create(model=model, messages=HELLO)
    assert reply.choices[0].message.content == "good morning"
    assert reply.usage is not None
    assert reply.usage.total_tokens == 13


@pytest.mark.parametrize(("path", "model"), [("/v1", "openai/echo"), ("/open/v1", "echo")])
def test_chat_stream(client: Make, path: str, model: str) -> None:
    with client(path=path).chat.completions.create(model=model, messages=HELLO, stream=True) as stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "good morning"
    assert all(chunk.usage is None for chunk in chunks)


async def test_chat_async(aclient: openai.AsyncOpenAI) -> None:
    reply = await aclient.chat.completions.create(model="openai/echo", messages=HELLO)
    assert reply.choices[0].message.content == "good morning"


async def test_chat_stream_async(aclient: openai.AsyncOpenAI) -> None:
    stream = await aclient.chat.completions.create(
        model="openai/echo", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    async with stream:
        chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "good morning"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 2


def test_responses(client: Make) -> None:
    assert client().responses.create(model="openai/echo", input="good morning").output_text == "good morning"


def test_responses_stream(client: Make) -> None:
    with client().responses.create(model="openai/echo", input="good morning", stream=True) as stream:
        events = list(stream)
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "good morning"
    assert events[-1].type == "response.completed"
    assert events[-1].response.usage.output_tokens == 2


async def test_responses_async(aclient: openai.AsyncOpenAI) -> None:
    assert (await aclient.responses.create(model="openai/echo", input="good morning")).output_text == "good morning"


def test_completions(client: Make) -> None:
    reply = client().completions.create(model="openai/echo", prompt="good morning")
    assert reply.choices[0].text == "good morning"


def test_embeddings(client: Make) -> None:
    reply = client().embeddings.create(model="openai/echo", input="good morning", encoding_format="float")
    assert reply.data[0].embedding == make_vector("good morning")
    assert reply.usage.prompt_tokens == 11


def test_models(client: Make) -> None:
    assert {"openai/*", "anthropic/*"} <= {model.id for model in client().models.list()}
    assert {"echo", "hello"} <= {model.id for model in client(path="/open/v1").models.list()}


@pytest.mark.parametrize(
    ("key", "model", "error"),
    [
        (sample.UNKNOWN, "openai/echo", openai.AuthenticationError),
        (sample.EXPIRED, "openai/echo", openai.AuthenticationError),
        (sample.ONLY_ECHO, "openai/other", openai.PermissionDeniedError),
        (sample.ALL, "nobody/echo", openai.BadRequestError),
        (sample.ALL, "openai/status-404", openai.NotFoundError),
        (sample.ALL, "openai/status-422", openai.UnprocessableEntityError),
        (sample.ALL, "openai/retry-after-1", openai.RateLimitError),
        (sample.ALL, "openai/status-500", openai.InternalServerError),
        (sample.ALL, "dead/echo", openai.InternalServerError),
    ],
)
def test_errors_are_the_classes_that_a_caller_expects(
    client: Make, key: str, model: str, error: type[openai.APIStatusError]
) -> None:
    with pytest.raises(error) as caught:
        client(key).chat.completions.create(model=model, messages=HELLO)
    assert caught.value.request_id
    assert isinstance(caught.value.body, dict)


async def test_errors_async(aclient: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="unknown model: nobody/echo"):
        await aclient.chat.completions.create(model="nobody/echo", messages=HELLO)


def test_pass_through_refusal_is_permission_denied(client: Make) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client(sample.UNKNOWN, "/open/v1").chat.completions.create(model="echo", messages=HELLO)
    assert caught.value.response.json()["message"] == "API key not authorized"


def test_own_request_id_is_kept(client: Make, provider: Provider) -> None:
    own = {"X-Request-ID": "my.own_request-id"}
    reply = client().chat.completions.with_raw_response.create(model="openai/echo", messages=HELLO, extra_headers=own)
    assert reply.headers["x-request-id"] == "my.own_request-id"
    assert len(provider.find("my.own_request-id")) == 1
