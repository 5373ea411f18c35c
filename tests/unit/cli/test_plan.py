"""What `ostiary run` makes of settings, before anything is started."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from ostiary_gateway.contract.settings import load
from ostiary_operator.cli.standalone import container
from ostiary_operator.cli.standalone.plan import CannotRunError, Plan, check, find_nginx


def plan(folder: Path, environ: Mapping[str, str] = {}, fake_port: int = 0) -> Plan:
    folders = {"OSTIARY_RUN": str(folder / "run"), "OSTIARY_DATA": str(folder / "data")}
    full = {"OSTIARY_SIDECAR_PORT": "1", **folders, **environ}
    return Plan(settings=load(full), environ=full, fake_port=fake_port)


def program(path: Path, version: str) -> str:
    path.write_text(f"#!/bin/sh\necho nginx version: nginx/{version} >&2\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(("version", "found"), [("1.22.1", False), ("1.29.9", False), ("1.30.0", True), ("2.0.0", True)])
def test_an_nginx_that_is_too_old_is_none(tmp_path: Path, version: str, found: bool) -> None:
    nginx = program(tmp_path / "nginx", version)
    assert find_nginx(nginx) == (Path(nginx) if found else None)


def test_a_program_that_is_no_nginx_is_none() -> None:
    assert find_nginx("/bin/true") is None


def test_port_0_is_refused_since_no_client_could_know_it(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match=r"port 0 .*OSTIARY_PORT"):
        check(plan(tmp_path, {"OSTIARY_PORT": "0"}))


@pytest.mark.parametrize(
    ("host", "address"), [("0.0.0.0", "127.0.0.1:8080"), ("::", "[::1]:8080"), ("10.0.0.1", "10.0.0.1:8080")]
)
def test_the_address_is_one_that_a_client_here_can_use(tmp_path: Path, host: str, address: str) -> None:
    assert plan(tmp_path, {"OSTIARY_HOST": host}).address == address


def test_children_get_absolute_paths_and_no_credentials_of_dotenv(tmp_path: Path) -> None:
    made = plan(tmp_path, {"OSTIARY_PORT": "9999", "OF_DOTENV": "sk-secret"})
    environ = made.child_environ(Path("/opt/nginx"))
    assert environ["OSTIARY_NGINX"] == "/opt/nginx"
    assert environ["OSTIARY_RUN"] == str(tmp_path / "run")
    assert environ["OSTIARY_MANIFESTS"] == str(made.manifests.absolute())
    assert environ["OSTIARY_PORT"] == "9999"
    assert "OF_DOTENV" not in environ


@pytest.mark.parametrize(("environ", "level"), [({}, "WARNING"), ({"OSTIARY_LOG_LEVEL": "DEBUG"}, "DEBUG")])
def test_a_person_reads_warnings_unless_they_ask_for_more(tmp_path: Path, environ: dict[str, str], level: str) -> None:
    assert plan(tmp_path, environ).child_environ(Path("/opt/nginx"))["OSTIARY_LOG_LEVEL"] == level


def test_in_a_container_credentials_go_by_name_and_ports_to_loopback(tmp_path: Path) -> None:
    environ = {"OSTIARY_PORT": "9999", "OSTIARY_WORKERS": "1", "OSTIARY_NGINX": "/x", "OPENAI_API_KEY": "sk-secret"}
    words = container.command(plan(tmp_path, environ, fake_port=8090))
    assert "127.0.0.1:9999:9999" in words
    assert "OPENAI_API_KEY" in words
    assert not [word for word in words if "sk-secret" in word]
    assert "OSTIARY_WORKERS=1" in words
    assert "OSTIARY_HOST=0.0.0.0" in words
    assert not [word for word in words if word.startswith("OSTIARY_NGINX")]
    assert words[words.index(container.IMAGE) :] == [container.IMAGE, "run", "--manifests", "/manifests", "--port", "9999"]


def test_without_the_fake_provider_a_container_has_none_either(tmp_path: Path) -> None:
    assert container.command(plan(tmp_path))[-1] == "--no-fake"
