"""The repository tests itself: what the style says and no linter checks."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from ostiary_gateway.contract import settings

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {"operator", "gateway", "charts", "crds", "tests", "hack", "pyproject.toml", "Makefile", ".env.example"}
DOCUMENTS = {"README.md", "ARCHITECTURE.md", "DECISIONS.md", "THREATS.md", "CONTRIBUTING.md", "CHANGELOG.md"}
DOTFILES = {".ci", ".gitignore", ".dockerignore"}
BANNED_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|core|manager)($|_)")
MOST_LINES = 500


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in names.stdout.splitlines() if (ROOT / name).is_file()]


def sources(*suffixes: str) -> list[Path]:
    return [path for path in tracked() if path.suffix in suffixes]


def test_the_top_level_is_what_the_design_says() -> None:
    here = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert here == TOP_LEVEL | DOCUMENTS | DOTFILES


def test_no_file_of_code_is_longer_than_500_lines() -> None:
    long = {str(path.relative_to(ROOT)): n for path in sources(".py", ".js") if (n := path.read_text().count("\n")) > MOST_LINES}
    assert not long


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [path for path in sources(".py", ".js") if BANNED_NAMES.search(path.stem)]


def test_no_test_folder_is_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_nothing_shadows_the_operator_module() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_env_example_lists_every_setting() -> None:
    assert (ROOT / ".env.example").read_text() == settings.example()


def test_the_versions_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((ROOT / "charts/ostiary/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_entry_point_can_be_loaded() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for target in project["entry-points"]["ostiary.commands"].values():
        module, name = target.split(":")
        namespace: dict[str, object] = {}
        exec(f"from {module} import {name}", namespace)  # noqa: S102 - the names are the project's own
        assert callable(namespace[name])


SUITES = ["unit", "njs", "crds", "integration", "chart", "repo", "e2e", "fuzz", "faults", "clients", "accounting"]


@pytest.mark.parametrize("suite", SUITES)
def test_each_folder_of_tests_has_its_make_target(suite: str) -> None:
    plan = subprocess.run(["make", "--dry-run", f"test-{suite}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert plan.returncode == 0, plan.stderr
    assert f"tests/{suite}" in plan.stdout


def test_no_file_names_a_package_host() -> None:
    host = re.compile(rb"registry\.npmjs|pypi\.org|files\.pythonhosted|deb\.debian\.org|proxy\.golang|ghcr\.io|docker\.io/")
    here = Path(__file__)
    assert not [str(path) for path in tracked() if path != here and host.search(path.read_bytes())]


def test_no_link_in_a_document_is_broken() -> None:
    links = [(name, link) for name in DOCUMENTS for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / name).read_text())]
    assert [(name, link) for name, link in links if not (ROOT / link).exists()] == []
