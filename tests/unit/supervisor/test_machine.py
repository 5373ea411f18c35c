"""What the supervisor finds out about the machine, from files and settings of the test's own."""

from pathlib import Path

import pytest

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.supervisor import machine
from ostiary_gateway.supervisor.errors import StartError

DEFAULT_ROUTE = "Iface Destination Gateway Flags\neth0 00000000 0102A8C0 0003\neth0 0002A8C0 00000000 0001\n"
LOCAL_ROUTE = "Iface Destination Gateway Flags\neth0 0002A8C0 00000000 0001\n"
ZERO = "0" * 32
IPV6_ROUTE = f"{ZERO} 00 {ZERO} 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0\n"
IPV6_NOWHERE = f"{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo\n"


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("routes", "ipv6_routes", "expected"),
    [
        (DEFAULT_ROUTE, IPV6_ROUTE, False),
        (DEFAULT_ROUTE, "", False),
        (LOCAL_ROUTE, IPV6_ROUTE, True),
        (LOCAL_ROUTE, IPV6_NOWHERE, False),
        ("", "", False),
    ],
)
def test_ipv6_is_used_where_nothing_else_leads_out(routes: str, ipv6_routes: str, expected: bool) -> None:
    assert machine._ipv6_only(routes, ipv6_routes) is expected


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("10.0.0.1", ("10.0.0.1",)),
        ("10.0.0.1 10.0.0.2:5353", ("10.0.0.1", "10.0.0.2:5353")),
        ("fd00::a", ("[fd00::a]",)),
        ("[fd00::a]", ("[fd00::a]",)),
        ("[fd00::a]:53", ("[fd00::a]:53",)),
    ],
)
def test_resolvers_as_nginx_writes_them(setting: str, expected: tuple[str, ...]) -> None:
    assert machine._resolvers(setting) == expected


@pytest.mark.parametrize("setting", ["dns.example", "10.0.0.1;", "10.0.0.1:x", "10.0.0.1:", "fe80::1%eth0", "10.0.0.1:53:1"])
def test_a_resolver_that_is_no_address_is_refused(setting: str) -> None:
    with pytest.raises(StartError, match="OSTIARY_RESOLVER"):
        machine._resolvers(setting)


def test_a_missing_nginx_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"nginx is missing: OSTIARY_NGINX={tmp_path}/nginx is no program"):
        machine.find_nginx(f"{tmp_path}/nginx")


def test_the_module_beside_the_program_is_taken(tmp_path: Path) -> None:
    nginx = program(tmp_path / "usr/sbin/nginx")
    module = program(tmp_path / "usr/lib/nginx/modules/ngx_http_js_module.so")
    authorities = program(tmp_path / "etc/ca.crt")
    found = machine.inspect(Settings(nginx=str(nginx), ca_file=str(authorities), workers=5, resolver="10.0.0.1"))
    assert (found.nginx, found.module, found.certificates, found.workers) == (nginx, module, authorities, 5)
    assert (found.source / "nginx.conf").is_file()


def test_a_missing_certificate_file_is_named(tmp_path: Path) -> None:
    nginx = program(tmp_path / "usr/sbin/nginx")
    program(tmp_path / "usr/lib/nginx/modules/ngx_http_js_module.so")
    with pytest.raises(StartError, match=r"OSTIARY_CA_FILE .*/none"):
        machine.inspect(Settings(nginx=str(nginx), ca_file=str(tmp_path / "none")))


def test_one_worker_per_cpu_that_may_be_used() -> None:
    assert machine._cpus() >= 1
