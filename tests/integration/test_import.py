"""`ostiary run --from`: the configuration of another gateway, served as it is (behaviour.md 2.1, 2.4).

The configurations are in the shape of those that Plano's own retry tests and LiteLLM's documentation use.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.client import Reply, call, stream
from tests.support.local import NGINX, Local
from tests.support.process import Program, free_port
from tests.support.queued_provider import ECHO, Answer, QueuedProvider
from tests.support.wait import until

CHAT = "/v1/chat/completions"
KEY = "test-key"
LIMITED = Answer(429)

PLANO = """
version: v0.3.0
listeners:
  - {{type: model, name: model_listener, port: {port}, address: 127.0.0.1}}
model_providers:
  - model: openai/gpt-4o
    base_url: http://host.docker.internal:${{MOCK_PRIMARY_PORT}}
    access_key: test-key-primary
    default: true
    headers: {{User-Agent: Imported/1.0}}
    retry_policy:
      fallback_models: [anthropic/claude-3-5-sonnet, mistral/mistral-large]
      default_strategy: "different_provider"
      default_max_attempts: 2
      on_status_codes:
        - codes: [429, 503]
          strategy: "different_provider"
          max_attempts: 3
  - model: anthropic/claude-3-5-sonnet
    base_url: http://127.0.0.1:${{MOCK_SECONDARY_PORT}}
    access_key: $SECONDARY_KEY
  - model: mistral/mistral-large
    base_url: http://127.0.0.1:${{MOCK_TERTIARY_PORT}}/v1
    access_key: test-key-tertiary
  - model: openai/patient
    base_url: http://host.docker.internal:${{MOCK_PRIMARY_PORT}}
    access_key: test-key-primary
    retry_policy:
      on_status_codes:
        - {{codes: [429], strategy: same_model, max_attempts: 3}}
      backoff: {{apply_to: same_model, base_ms: 50, max_ms: 500, jitter: false}}
  - model: openai/limited
    base_url: http://host.docker.internal:${{MOCK_PRIMARY_PORT}}
    access_key: test-key-primary
    retry_policy:
      fallback_models: [anthropic/claude-3-5-sonnet]
      on_status_codes:
        - {{codes: [429], strategy: different_provider, max_attempts: 2}}
      retry_after_handling: {{scope: model, apply_to: global, max_retry_after_seconds: 300}}
  - model: groq/*
    base_url: http://127.0.0.1:${{MOCK_TERTIARY_PORT}}/openai
    access_key: test-key-groq
  - model: openai/by-the-caller
    base_url: http://127.0.0.1:${{MOCK_SECONDARY_PORT}}
    passthrough_auth: true
model_aliases:
  smart-llm: {{target: gpt-4o}}
tracing: {{random_sampling: 100}}
"""
LITELLM = """
model_list:
  - model_name: fast
    litellm_params: {{model: openai/gpt-4o, api_base: "http://127.0.0.1:{primary}/v1", api_key: os.environ/PRIMARY_KEY}}
  - model_name: safe
    litellm_params: {{model: anthropic/claude-3-haiku, api_base: "http://127.0.0.1:{secondary}", api_key: sk-ant-plain}}
  - model_name: hurried
    litellm_params:
      {{model: openai/hurried, api_base: "http://127.0.0.1:{primary}/v1", api_key: os.environ/PRIMARY_KEY, timeout: 0.5}}
router_settings:
  num_retries: 1
  fallbacks: [{{fast: [safe]}}]
  model_group_alias: {{quick: fast}}
general_settings:
  master_key: sk-1234
"""


@dataclass
class Running:
    """`ostiary run --from` and the mocks that its configuration names."""

    local: Local
    program: Program
    mocks: tuple[QueuedProvider, ...]
    key: str

    def answer(self, *queues: Answer | list[Answer]) -> None:
        for mock, queue in zip(self.mocks, [*queues, *[Answer()] * (len(self.mocks) - len(queues))], strict=True):
            mock.answers(*(queue if isinstance(queue, list) else [queue]))

    @property
    def counts(self) -> list[int]:
        return [len(mock.calls) for mock in self.mocks]

    def chat(self, model: str, text: str = "Hello", key: str | None = None) -> Reply:
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        return call(self.local.base_url, CHAT, body, key=key or self.key)


def start(
    folder: Path, source: str, text: str, *options: str, environ: dict[str, str], name: str = "config.yaml"
) -> tuple[Local, Program]:
    """In a folder of its own, on the port that the configuration says where it says one."""
    local = Local(folder)
    (folder / name).write_text(text.format(port=local.port))
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OSTIARY_")}
    settings = {"OSTIARY_NGINX": NGINX, "OSTIARY_SIDECAR_PORT": str(local.sidecar_port), "OSTIARY_WORKERS": "2"}
    command = (sys.executable, "-m", "ostiary_operator", "run", "--from", source, name, *options)
    program = Program(folder / "output", *command, environ=ours | settings | environ, cwd=folder)

    def served() -> bool:
        assert program.running, program.output
        return "Ostiary serves" in program.output

    until(served, "the greeting", 30)
    return local, program


@pytest.fixture(scope="module")
def plano(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with ExitStack() as stack:
        mocks = tuple(stack.enter_context(QueuedProvider()) for _ in range(3))
        names = ("MOCK_PRIMARY_PORT", "MOCK_SECONDARY_PORT", "MOCK_TERTIARY_PORT")
        environ = {name: str(mock.port) for name, mock in zip(names, mocks, strict=True)} | {"SECONDARY_KEY": "sk-secondary"}
        local, program = start(tmp_path_factory.mktemp("plano"), "plano", PLANO, "--key", KEY, environ=environ)
        yield Running(local, program, mocks, KEY)
        program.stop()


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with ExitStack() as stack:
        mocks = tuple(stack.enter_context(QueuedProvider()) for _ in range(2))
        text = LITELLM.format(primary=mocks[0].port, secondary=mocks[1].port).replace("{", "{{").replace("}", "}}")
        folder = tmp_path_factory.mktemp("litellm")
        environ = {"PRIMARY_KEY": "sk-primary", "OSTIARY_PORT": str(free_port()), "OSTIARY_HOST": "127.0.0.1"}
        local, program = start(folder, "litellm", text, environ=environ)
        local.base_url = f"http://127.0.0.1:{environ['OSTIARY_PORT']}"
        yield Running(local, program, mocks, "sk-1234")
        program.stop()


def test_what_could_not_be_expressed_is_said_and_no_secret_is(plano: Running) -> None:
    line = 1 + (plano.local.folder / "config.yaml").read_text().splitlines().index("tracing: {random_sampling: 100}")
    assert f"ostiary: config.yaml: line {line}: tracing: " in plano.program.output
    folder = plano.local.run / "imported"
    written = "".join(file.read_text() for file in folder.iterdir()) + plano.program.output
    for secret in ("test-key-primary", "test-key-tertiary", "test-key-groq", "sk-secondary"):
        assert secret not in written


def test_it_1_a_limited_primary_is_left_for_the_secondary(plano: Running) -> None:
    plano.answer(LIMITED, Answer(text="from the secondary"))
    answer = plano.chat("openai/gpt-4o")
    assert (answer.status, answer.json["choices"][0]["message"]["content"]) == (200, "from the secondary")
    assert plano.counts == [1, 1, 0]
    primary, secondary = plano.mocks[0].calls[0], plano.mocks[1].calls[0]
    assert (primary.path, primary.json["model"]) == (CHAT, "gpt-4o")
    assert (primary.headers["authorization"], primary.headers["user-agent"]) == ("Bearer test-key-primary", "Imported/1.0")
    assert (secondary.headers["x-api-key"], secondary.json["model"]) == ("sk-secondary", "claude-3-5-sonnet")
    assert all(KEY not in one.credentials.split() for mock in plano.mocks for one in mock.calls)


def test_it_3_exhaustion_is_plano_s(plano: Running) -> None:
    plano.answer(LIMITED, LIMITED, LIMITED)
    answer = plano.chat("openai/gpt-4o")
    assert (answer.status, answer.json["error"]["type"]) == (429, "retry_exhausted")
    assert answer.json["error"]["total_attempts"] >= 2


def test_it_4_without_a_policy_a_failure_goes_through(plano: Running) -> None:
    plano.answer(Answer(), LIMITED)
    assert plano.chat("anthropic/claude-3-5-sonnet").status == 429
    assert plano.counts == [0, 1, 0]


def test_it_6_same_model_waits_and_tries_again(plano: Running) -> None:
    plano.answer([LIMITED, LIMITED, Answer()])
    assert plano.chat("openai/patient").status == 200
    assert plano.counts == [3, 0, 0]


def test_it_7_fallbacks_are_tried_in_their_order(plano: Running) -> None:
    plano.answer(LIMITED, LIMITED, Answer(text="from the second fallback"))
    answer = plano.chat("openai/gpt-4o")
    assert (answer.status, answer.json["choices"][0]["message"]["content"]) == (200, "from the second fallback")
    assert plano.counts == [1, 1, 1]


def test_it_9_retry_after_keeps_the_primary_out_of_the_next_request(plano: Running) -> None:
    plano.answer(Answer(429, headers={"Retry-After": "60"}), Answer())
    assert plano.chat("openai/limited").status == 200
    assert plano.chat("openai/limited").status == 200
    assert plano.counts == [1, 2, 0]


def test_it_12_a_stream_comes_from_the_secondary(plano: Running) -> None:
    plano.answer(LIMITED, Answer(text="streamed"))
    body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    with stream(plano.local.base_url, CHAT, body, key=KEY) as response:
        events = [line.removeprefix(b"data: ") for line in response.read().splitlines() if line.startswith(b"data: {")]
    said: list[dict[str, Any]] = [choice["delta"] for event in events for choice in json.loads(event)["choices"]]
    assert "".join(delta.get("content") or "" for delta in said) == "streamed"


def test_it_13_messages_are_kept(plano: Running) -> None:
    plano.answer(LIMITED, Answer(text=ECHO))
    text = 'Grüße, "quoted" \\ and\nlines'
    assert plano.chat("openai/gpt-4o", text).json["choices"][0]["message"]["content"] == text


@pytest.mark.parametrize("name", ["smart-llm", "SMART-llm", "gpt-4o"])
def test_pl_23_aliases_and_bare_names_lead_to_the_model(plano: Running, name: str) -> None:
    plano.answer()
    assert plano.chat(name).status == 200
    assert plano.mocks[0].calls[0].json["model"] == "gpt-4o"


def test_a_wildcard_offers_the_whole_catalogue(plano: Running) -> None:
    plano.answer()
    assert plano.chat("groq/llama-9").status == 200
    (one,) = plano.mocks[2].calls
    assert (one.path, one.json["model"]) == (f"/openai{CHAT}", "llama-9")
    assert one.headers["authorization"] == "Bearer test-key-groq"


def test_pl_35_passthrough_auth_sends_the_caller_s_credential(plano: Running) -> None:
    plano.answer()
    assert plano.chat("openai/by-the-caller").status == 200
    assert plano.mocks[1].calls[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(("model", "status"), [("gpt-9", 400), ("openai/gpt-9", 403)])
def test_pl_21_a_model_that_is_not_configured_is_refused(plano: Running, model: str, status: int) -> None:
    """The Provider's prefix would offer it, but the imported key may use what was configured only."""
    plano.answer()
    assert plano.chat(model).status == status
    assert plano.counts == [0, 0, 0]


def test_another_key_is_refused(plano: Running) -> None:
    assert plano.chat("openai/gpt-4o", key="another").status == 401


def test_litellm_s_fallback_comes_after_the_group(litellm: Running) -> None:
    litellm.answer(LIMITED, Answer(text="from the fallback"))
    answer = litellm.chat("fast")
    assert (answer.status, answer.json["choices"][0]["message"]["content"]) == (200, "from the fallback")
    assert litellm.counts == [1, 1]
    assert litellm.mocks[0].calls[0].headers["authorization"] == "Bearer sk-primary"
    assert litellm.mocks[1].calls[0].headers["x-api-key"] == "sk-ant-plain"


def test_litellm_s_retries_are_for_the_same_deployment_where_it_is_alone(litellm: Running) -> None:
    litellm.answer(Answer(), [Answer(500), Answer()])
    assert litellm.chat("safe").status == 200
    assert litellm.counts == [0, 2]


def test_litellm_s_timeout_ends_an_attempt(litellm: Running) -> None:
    litellm.answer([Answer(delay=30), Answer(text="the second time")])
    answer = litellm.chat("hurried")
    assert (answer.status, answer.json["choices"][0]["message"]["content"]) == (200, "the second time")
    assert litellm.counts == [2, 0]


def test_litellm_s_alias_and_master_key(litellm: Running) -> None:
    litellm.answer()
    assert litellm.chat("quick").status == 200
    assert litellm.mocks[0].calls[0].json["model"] == "gpt-4o"
    assert litellm.chat("fast", key="sk-another").status == 401


def test_lmgate_s_keys_are_let_in(tmp_path: Path) -> None:
    rows = "id,api_key,owner,added\nkey-1,sk-of-lmgate,someone,2025-01-01\n"
    environ = {"OSTIARY_PORT": str(free_port())}
    local, program = start(tmp_path, "lmgate", rows, environ=environ, name="allowlist.csv")
    url = f"http://127.0.0.1:{environ['OSTIARY_PORT']}"
    assert call(url, "/v1/models", key="sk-of-lmgate").status == 200
    assert call(url, "/v1/models", key="sk-another").status == 401
    refused = call(url, f"/openai{CHAT}", {"model": "gpt-4o"}, key="sk-another")
    assert (refused.status, refused.json["error"]) == (403, "forbidden")
    assert program.stop() == 0
    assert local.run.exists()


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "ostiary_operator", "run", "--from", "plano", "none.yaml")
    program = Program(tmp_path / "output", *command, cwd=tmp_path)
    assert program.process.wait(20) == 1
    assert program.output == "Error: none.yaml: No such file or directory\n"
