"""Budgets and limits in a folder: read like the other kinds, and what is wrong with them is said."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from ostiary_operator.cli.check import check
from ostiary_operator.dataplane import compile_graph
from ostiary_operator.graph import Policy, resolve
from ostiary_operator.source import folder

KEY = f"""
apiVersion: ostiary.dev/v1alpha1
kind: ApiKey
metadata: {{name: k, labels: {{team: x}}}}
spec: {{sha256: {"a" * 64}}}
---
"""
BUDGET = """
apiVersion: ostiary.dev/v1alpha1
kind: Budget
metadata: {name: b}
spec: {amount: "5", scope: Cluster}
"""


def checked(path: Path, environ: dict[str, str] | None = None) -> tuple[int, str]:
    result = CliRunner(env=environ).invoke(check, [str(path)])
    return result.exit_code, result.output


def test_a_budget_of_the_folder_covers_its_keys_whatever_its_namespace(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(KEY + BUDGET)
    graph = resolve(folder.load(tmp_path, {}, None).snapshot, Policy(allow_local=True))
    assert [budget.id for budget in compile_graph(graph).document.budgets] == ["default/b"]
    assert graph.keys[0].budgets == ("default/b",)
    assert checked(tmp_path) == (0, "ok: 0 providers, 0 models, 1 keys, 1 budgets, 0 rows of allowlist.csv\n")


@pytest.mark.parametrize(
    ("spec", "code", "said"),
    [
        (
            '{amount: "5", timeZone: Europe/Berlyn}',
            0,
            "warning: all.yaml: Budget/b: spec.timeZone: Europe/Berlyn is no time zone",
        ),
        (
            '{amount: "5", selector: {matchLabels: {team: z}}}',
            0,
            "warning: all.yaml: Budget/b: spec.selector: no ApiKey is covered",
        ),
        ("{amount: 5}", 1, "all.yaml: Budget/b: spec.amount: Expected str"),
        ('{amount: "5", tokens: 5}', 1, "all.yaml: Budget/b: spec: exactly one of amount and tokens must be set"),
    ],
)
def test_check_says_what_is_wrong_with_a_budget(tmp_path: Path, spec: str, code: int, said: str) -> None:
    (tmp_path / "all.yaml").write_text(KEY + BUDGET.replace('{amount: "5", scope: Cluster}', spec))
    found, output = checked(tmp_path)
    assert found == code
    assert said in output


def test_check_says_what_is_wrong_with_the_default_limits(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(KEY)
    environ = {"OSTIARY_DEFAULT_LIMITS": '{"requests": {"perWeek": 1}}'}
    assert checked(tmp_path, environ) == (
        1,
        "Error: OSTIARY_DEFAULT_LIMITS: Object contains unknown field perWeek - at $.requests\n",
    )


def test_labels_that_no_api_server_would_take_are_passed_over(tmp_path: Path) -> None:
    labels = r'{team: x, stage: 1, "a b": y, bad: "a\nb", half: "\ud800", long: "%s"}' % ("v" * 64)
    (tmp_path / "all.yaml").write_text(KEY.replace("{team: x}", labels))
    graph = resolve(folder.load(tmp_path, {}, None).snapshot, Policy(allow_local=True))
    (entry,) = compile_graph(graph).entries
    assert msgspec.json.decode(entry.terms) == {"labels": {"stage": "1", "team": "x"}}


def test_terms_in_a_row_of_the_allow_list_must_be_terms(tmp_path: Path) -> None:
    row = f"k,sha256:{'a' * 64},me,,"
    (tmp_path / "allowlist.csv").write_text(f'id,api_key,owner,added,terms\n{row[:-1]},"{{""concurrency"": ""many""}}"\n')
    assert "allowlist.csv: row 2: terms: Expected `int`" in checked(tmp_path)[1]
    (tmp_path / "allowlist.csv").write_text(f'id,api_key,owner,added,terms\n{row[:-1]},"{{""concurrency"": 3}}"\n')
    assert checked(tmp_path)[0] == 0
