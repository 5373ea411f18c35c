"""A bundle as a folder that readers may look at in any moment."""

import json
import stat
from pathlib import Path

from ostiary_gateway.contract.bundle import MANIFEST, Bundle, assemble, build
from ostiary_operator.cli.standalone.publish import publish, publish_problems
from ostiary_operator.source.problems import FolderProblem


def bundle(number: int) -> Bundle:
    return build({"document.json": b"%d" % number, "credentials.json": b"{}"})


def read(run: Path) -> Bundle:
    folder = run / "bundle/current"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return assemble(files.pop(MANIFEST), files)


def test_current_is_the_last_one_published(tmp_path: Path) -> None:
    for number in (1, 2, 1):
        publish(tmp_path, bundle(number))
        assert read(tmp_path) == bundle(number)


def test_nobody_else_reads_a_bundle(tmp_path: Path) -> None:
    publish(tmp_path, bundle(1))
    folder = (tmp_path / "bundle/current").resolve()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_the_one_before_stays_for_its_readers_and_older_ones_go(tmp_path: Path) -> None:
    for number in range(6):
        publish(tmp_path, bundle(number))
    left = {path.name for path in (tmp_path / "bundle").iterdir() if not path.is_symlink()}
    assert {bundle(4).digest, bundle(5).digest} <= left
    assert len(left) == 3


def test_half_a_bundle_of_a_killed_writer_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "bundle/.half").mkdir(parents=True)
    for number in range(4):
        publish(tmp_path, bundle(number))
    assert not (tmp_path / "bundle/.half").exists()


def test_problems_of_the_folder_are_told_as_json(tmp_path: Path) -> None:
    publish_problems(tmp_path, [FolderProblem(file="a.yaml", subject="Budget/b", field="spec.amount", why="is wrong")])
    (told,) = json.loads((tmp_path / "problems.json").read_text())
    assert told == {"file": "a.yaml", "subject": "Budget/b", "field": "spec.amount", "why": "is wrong", "warning": False}
    publish_problems(tmp_path, [])
    assert json.loads((tmp_path / "problems.json").read_text()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["problems.json"]
