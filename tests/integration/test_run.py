"""`ostiary run` while it serves: what it printed, what it does when files change and when its parts die."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from tests.support.client import call
from tests.support.local import SAMPLE_KEY, Local, assert_whole, pasteable, quickstart, slow_stream
from tests.support.manifests import Manifest, api_key, provider
from tests.support.process import kill
from tests.support.wait import until

CHAT = "/v1/chat/completions"
LMGATE = "id,api_key,owner,added\nkey-1,sk-of-lmgate,someone,2025-01-01\n"
DOTENV = "FROM_FILE=sk-from-file\nexport FROM_BOTH='sk-from-file'\n# A comment\n"
BUSY_SECONDS = 2  # a second is the promise, which `make bench` measures; other tests run beside this one


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """Each test leaves it as it was. It has a .env, an allow-list of LMGate and an object that is wrong."""
    served = quickstart(tmp_path_factory.mktemp("run"))
    (served.folder / ".env").write_text(DOTENV)
    for name in ("FROM_FILE", "FROM_BOTH"):
        manifest = provider(name.lower().replace("_", "-"), f"http://127.0.0.1:{served.fake_port}")[0]
        manifest["spec"]["credential"] = {"secretRef": {"name": "env", "key": name}}
        write(served, name.lower(), manifest)
    (served.manifests / "allowlist.csv").write_text(LMGATE)
    write(served, "bad", {**provider("bad", "http://127.0.0.1:1")[0], "spec": {"type": "no"}})
    served.serve(environ={"FROM_BOTH": "sk-from-environment"})
    yield served
    served.stop()


def ask(local: Local, key: str = SAMPLE_KEY, model: str = "fake/echo") -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    return call(local.base_url, CHAT, body, key=key).status


def write(local: Local, name: str, *manifests: Manifest) -> None:
    (local.manifests / f"{name}.yaml").write_text(yaml.safe_dump_all(manifests))


def test_the_printed_commands_work_when_pasted(local: Local) -> None:
    """The plain one, then one for either way between OpenAI's and Anthropic's API."""
    answers = [json.loads(pasted(command)) for command in pasteable(local.output)]
    assert len(answers) == 3
    assert [answer["choices"][0]["message"]["content"] for answer in (answers[0], answers[2])] == ["Hello", "Hello"]
    assert (answers[1]["type"], answers[1]["content"][0]["text"]) == ("message", "Hello")
    until(lambda: len(local.ledger()) >= 3, "the ledger's lines")
    lines = local.ledger()[:3]
    assert {line["key_id"] for line in lines} == {"default/quickstart"}
    assert [line["provider"] for line in lines] == ["fake", "fake", "fake-anthropic"]
    assert [line["endpoint"] for line in lines] == [CHAT, "/v1/messages", CHAT]


@pytest.mark.parametrize("provider", ["fake-google", "fake-bedrock"])
def test_the_other_fake_providers_answer_both_clients_too(local: Local, provider: str) -> None:
    chat, messages = (
        json.loads(pasted(command.replace("/echo", "/echo.other").replace("fake", provider, 1)))
        for command in pasteable(local.output)[:2]
    )
    assert chat["choices"][0]["message"]["content"] == "Hello"
    assert messages["content"][0]["text"] == "Hello"


def pasted(command: str) -> str:
    return subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=20, text=True).stdout


def test_the_greeting_says_where_things_are(local: Local) -> None:
    assert f"http://127.0.0.1:{local.port}/v1" in local.output
    assert SAMPLE_KEY in local.output
    assert str(local.data / "ledger") in local.output
    assert str(local.manifests) in local.output


def test_an_edited_file_is_in_force_at_once(local: Local) -> None:
    def edit(name: str) -> float:
        key = f"sk-of-{name}"
        assert ask(local, key) == 401
        write(local, name, api_key(name, key))
        made = seconds_until(lambda: ask(local, key) == 200)
        (local.manifests / f"{name}.yaml").unlink()
        return max(made, seconds_until(lambda: ask(local, key) == 401))

    assert quickest(edit) < BUSY_SECONDS


def test_a_provider_at_a_new_address_is_in_force_at_once(local: Local) -> None:
    def edit(name: str) -> float:
        nginx = local.nginx()
        write(local, name, *provider(name, f"http://127.0.0.1:{len(name)}", credential="x"))
        # A machine that is busy may answer 502 before its nginx knows the new host, too.
        made = seconds_until(lambda: local.nginx()["upstreams"] != nginx["upstreams"] and ask(local, model=f"{name}/echo") == 502)
        assert local.nginx()["pid"] == nginx["pid"]
        (local.manifests / f"{name}.yaml").unlink()
        until(lambda: ask(local, model=f"{name}/echo") == 400, "removed again")
        return made

    assert quickest(edit) < BUSY_SECONDS


def test_an_object_that_is_wrong_is_named_and_disturbs_no_other(local: Local) -> None:
    assert "bad.yaml: Provider/bad: " in local.output
    assert ask(local) == 200


def test_lm_18_a_broken_file_is_named_and_keeps_what_it_said(local: Local) -> None:
    file = local.manifests / "keys.yaml"
    good = file.read_text()
    file.write_text("kind: [")
    until(lambda: "keys.yaml: " in local.output, "the broken file is named")
    assert ask(local) == 200
    file.write_text(good)


@pytest.mark.parametrize("part", ["supervisor", "sidecar", "fake"])
def test_a_killed_part_comes_back(local: Local, part: str) -> None:
    nginx, old = local.nginx(), local.part(part)
    kill(old)
    until(lambda: is_another(local, part, old), f"another {part}")
    until(lambda: is_ready(local) and ask(local) == 200, "it serves again", 20)
    assert local.nginx()["pid"] == nginx["pid"]
    assert "was killed (SIGKILL); it is started again" in local.output


def test_a_killed_supervisor_cuts_no_stream(local: Local) -> None:
    with slow_stream(local) as response:
        kill(local.part("supervisor"))
        assert_whole(response)


def test_credentials_come_from_dotenv_and_the_environment_wins(local: Local) -> None:
    assert ask(local, model="from-file/echo") == ask(local, model="from-both/echo") == 200
    seen = call(f"http://127.0.0.1:{local.fake_port}", "/_log").text
    assert "Bearer sk-from-file" in seen
    assert "Bearer sk-from-environment" in seen


def test_lm_16_an_allow_list_of_lmgate_is_hashed_on_reading(local: Local) -> None:
    assert ask(local, "sk-of-lmgate") == 200
    files = [path for path in (local.folder / ".ostiary").rglob("*") if path.is_file()]
    assert not [path for path in files if b"sk-of-lmgate" in path.read_bytes()]


def test_a_credential_is_in_one_file_that_nobody_else_reads(local: Local) -> None:
    assert "sk-fake-provider" not in local.output
    bundle = local.run / "bundle/current"
    holders = [path for path in bundle.iterdir() if b"sk-fake-provider" in path.read_bytes()]
    assert [path.name for path in holders] == ["credentials.json"]
    assert holders[0].stat().st_mode & 0o077 == 0


def test_tp_09_the_budget_of_the_sample_is_spent_by_three_calls(local: Local) -> None:
    """As README tells it: the third fits, the fourth is refused, and the ledger says what it cost."""
    assert [ask(local, "sk-ostiary-budget", "priced") for _ in range(5)] == [200, 200, 200, 402, 402]
    refused = call(local.base_url, CHAT, {"model": "priced", "messages": []}, key="sk-ostiary-budget")
    assert refused.json["error"]["message"] == "monthly budget exceeded"
    assert refused.headers["x-should-retry"] == "false"
    until(lambda: len(records(local, "budget")) == 3, "the ledger's lines")
    assert {record["charged"] for record in records(local, "budget")} == {"0.003013"}
    assert "0.009039" in ostiary(local, "usage", "--by", "key")
    assert ask(local) == 200


def test_tp_08_the_limit_of_the_sample_lets_five_calls_through(local: Local) -> None:
    assert [ask(local, "sk-ostiary-limited") for _ in range(6)] == [200, 200, 200, 200, 200, 429]


def records(local: Local, name: str) -> list[dict[str, Any]]:
    return [record for record in local.ledger() if record["key_name"] == name]


def ostiary(local: Local, *words: str) -> str:
    """What a command prints in the folder where the gateway runs."""
    command = [sys.executable, "-m", "ostiary_operator", *words]
    return subprocess.run(command, cwd=local.folder, capture_output=True, text=True, check=True, timeout=20).stdout


def quickest(edit: Callable[[str], float]) -> float:
    """Seconds of the best of three edits: the machine may be busy with other tests."""
    return min(edit(name) for name in ("one", "seven", "thirteen"))


def seconds_until(true: Callable[[], bool]) -> float:
    begun = time.monotonic()
    until(true, "in force")
    return time.monotonic() - begun


def is_ready(local: Local) -> bool:
    """The sidecar answers too, which cached decisions do not need."""
    with contextlib.suppress(OSError):
        return call(f"http://127.0.0.1:{local.sidecar_port}", "/readyz").status == 200
    return False


def is_another(local: Local, part: str, old: int) -> bool:
    with contextlib.suppress(AssertionError, OSError):
        return local.part(part) != old
    return False
