"""hack/dev/get-nginx, get-valkey and get-postgres where there is nothing to download: already done, or impossible."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.support.local import NGINX
from tests.support.postgres import PROGRAMS
from tests.support.process import REPOSITORY
from tests.support.valkey import SERVER

SCRIPTS = REPOSITORY / "hack/dev"
TOOLS = ("bash", "readlink", "dirname", "uname", "mkdir", "mktemp", "rm", "sed", "grep", "tail")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with ordinary tools and nothing of Debian's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = next(Path(each) / tool for each in os.defpath.split(":") if (Path(each) / tool).exists())
        (folder / tool).symlink_to(found)
    return folder


def get(destination: Path, path: Path, script: str = "get-nginx") -> subprocess.CompletedProcess[str]:
    command = ["bash", str(SCRIPTS / script), str(destination)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20, env={"PATH": str(path)})


def test_a_working_nginx_is_not_fetched_again(path: Path) -> None:
    done = get(Path(NGINX).parents[2], path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_working_valkey_is_not_fetched_again(path: Path) -> None:
    done = get(Path(SERVER).parents[2], path, "get-valkey")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_valkey_says_what_else_to_do_too(path: Path, tmp_path: Path) -> None:
    done = get(tmp_path / "valkey", path, "get-valkey")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "get-valkey: apt-get is missing: not a Debian-like system (put a server into OSTIARY_TEST_VALKEY"
    )
    assert not (tmp_path / "valkey").exists()


def test_a_working_postgres_is_not_fetched_again(path: Path) -> None:
    done = get(PROGRAMS.parents[4], path, "get-postgres")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_postgres_says_what_else_to_do_too(path: Path, tmp_path: Path) -> None:
    done = get(tmp_path / "postgres", path, "get-postgres")
    assert done.returncode == 1
    assert "put the folder of its programs into OSTIARY_TEST_POSTGRES" in done.stderr
    assert not (tmp_path / "postgres").exists()


def test_without_apt_it_says_what_else_to_do(path: Path, tmp_path: Path) -> None:
    done = get(tmp_path / "nginx", path)
    assert done.returncode == 1
    assert done.stderr.startswith("get-nginx: apt-get is missing: not a Debian-like system")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "nginx").exists()


@pytest.mark.parametrize(
    ("tool", "script", "message"),
    [
        ("uname", "echo Darwin", "this is Darwin"),
        ("dpkg", "echo riscv64", "no nginx for architecture riscv64"),
    ],
)
def test_another_system_is_named(path: Path, tmp_path: Path, tool: str, script: str, message: str) -> None:
    for name in ("apt-get", "dpkg-deb", "dpkg", "patchelf"):
        stand_in(path / name, "exit 0")
    stand_in(path / tool, script)
    done = get(tmp_path / "nginx", path)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_download_that_fails_leaves_nothing(path: Path, tmp_path: Path) -> None:
    stand_in(path / "dpkg", "echo amd64")
    stand_in(path / "dpkg-deb", "exit 0")
    stand_in(path / "patchelf", "exit 0")
    stand_in(
        path / "apt-get",
        "case \"$*\" in *indextargets*) echo 'Debian http://127.0.0.1:1/debian';; *) echo E: no; exit 100;; esac",
    )
    done = get(tmp_path / "tools/nginx", path)
    assert done.returncode == 1
    assert done.stderr == "get-nginx: cannot read Debian's list of packages: E: no\n"
    assert list((tmp_path / "tools").iterdir()) == []


def stand_in(file: Path, script: str) -> None:
    file.unlink(missing_ok=True)
    file.write_text(f"#!{os.path.realpath('/bin/sh')}\n{script}\n")
    file.chmod(0o755)
