"""Configurations of other gateways in, manifests and notes out: one folder per case in tests/golden/import.

`UPDATE_GOLDEN=1 pytest tests/unit/importing` writes `expected.yaml` and `expected.notes` of each case anew.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from ostiary_gateway.contract.settings import load
from ostiary_operator.cli.check import check
from ostiary_operator.importing import Imported, Surroundings, litellm, lmgate, plano, text

CASES = sorted((Path(__file__).parents[2] / "golden/import").iterdir())
WHOLE_FILE = ("routing_preferences", "general_settings")  # said of a part that is not there
ACCOUNT = '{"client_email": "a@b", "private_key": "x"}'
SOURCES = {"plano": plano, "litellm": litellm, "lmgate": lmgate}


def settings_of(case: Path) -> dict[str, Any]:
    file = case / "case.yaml"
    return yaml.safe_load(file.read_text()) if file.exists() else {}


def imported(case: Path) -> Imported:
    settings = settings_of(case)
    around = Surroundings(settings.get("environ", {}), settings.get("hosts", {}), settings.get("key", ""))
    (file,) = case.glob("input.*")
    return SOURCES[case.name.partition("-")[0]](file.read_text(), around)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case: Path) -> None:
    made = imported(case)
    outputs = {"expected.yaml": text.manifests(made), "expected.notes": text.notes(made)}
    for name, output in outputs.items():
        if os.environ.get("UPDATE_GOLDEN"):
            (case / name).write_text(output)
        assert (case / name).read_text() == output, "if this is meant: UPDATE_GOLDEN=1 pytest tests/unit/importing"


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_every_manifest_passes_ostiary_check(case: Path, tmp_path: Path) -> None:
    made = imported(case)
    (tmp_path / "imported.yaml").write_text(text.manifests(made))
    env = {name: ACCOUNT if name.startswith("GOOGLE_SERVICE_ACCOUNT") else "sk-of-a-test" for name in made.variables}
    result = CliRunner(env=env).invoke(check, [str(tmp_path)])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_every_setting_is_one_of_ostiary(case: Path) -> None:
    made = imported(case)
    load(made.settings)
    lines = [line for line in text.dotenv(made).splitlines() if not line.startswith("#")]
    assert lines == [f"{name}={value}" for name, value in made.settings.items()]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_every_note_on_a_key_names_the_line_of_that_key(case: Path) -> None:
    (file,) = case.glob("input.*")
    lines = ["", *file.read_text().splitlines()]
    for note in imported(case).notes:
        key = note.path.rpartition(".")[2]
        if note.line and key.isidentifier() and note.path not in WHOLE_FILE and file.suffix == ".yaml":
            assert key in lines[note.line], note
