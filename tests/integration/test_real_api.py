"""LM-27: the real providers, for whoever has keys. Without one its tests skip: nothing here can be told from afar."""

import os
from collections.abc import Callable

import anthropic
import openai
import pytest
from tests.support.gateway import Gateway, Record
from tests.support.manifests import api_key, provider

KEY = "sk-test-real-api"
OPENAI_MODEL = os.environ.get("OSTIARY_TEST_OPENAI_MODEL", "gpt-4o-mini")
ANTHROPIC_MODEL = os.environ.get("OSTIARY_TEST_ANTHROPIC_MODEL", "claude-3-haiku-20240307")
HELLO = [{"role": "user", "content": "Say hello."}]
_SECONDS = 60

pytestmark = pytest.mark.real


def credential(name: str) -> str:
    """The provider's key from the environment; skips the test if there is none."""
    value = os.environ.get(name, "")
    if not value:
        pytest.skip(f"{name} is not set")
    return value


def assert_recorded(gateway: Gateway, name: str, path: str) -> None:
    def wanted(record: Record) -> bool:
        return bool(record["provider"] == name and record["endpoint"].startswith(path))

    record = gateway.records(wanted, seconds=30)[-1]
    assert record["status"] == 200
    assert record["model"]
    assert record["usage"]["input_tokens"] > 0
    assert record["usage"]["output_tokens"] > 0


@pytest.mark.parametrize("streamed", [False, True])
def test_lm_27_openai(new_gateway: Callable[..., Gateway], *, streamed: bool) -> None:
    held = credential("OPENAI_API_KEY")
    gateway = new_gateway().start(provider("openai", "https://api.openai.com", credential=held), [api_key("real", KEY)])
    for path, model in (("/v1", f"openai/{OPENAI_MODEL}"), ("/openai/v1", OPENAI_MODEL)):
        with openai.OpenAI(api_key=KEY, base_url=gateway.base_url + path, max_retries=1, timeout=_SECONDS) as client:
            try:
                options = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
                reply = client.chat.completions.create(model=model, messages=HELLO, max_tokens=16, **options)
                assert list(reply) if streamed else reply.choices[0].message.content
            except openai.APITimeoutError:
                pytest.xfail("the provider was too slow")
        assert_recorded(gateway, "openai", path)


@pytest.mark.parametrize("streamed", [False, True])
def test_lm_27_anthropic(new_gateway: Callable[..., Gateway], *, streamed: bool) -> None:
    held = credential("ANTHROPIC_API_KEY")
    gateway = new_gateway().start(
        provider("anthropic", "https://api.anthropic.com", "anthropic", credential=held), [api_key("real", KEY)]
    )
    for path, model in (("", f"anthropic/{ANTHROPIC_MODEL}"), ("/anthropic", ANTHROPIC_MODEL)):
        with anthropic.Anthropic(api_key=KEY, base_url=gateway.base_url + path, max_retries=1, timeout=_SECONDS) as client:
            try:
                reply = client.messages.create(model=model, messages=HELLO, max_tokens=16, stream=streamed)
                assert list(reply) if streamed else reply.content[0].text
            except anthropic.APITimeoutError:
                pytest.xfail("the provider was too slow")
        assert_recorded(gateway, "anthropic", f"{path}/v1/messages")
