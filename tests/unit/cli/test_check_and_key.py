"""`ostiary check` and `ostiary key new`."""

from pathlib import Path

import yaml
from click.testing import CliRunner

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_operator.api import decode
from ostiary_operator.cli.check import check
from ostiary_operator.cli.key import key

QUICKSTART = Path(__file__).parents[3] / "hack/quickstart"


def test_check_says_that_all_is_well() -> None:
    result = CliRunner().invoke(check, [str(QUICKSTART)])
    assert (result.exit_code, result.output) == (0, "ok: 8 providers, 2 models, 3 keys, 0 budgets, 0 rows of allowlist.csv\n")


def test_check_says_file_object_field_and_reason_and_exits_1(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "apiVersion: ostiary.dev/v1alpha1\nkind: Provider\nmetadata: {name: p}\nspec: {type: openai, baseURL: 'ftp://a'}\n"
    )
    result = CliRunner().invoke(check, [str(tmp_path)])
    why = "must be http(s)://host[:port][/path], without user, query or fragment"
    assert (result.exit_code, result.output) == (1, f"p.yaml: Provider/p: spec.baseURL: {why}\n")


def test_check_passes_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "apiVersion: ostiary.dev/v1alpha1\nkind: Provider\nmetadata: {name: p}\nspec: {type: openai, baseURL: 'https://a/v1'}\n"
    )
    result = CliRunner().invoke(check, [str(tmp_path)])
    assert result.exit_code == 0
    assert result.output.startswith("warning: p.yaml: Provider/p: spec.baseURL: ends in /v1")


def test_check_tells_a_policy_that_cannot_be_from_one_that_is_hardly_meant(tmp_path: Path) -> None:
    head = "---\napiVersion: ostiary.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    provider = head.format(kind="Provider", name="p", spec="{type: openai, baseURL: 'https://a.example', passthroughAuth: true}")
    rule = "{codes: ['504-502'], strategy: SameModel, maxAttempts: 1}"
    codes = f"{{backends: [{{providerRef: {{name: p}}}}], retryPolicy: {{onStatusCodes: [{rule}]}}}}"
    single = "{backends: [{providerRef: {name: p}}], retryPolicy: {}}"
    models = head.format(kind="Model", name="wrong", spec=codes) + head.format(kind="Model", name="odd", spec=single)
    (tmp_path / "m.yaml").write_text(provider + models)
    result = CliRunner().invoke(check, [str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "m.yaml: Model/wrong: spec.retryPolicy.onStatusCodes[0].codes[0]: a range must not end before it begins",
        "warning: m.yaml: Model/odd: spec.retryPolicy.defaultStrategy: there is no other Provider than p to go to",
    ]


def test_check_of_no_folder_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(check, [str(tmp_path / "none")])
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "No such file or directory" in result.output


def test_a_new_key_goes_with_the_manifest_that_lets_it_in() -> None:
    result = CliRunner().invoke(key, ["new", "--name", "mine", "--owner", "Team: A", "--namespace", "team"])
    assert result.exit_code == 0
    value = result.stderr.strip()
    manifest = yaml.safe_load(result.stdout)
    assert value.startswith("sk-ost-")
    assert value not in result.stdout
    taken = decode.api_key(manifest)
    assert taken.metadata.id == "team/mine"
    assert taken.spec is not None
    assert (taken.spec.sha256, taken.spec.owner) == (hash_key(value), "Team: A")


def test_a_name_that_is_none_makes_no_key() -> None:
    for option, value in (("--name", "A b"), ("--owner", "a\nb"), ("--namespace", "a.b")):
        result = CliRunner().invoke(key, ["new", option, value])
        assert result.exit_code == 2
        assert "sk-ost-" not in result.output
