"""A gateway with 4 workers before three mock providers, for requests that have more than one way to go.

Blocks, breakers and latencies are kept for the whole gateway, so each test asks for Models of its own: their backends have
the Model's name, which makes them targets of its own, too.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any
from uuid import uuid4

import openai
import pytest
from tests.support.client import Reply, call
from tests.support.gateway import Gateway, Record, unix_get
from tests.support.manifests import Manifest, api_key, model, provider
from tests.support.queued_provider import Answer, QueuedProvider

KEY = "sk-test-planned"
CREDENTIALS = {name: f"sk-credential-of-{name}" for name in ("openai", "anthropic", "mistral")}
OK, LIMITED, BROKEN = Answer(), Answer(429), Answer(503)
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
KINDS = ("whole", "stream")
HELLO = [{"role": "user", "content": "hello"}]
_SECONDS = 30  # as long as a client of behaviour.md 2.1 waits
_WORKERS = 4


@dataclass(frozen=True)
class Outcome:
    """What the SDK made of a request; `error` is the `error` object of a refusal."""

    status: int
    text: str
    headers: Mapping[str, str]
    error: dict[str, Any]
    request_id: str


class Bed:
    """`openai` is the primary, `anthropic` the secondary, `mistral` the tertiary provider."""

    def __init__(self, gateway: Gateway, mocks: Sequence[QueuedProvider]) -> None:
        self.gateway = gateway
        self.mocks = mocks
        self.primary, self.secondary, self.tertiary = mocks
        base_url, each = f"{gateway.base_url}/v1", {"Connection": "close"}  # any worker each time
        self._sdk = openai.OpenAI(api_key=KEY, base_url=base_url, max_retries=0, timeout=_SECONDS, default_headers=each)

    def close(self) -> None:
        self._sdk.close()

    def answer(self, *queues: Answer | Sequence[Answer]) -> None:
        """What the mocks say from now on, the primary first; those that are not named answer with 200."""
        for mock, queue in zip(self.mocks, [*queues, *[OK] * (len(self.mocks) - len(queues))], strict=True):
            mock.answers(*([queue] if isinstance(queue, Answer) else queue))

    @property
    def counts(self) -> list[int]:
        """How many POSTs reached each mock since `answer`."""
        return [len(mock.calls) for mock in self.mocks]

    def chat(self, model: str, *, stream: bool = False, messages: Sequence[Any] = HELLO, **headers: str) -> Outcome:
        """One request with the OpenAI SDK, read to its end, on a connection of its own."""
        request_id = uuid4().hex
        given: dict[str, Any] = {"model": model, "messages": messages, "extra_headers": {"x-request-id": request_id, **headers}}
        chat = self._sdk.chat.completions.with_raw_response
        try:
            raw = chat.create(**given, stream=True) if stream else chat.create(**given)
            parsed = raw.parse()
            if stream:
                text = "".join(chunk.choices[0].delta.content or "" for chunk in parsed if chunk.choices)
            else:
                text = parsed.choices[0].message.content
            return Outcome(raw.status_code, text, raw.headers, {}, request_id)
        except openai.APIStatusError as error:
            body = error.response.json()
            return Outcome(error.status_code, "", error.response.headers, body.get("error", body), request_id)

    def ask(self, model: str, path: str = CHAT, body: Mapping[str, object] | None = None, **headers: str) -> Reply:
        """One request as it is, on a connection of its own; the key is the bed's."""
        given = {"model": model, "messages": HELLO, "max_tokens": 16} | dict(body or {})
        return call(self.gateway.base_url, path, given, key=KEY, headers=headers)

    def record(self, outcome: Outcome) -> Record:
        return self.gateway.record(outcome.request_id)

    def attempts(self, outcome: Outcome) -> list[tuple[str, int, str]]:
        """Provider, status and error type of each attempt, as the ledger tells them."""
        return [(each["provider"], each["status"], each["error_type"]) for each in self.record(outcome)["attempts"]]

    def health(self) -> dict[str, Any]:
        """Blocks, breakers and latencies as nginx has them."""
        return dict(json.loads(unix_get(self.gateway.run / "control.sock", "/health")))

    def blocks(self, scope: str) -> float:
        """Seconds for which a scope is still blocked; 0 if it is not."""
        health = self.health()
        until_ms: float = health["blocks"].get(scope, [health["now"]])[0]
        return (until_ms - health["now"]) / 1000


def both(name: str, *backends: str | Mapping[str, object], **spec: object) -> list[Manifest]:
    """Two Models, one for whole answers and one for streams."""
    return [model(f"{name}-{kind}", *backends, **spec) for kind in KINDS]


def rule(strategy: str, retries: int, *codes: int | str) -> dict[str, object]:
    """A rule for these statuses, or (none) for timeouts."""
    return {"strategy": strategy, "maxAttempts": retries} | ({"codes": list(codes)} if codes else {})


def policy(*rules: Mapping[str, object], **more: object) -> dict[str, object]:
    """A retry policy with these rules for statuses."""
    return {"onStatusCodes": list(rules), **more}


def read_broken(response: HTTPResponse) -> bytes:
    """What came of an answer that was broken off: nginx hangs up without the last chunk, so that nobody takes it for whole."""
    with pytest.raises(IncompleteRead) as caught:
        response.read()
    return bytes(caught.value.partial)


@contextmanager
def open_bed(folder: Path, *more: Manifest, **settings: object) -> Iterator[Bed]:
    """The gateway and its mocks, until the end of the block; then no request may have two records or none."""
    with ExitStack() as stack:
        mocks = [stack.enter_context(QueuedProvider()) for _ in CREDENTIALS]
        gateway = Gateway(folder, **{"workers": _WORKERS, "retry_budget_minimum": 100_000, **settings})
        stack.callback(gateway.stop)
        gateway.start(providers(*mocks), [api_key("planned", KEY)], more)
        bed = Bed(gateway, mocks)
        stack.callback(bed.close)
        yield bed
        gateway.idle()
        ids = [record["request_id"] for record in gateway.ledger()]
        assert len(ids) == len(set(ids))


def providers(primary: QueuedProvider, secondary: QueuedProvider, tertiary: QueuedProvider) -> list[Manifest]:
    """Each is asked in whatever dialect the client speaks, as the mocks of behaviour.md 2.1 are (Consequences A and B)."""
    spoken = {"speaks": ["chat", "completions", "responses", "embeddings", "messages"]}
    return [
        *provider("openai", primary.url, credential=CREDENTIALS["openai"], **spoken),
        *provider("anthropic", secondary.url, "anthropic", credential=CREDENTIALS["anthropic"], **spoken),
        *provider("mistral", tertiary.url, "openai-compatible", credential=CREDENTIALS["mistral"], **spoken),
    ]
