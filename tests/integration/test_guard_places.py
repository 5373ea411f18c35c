"""How the guard finds its providers and knows that it is them."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.dns_server import DnsServer
from tests.support.guard import Guard, ScriptedProvider
from tests.support.provider import Provider


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test started ends with it."""
    with ExitStack() as made:
        yield made


def test_names_are_asked_of_the_servers_that_the_settings_name(tmp_path: Path, stack: ExitStack) -> None:
    provider = ScriptedProvider()
    stack.callback(provider.close)
    with DnsServer() as silent, DnsServer() as server:
        silent.silent.add("api.example")
        server.addresses["api.example"] = ("127.0.0.1",)
        guard = Guard(tmp_path, resolver=f"127.0.0.1:{silent.port} 127.0.0.1:{server.port}")
        stack.callback(guard.stop)
        port = provider.url.rpartition(":")[2]
        with guard.ask({"target": f"http://api.example:{port}"}) as asked:
            provider.take().reply(b"{}")
            assert asked.answer().read() == b"{}"
        with guard.ask({"target": f"http://other.example:{port}"}) as asked:
            assert asked.answer().status == 502
    assert "other.example" in server.asked


def test_tls_providers_are_verified(tmp_path: Path, stack: ExitStack) -> None:
    certificate = _certificate(tmp_path / "certificate.pem")
    fake = Provider(tmp_path / "provider.log", certificate=certificate)
    stack.callback(fake.stop)
    trusting = Guard(tmp_path / "trusting", ca_file=certificate)
    stack.callback(trusting.stop)
    doubting = Guard(tmp_path / "doubting")
    stack.callback(doubting.stop)
    body = b'{"model":"echo","messages":[{"role":"user","content":"hello"}]}'
    answers = []
    for guard, host in ((trusting, "localhost"), (trusting, "other.example"), (doubting, "localhost")):
        with guard.ask(
            {"target": f"https://127.0.0.1:{fake.port}", "host": host}, body=body, Authorization="Bearer sk-a"
        ) as asked:
            answers.append(asked.answer().status)
    assert answers == [200, 502, 502]
    assert "CERTIFICATE_VERIFY_FAILED" in doubting.program.output


def _certificate(file: Path) -> Path:
    """A certificate of its own making for `localhost`, with its key, in one file."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file
