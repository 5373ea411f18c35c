"""The settings as nginx text: parsed again, so that what nginx would read is what is checked."""

import itertools
import json
import re
from importlib.metadata import version
from pathlib import Path

import crossplane
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.supervisor.configuration import build_files
from ostiary_gateway.supervisor.errors import StartError
from ostiary_gateway.supervisor.folders import Folders
from ostiary_gateway.supervisor.machine import Machine

SOURCE = Path(__file__).parents[3] / "gateway/nginx"
FOLDERS = Folders(run=Path("/srv/run"), data=Path("/srv/data"))
MACHINE = Machine(
    nginx=Path("/usr/sbin/nginx"),
    module=Path("/usr/lib/nginx/modules/ngx_http_js_module.so"),
    source=SOURCE,
    certificates=Path("/etc/ssl/certs/ca-certificates.crt"),
    resolvers=("10.96.0.10", "[fd00::a]:5353"),
    ipv6_only=False,
    workers=3,
    open_files=4096,
    user=None,
)
GENERATED = {
    "modules.conf", "main.conf", "http.conf", "listen.conf", "control.conf", "translator.conf", "spool.conf", "upstreams.conf",
    "attempt.conf",
    "headers.conf", "lease.conf",
}  # fmt: skip


def build(settings: Settings | None = None, machine: Machine = MACHINE, folders: Folders = FOLDERS) -> dict[str, bytes]:
    return build_files(settings or Settings(), machine, folders, "epoch1", b"upstream a { server 127.0.0.1:1; }\n")


def directives(text: bytes) -> list[tuple[str, list[str]]]:
    """Every directive of a file, nested ones too, as nginx's grammar sees them."""
    words = crossplane.lexer._lex_file_object(text.decode().splitlines(keepends=True))
    found: list[tuple[str, list[str]]] = []
    statement: list[str] = []
    for word, _, quoted in words:
        if word in (";", "{", "}") and not quoted:
            if statement:
                found.append((statement[0], statement[1:]))
            statement = []
        else:
            statement.append(word)
    assert not statement, "a directive has no end"
    return found


def values(text: bytes) -> dict[str, list[str]]:
    return dict(directives(text))


def test_the_skeleton_includes_exactly_what_is_generated() -> None:
    files = build()
    written = {path.name for path in SOURCE.glob("*.conf")}
    texts = [files[name].decode() for name in written]
    included = {name for text in texts for name in re.findall(r"^\s*include (\S+);", text, re.MULTILINE)}
    assert included == GENERATED | written - {"nginx.conf"}
    assert included <= files.keys()


def test_scripts_are_copied_and_their_settings_generated() -> None:
    files = build(
        Settings(decision_seconds=7, attempt_seconds=8, retry_budget_percent=9, anonymous_per_minute=7, limit_headers=False)
    )
    scripts = {str(path.relative_to(SOURCE)) for path in (SOURCE / "njs").rglob("*.js")}
    assert scripts | {"njs/settings.js"} == {name for name in files if name.startswith("njs/")}
    exported = files["njs/settings.js"].decode().removeprefix("export default ").removesuffix(";\n")
    assert json.loads(exported) == {
        "epoch": "epoch1",
        "decisionMs": 7000,
        "spool": "/srv/data/spool/usage.spool",
        "guard": "/srv/run/guard.sock",
        "translator": "/srv/run/translator.sock",
        "maxOutputTokens": 4096,
        "keepsResponses": False,
        "attemptMs": 8000,
        "readMs": 600_000,
        "budgetPercent": 9,
        "budgetMinimum": 100,
        "retryConcurrency": 1000,
        "anonymousPerMinute": 7,
        "limitHeaders": False,
        "version": version("ostiary"),
    }


def test_attempts_have_their_own_patience_and_the_headers_may_be_left_out() -> None:
    files = build(Settings(attempt_seconds=8))
    assert values(files["attempt.conf"]) == {"proxy_read_timeout": ["8s"]}
    shown = [words for name, words in directives(files["headers.conf"]) if name == "add_header"]
    assert [words[0] for words in shown] == ["x-ostiary-provider", "x-ostiary-model", "x-ostiary-attempts"]
    hidden = directives(build(Settings(response_headers=False))["headers.conf"])
    assert {name for name, _ in hidden} == {"proxy_hide_header"}, "nor does a provider say them"


def test_a_lease_may_take_as_long_as_the_sidecar_waits_for_a_budget() -> None:
    assert values(build(Settings(lease_wait_seconds=4))["lease.conf"]) == {"proxy_read_timeout": ["6s"]}


def test_only_trusted_proxies_tell_the_source() -> None:
    assert not [name for name, _ in directives(build()["http.conf"]) if "real_ip" in name]
    found = directives(build(Settings(trusted_proxies="10.1.2.3 fd00::/8"))["http.conf"])
    assert [words for name, words in found if name == "set_real_ip_from"] == [["10.1.2.3/32"], ["fd00::/8"]]
    assert ("real_ip_header", ["X-Forwarded-For"]) in found
    with pytest.raises(StartError, match="OSTIARY_TRUSTED_PROXIES"):
        build(Settings(trusted_proxies="10.0.0.0/8; return 200"))


def test_process_settings() -> None:
    main = values(build(Settings(shutdown_seconds=42))["main.conf"])
    assert main["worker_processes"] == ["3"]
    assert main["worker_shutdown_timeout"] == ["42s"]
    assert main["worker_rlimit_nofile"] == ["4096"]
    assert main["pid"] == ["/srv/run/nginx/nginx.pid"]
    assert "user" not in main


def test_root_keeps_its_workers_its_own() -> None:
    machine = Machine(**{name: getattr(MACHINE, name) for name in Machine.__slots__} | {"user": ("root", "wheel")})
    assert values(build(machine=machine)["main.conf"])["user"] == ["root", "wheel"]


def test_provider_settings() -> None:
    http = values(build(Settings(upstream_connect_seconds=3, upstream_read_seconds=9, max_body_bytes=1000))["http.conf"])
    assert http["resolver"] == ["10.96.0.10", "[fd00::a]:5353", "valid=10s", "ipv6=off"]
    assert http["proxy_connect_timeout"] == ["3s"]
    assert http["proxy_read_timeout"] == ["9s"]
    assert http["client_max_body_size"] == http["client_body_buffer_size"] == ["1000"]
    assert http["proxy_ssl_trusted_certificate"] == ["/etc/ssl/certs/ca-certificates.crt"]
    servers = {words[0] for name, words in directives(build()["http.conf"]) if name == "server"}
    assert servers == {f"unix:/srv/run/{name}.sock" for name in ("sidecar", "guard", "translator")}


def test_the_translator_takes_what_was_let_in_and_a_longer_name_of_a_model() -> None:
    conf = values(build(Settings(max_body_bytes=1000))["translator.conf"])
    assert conf["listen"] == ["unix:/srv/run/translator.sock"]
    assert conf["client_max_body_size"] == conf["client_body_buffer_size"] == ["66536"]


def test_a_machine_with_ipv6_alone_asks_for_such_addresses() -> None:
    machine = Machine(**{name: getattr(MACHINE, name) for name in Machine.__slots__} | {"ipv6_only": True})
    assert values(build(machine=machine)["http.conf"])["resolver"][-1] == "ipv4=off"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "127.0.0.1:8080"), ("::1", "[::1]:8080"), ("[::]", "[::]:8080"), ("localhost", "localhost:8080")],
)
def test_listen_address(host: str, expected: str) -> None:
    assert values(build(Settings(host=host))["listen.conf"])["listen"][0] == expected


@pytest.mark.parametrize("host", ["", "a b", "127.0.0.1;", "x{", "unix:/tmp/x", "$host", "a\nb", "-a"])
def test_a_host_that_could_end_a_directive_is_refused(host: str) -> None:
    with pytest.raises(StartError, match="OSTIARY_HOST"):
        build(Settings(host=host))


NASTY = st.text(st.sampled_from("ab ;{}\"'\\#$\n\t/."), min_size=1, max_size=12)


@given(NASTY)
def test_a_path_is_one_word_or_refused(name: str) -> None:
    folders = Folders(run=Path("/srv") / name, data=Path("/srv") / name)
    try:
        files = build(folders=folders)
    except StartError:
        assert set(name) & set("$\n\t")
        return
    spool, control = values(files["spool.conf"]), values(files["control.conf"])
    assert unescaped(spool["access_log"][0]) == str(folders.spool)
    assert unescaped(control["listen"][0]) == f"unix:{folders.control_socket}"
    assert [name for name, _ in directives(files["spool.conf"])] == ["access_log"]
    expected = [name for name, _ in directives(build()["http.conf"])]
    assert [name for name, _ in directives(files["http.conf"])] == expected


def unescaped(word: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", word)


def test_every_generated_line_is_whole() -> None:
    files = build()
    names = [[name for name, _ in directives(files[file])] for file in sorted(GENERATED)]
    assert len(list(itertools.chain.from_iterable(names))) > 20
