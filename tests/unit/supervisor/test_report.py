"""`run/nginx.json`, as the sidecar and the next supervisor read it."""

import stat
from pathlib import Path

from ostiary_gateway.supervisor import report
from ostiary_gateway.supervisor.report import Report

REPORT = Report(epoch="dn0", pid=7, upstreams="0123456789abcdef", problem="host not found")


def test_a_report_comes_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "nginx.json"
    report.write(file, REPORT)
    assert report.read(file) == REPORT


def test_only_its_owner_reads_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "nginx.json"
    report.write(file, REPORT)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_torn_or_missing_report_is_none(tmp_path: Path) -> None:
    file = tmp_path / "nginx.json"
    assert report.read(file) is None
    file.write_bytes(b'{"epoch": "a", "pid"')
    assert report.read(file) is None
    file.write_bytes(b"\xff")
    assert report.read(file) is None
