"""`ostiary import`: where things are written, and what the exit code says."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_gateway.contract.settings import load
from ostiary_operator.cli.check import check
from ostiary_operator.cli.imports import import_
from ostiary_operator.cli.run import run
from ostiary_operator.cli.standalone import container, origin
from ostiary_operator.cli.standalone.plan import Plan
from ostiary_operator.importing import Surroundings, plano

WHOLE = """
version: v0.3.0
model_providers:
  - {model: openai/gpt-4o, access_key: $OPENAI_API_KEY}
listeners: [{type: model, name: m, port: 12345}]
"""
IN_PART = WHOLE + "tracing: {random_sampling: 100}\n"


def invoke(*words: object, text: str | None = None) -> Result:
    return CliRunner().invoke(import_, [str(word) for word in words], input=text)


def test_manifests_go_to_stdout_and_all_well_is_0() -> None:
    result = invoke("plano", "-", "--key", "a-key", text=WHOLE)
    assert (result.exit_code, result.stderr) == (0, "")
    kinds = [manifest["kind"] for manifest in yaml.safe_load_all(result.stdout)]
    assert kinds == ["Provider", "Model", "ApiKey"]
    assert hash_key("a-key") in result.stdout
    assert "#   OSTIARY_PORT=12345\n" in result.stdout


def test_what_could_not_be_expressed_goes_to_stderr_and_is_2(tmp_path: Path) -> None:
    file = tmp_path / "plano.yaml"
    file.write_text(IN_PART)
    result = invoke("plano", file, "--key", "a-key")
    assert result.exit_code == 2
    assert result.stderr == "line 6: tracing: Ostiary sends no traces; it has metrics and a ledger\n"
    assert "kind: Model" in result.stdout


def test_output_and_notes_go_to_files(tmp_path: Path) -> None:
    folder, notes = tmp_path / "new/folder", tmp_path / "notes"
    result = invoke("plano", "-", "--key", "a-key", "--output", folder, "--notes", notes, text=IN_PART)
    assert (result.exit_code, result.output) == (2, "")
    assert notes.read_text().startswith("line 6: tracing: ")
    assert (folder / "imported.env").read_text() == "OSTIARY_HOST=0.0.0.0\nOSTIARY_PORT=12345\n#OPENAI_API_KEY=\n"
    checked = CliRunner(env={"OPENAI_API_KEY": "sk"}).invoke(check, [str(folder)])
    assert checked.exit_code == 0, checked.output
    assert invoke("plano", "-", "--key", "a-key", "--output", folder, text=WHOLE).exit_code == 0
    assert {file.name for file in folder.iterdir()} == {"imported.yaml", "imported.env"}


def test_without_a_key_it_says_that_keys_must_be_made() -> None:
    result = invoke("plano", "-", text=WHOLE)
    assert result.exit_code == 2
    assert "ostiary key new" in result.stderr


def test_variables_of_the_environment_fill_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    text = WHOLE.replace("access_key", "base_url: 'http://$HOST_NAME:1', access_key")
    monkeypatch.setenv("HOST_NAME", "models.example.com")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-in-the-environment")
    result = invoke("plano", "-", "--key", "a-key", text=text)
    assert "baseURL: http://models.example.com:1\n" in result.stdout
    assert "sk-in-the-environment" not in result.output


BROKEN = {
    "plano": ("a: [b\n", "line 2: is no YAML", "a: b", "is no configuration of Plano: it has no model_providers"),
    "litellm": ("\t", "line 1: is no YAML", "a: b", "is no configuration of LiteLLM's proxy: it has no model_list"),
    "lmgate": (
        "id,api_key,owner\n", "column added is missing",
        "id,api_key,owner,added\nx,,,\n", "line 2: id or api_key is empty, or the row is too short",
    ),
}  # fmt: skip


@pytest.mark.parametrize("source", BROKEN)
def test_a_file_that_cannot_be_taken_is_one_line_and_1(source: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    for text, why in zip(BROKEN[source][::2], BROKEN[source][1::2], strict=True):
        file.write_text(text)
        result = invoke(source, file)
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"Error: {file}: {why}\n")
    file.write_bytes(b"\xff\xfe\x00")
    assert invoke(source, file).stderr == f"Error: {file}: is no UTF-8 text\n"
    assert invoke(source, tmp_path / "none").stderr == f"Error: {tmp_path / 'none'}: No such file or directory\n"
    assert invoke(source, tmp_path).exit_code == 1


def test_a_folder_that_cannot_be_written_is_one_line_and_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = invoke("plano", "-", "--output", tmp_path / "file", text=WHOLE)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


def test_a_container_gets_the_variables_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "sk-other")
    text = WHOLE.replace("$OPENAI_API_KEY", "$OTHER_KEY") + "  # no secret\n"
    imported = plano(text, Surroundings(environ={"OTHER_KEY": "sk-other"}))
    environ = origin.environment(imported, {"OTHER_KEY": "sk-other", "OSTIARY_RUN": str(tmp_path), "OSTIARY_PORT": ""})
    plan = origin.placed(imported, Plan(settings=load(environ), environ=environ, fake_port=0))
    words = container.command(plan)
    assert ["--env", "OTHER_KEY"] in [words[place : place + 2] for place in range(len(words))]
    assert "--publish 0.0.0.0:12345:12345" in " ".join(words)
    assert "sk-other" not in " ".join(words)
    assert plan.manifests == tmp_path / "imported"


def test_secrets_of_the_file_count_more_than_the_environment_and_settings_less() -> None:
    imported = plano(WHOLE.replace("$OPENAI_API_KEY", "sk-in-the-file"), Surroundings())
    environ = origin.environment(imported, {"OPENAI_API_KEY": "sk-of-the-shell", "OSTIARY_PORT": "1"})
    assert (environ["OPENAI_API_KEY"], environ["OSTIARY_PORT"]) == ("sk-in-the-file", "1")
    assert environ["OSTIARY_HOST"] == "0.0.0.0"


@pytest.mark.parametrize("words", [["--from", "plano", "f", "--manifests", "m"], ["--key", "k"], ["--from", "envoy", "f"]])
def test_run_from_takes_a_known_source_and_no_manifests(words: list[str]) -> None:
    assert CliRunner().invoke(run, words).exit_code == 2
