"""What the official SDKs do when Ostiary refuses: a spent budget costs one HTTP call, a rate limit a short wait.

Python and Node, openai and anthropic, each with the retries that it has by default, through a proxy that counts.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
import pytest
from tests.support import sample
from tests.support.counting import CountingProxy, Exchange
from tests.support.gateway import Gateway
from tests.support.manifests import api_key
from tests.support.process import REPOSITORY
from tests.support.queued_provider import ECHO, Answer, QueuedProvider

SDKS = ("openai", "anthropic")
LANGUAGES = ("python", "node")
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
HELLO: Any = [{"role": "user", "content": "hello"}]
REFUSED = "monthly budget exceeded"


@dataclass(frozen=True)
class Seen:
    """What a user sees of a call."""

    ok: bool
    kind: str = ""
    status: int = 0
    message: str = ""
    type: str = ""
    text: str = ""


@dataclass(frozen=True)
class Called:
    """Each call, by SDK and purpose, with the HTTP exchanges that it made."""

    seen: Seen
    exchanges: list[Exchange]


def broke(language: str, sdk: str) -> str:
    return f"sk-test-broke-{language}-{sdk}"


def quick(language: str, sdk: str) -> str:
    return f"sk-test-once-a-second-{language}-{sdk}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Keys of their own for each SDK: one that may spend next to nothing, one that may call once a second."""
    made = Gateway(tmp_path_factory.mktemp("refusals"), workers=1)
    keys = [
        key
        for language in LANGUAGES
        for sdk in SDKS
        for key in (
            api_key(f"broke-{language}-{sdk}", broke(language, sdk), budget={"amount": "0.000001"}, onUnpriced="Default"),
            api_key(f"once-{language}-{sdk}", quick(language, sdk), limits={"requests": {"perSecond": 1}}),
        )
    ]
    with QueuedProvider() as provider:
        provider.answers(Answer(text=ECHO))
        yield made.start(sample.providers(provider.url), keys)
        made.drop()


def python_openai(url: str, key: str, model: str) -> Seen:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key) as client:
        try:
            answer = client.chat.completions.create(model=model, messages=HELLO)
        except openai.APIStatusError as error:
            return Seen(False, type(error).__name__, error.status_code, error.message, str(error.type))
        return Seen(True, text=answer.choices[0].message.content or "")


def python_anthropic(url: str, key: str, model: str) -> Seen:
    with anthropic.Anthropic(base_url=url, api_key=key) as client:
        try:
            answer = client.messages.create(model=model, max_tokens=64, messages=HELLO)
        except anthropic.APIStatusError as error:
            inner: Any = error.body
            return Seen(False, type(error).__name__, error.status_code, error.message, inner["error"]["type"])
        return Seen(True, text=answer.content[0].text)  # type: ignore[union-attr]


def in_python(calls: list[dict[str, str]]) -> list[Seen]:
    ways = {"openai": python_openai, "anthropic": python_anthropic}
    return [ways[call["sdk"]](call["baseURL"], call["key"], call["model"]) for call in calls]


def in_node(calls: list[dict[str, str]]) -> list[Seen]:
    program = REPOSITORY / "tests/sdk/calls.js"
    assert shutil.which("node"), "needs Node"
    ran = subprocess.run(["node", str(program)], input=json.dumps(calls), capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return [Seen(**{name: value for name, value in told.items() if name != "name"}) for told in json.loads(ran.stdout)]


@pytest.fixture(scope="module")
def called(gateway: Gateway) -> Mapping[tuple[str, str, str], Called]:
    """By language, SDK and purpose: one call of the key that is broke, two in a row of the one that has to wait."""
    with ExitStack() as stack:
        proxies, calls = {}, []
        for language in LANGUAGES:
            for sdk in SDKS:
                for purpose, key, times in (("budget", broke(language, sdk), 1), ("rate", quick(language, sdk), 2)):
                    proxy = stack.enter_context(CountingProxy(gateway.base_url))
                    proxies[language, sdk, purpose] = proxy
                    call = {"sdk": sdk, "baseURL": proxy.url, "key": key, "model": f"{sdk}/echo", "name": f"{language} {purpose}"}
                    calls += [call] * times
        seen = {}
        for language, way in (("python", in_python), ("node", in_node)):
            of = [call for call in calls if call["name"].startswith(language)]
            for call, one in zip(of, way(of), strict=True):
                seen[language, call["sdk"], call["name"].split()[1]] = one  # of two in a row, the second
        return {which: Called(seen[which], proxy.exchanges) for which, proxy in proxies.items()}


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_gz_03_a_budget_refusal_is_one_http_call(called: Mapping[tuple[str, str, str], Called], language: str, sdk: str) -> None:
    made = called[language, sdk, "budget"]
    assert [(each.path, each.status) for each in made.exchanges] == [(PATHS[sdk], 402)]


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_tp_09_a_budget_refusal_is_the_error_that_a_user_expects(
    called: Mapping[tuple[str, str, str], Called], language: str, sdk: str
) -> None:
    seen = called[language, sdk, "budget"].seen
    assert (seen.ok, seen.status) == (False, 402)
    assert REFUSED in seen.message
    assert "0.000001" not in seen.message
    kinds = {("python", "anthropic"): "PaymentRequiredError", ("node", "anthropic"): "PaymentRequiredError"}
    assert seen.kind == kinds.get((language, sdk), {"python": "APIStatusError", "node": "APIError"}[language])
    assert seen.type == {"openai": "insufficient_quota", "anthropic": "billing_error"}[sdk]


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_tp_08_a_rate_limit_is_waited_for_and_then_met(
    called: Mapping[tuple[str, str, str], Called], language: str, sdk: str
) -> None:
    """The second call of a second is refused, tried again when the answer says, and not before, and answered."""
    made = called[language, sdk, "rate"]
    assert made.seen.ok, made.seen
    assert "hello" in made.seen.text
    statuses = [each.status for each in made.exchanges]
    assert statuses == [200, 429, 200]
    refused, again = made.exchanges[1:]
    assert 0.5 <= again.asked - refused.answered <= 1.5


def test_gz_03_no_refused_call_reached_the_provider(called: Mapping[tuple[str, str, str], Called], gateway: Gateway) -> None:
    assert called
    gateway.idle()
    records = [record for record in gateway.ledger() if record["key_name"].startswith("broke")]
    assert records == []
