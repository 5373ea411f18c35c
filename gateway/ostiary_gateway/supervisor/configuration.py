"""The settings as nginx reads them: the small files that the hand-written nginx.conf includes.

What each file holds is agreed with gateway/nginx/nginx.conf. A value is checked and quoted here, so that none can end
a directive.
"""

import ipaddress
import json
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ostiary_gateway.contract.bundle import UPSTREAMS
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.supervisor.errors import StartError
from ostiary_gateway.supervisor.folders import Folders
from ostiary_gateway.supervisor.machine import Machine

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})")
_NO_HEADERS = [f"proxy_hide_header x-ostiary-{name};" for name in ("provider", "model", "attempts")]
_HEADERS = [
    *_NO_HEADERS,
    "add_header x-ostiary-provider $ostiary_provider always;",
    "add_header x-ostiary-model $ostiary_named always;",
    "add_header x-ostiary-attempts $ostiary_tries always;",
]
_MODEL_BYTES = 65536
_LEASE_SECONDS = 2  # beyond what the sidecar lets a request wait for a budget
_UPSTREAMS_ALONE = b"include modules.conf; include main.conf; events {} http { include http.conf; include upstreams.conf; }\n"
_NEVER_IN_A_PATH = re.compile(r"[\x00-\x1f\x7f$]")  # nginx would read a variable after a dollar sign
_TEMP = {
    "client_body_temp_path": "body",
    "proxy_temp_path": "proxy",
    "fastcgi_temp_path": "fastcgi",
    "uwsgi_temp_path": "uwsgi",
    "scgi_temp_path": "scgi",
}


def build_files(settings: Settings, machine: Machine, folders: Folders, epoch: str, upstreams: bytes) -> dict[str, bytes]:
    """All files of nginx's prefix by their name there.

    Raises:
        StartError: a setting cannot be written into nginx's configuration.
    """
    files = {file.name: file.read_bytes() for file in sorted(machine.source.glob("*.conf"))}
    files |= {str(file.relative_to(machine.source)): file.read_bytes() for file in sorted((machine.source / "njs").rglob("*.js"))}
    texts = {
        "modules.conf": f"load_module {_path(machine.module)};\n",
        "main.conf": _main(settings, machine, folders),
        "http.conf": _http(settings, machine, folders),
        "listen.conf": f"listen {_address(settings.host, settings.port)} reuseport backlog=4096;\n",
        "control.conf": f"listen {_socket(folders.control_socket)};\n",
        "translator.conf": _translator(settings, folders),
        "attempt.conf": f"proxy_read_timeout {settings.attempt_seconds}s;\n",
        "lease.conf": f"proxy_read_timeout {settings.lease_wait_seconds + _LEASE_SECONDS}s;\n",
        "headers.conf": _text(_HEADERS if settings.response_headers else _NO_HEADERS),
        "spool.conf": f"access_log {_path(folders.spool)} spool if=$ostiary_usage;\n",
        "njs/settings.js": _njs_settings(settings, folders, epoch),
    }
    return files | {name: text.encode() for name, text in texts.items()} | {UPSTREAMS: upstreams}


def upstream_files(files: dict[str, bytes]) -> dict[str, bytes]:
    """What is enough to ask nginx about upstreams.conf: without the scripts, which take it most of its time to read."""
    parts = ("modules.conf", "main.conf", "http.conf", UPSTREAMS)
    return {name: files[name] for name in parts} | {"nginx.conf": _UPSTREAMS_ALONE}


def close_files(files: dict[str, bytes], folders: Folders) -> dict[str, bytes]:
    """The same, with the public server where no client finds it."""
    return files | {"listen.conf": f"listen {_socket(folders.closed_socket)};\n".encode()}


def _main(settings: Settings, machine: Machine, folders: Folders) -> str:
    lines = [
        "daemon off;",
        f"worker_processes {machine.workers};",
        f"worker_rlimit_nofile {machine.open_files};",
        f"worker_shutdown_timeout {settings.shutdown_seconds}s;",
        f"pid {_path(folders.prefix / 'nginx.pid')};",
        "error_log stderr warn;",
    ]
    if machine.user:
        lines.append("user {} {};".format(*machine.user))
    return _text(lines)


def _http(settings: Settings, machine: Machine, folders: Folders) -> str:
    families = "ipv4=off" if machine.ipv6_only else "ipv6=off"
    lines = [
        f"resolver {' '.join(machine.resolvers)} valid={settings.resolver_seconds}s {families};",
        "resolver_timeout 5s;",
        f"proxy_connect_timeout {settings.upstream_connect_seconds}s;",
        f"proxy_read_timeout {settings.upstream_read_seconds}s;",
        f"proxy_send_timeout {settings.upstream_read_seconds}s;",
        f"proxy_ssl_trusted_certificate {_path(machine.certificates)};",
        f"client_max_body_size {settings.max_body_bytes};",
        f"client_body_buffer_size {settings.max_body_bytes};",  # njs reads the body, so it must be in memory
        "client_header_timeout 60s;",
        "client_body_timeout 60s;",
        *(f"{directive} {_path(folders.prefix / 'temp' / name)};" for directive, name in _TEMP.items()),
        *_real_ip(settings.trusted_proxies),
        f"upstream ostiary_sidecar {{ server {_socket(folders.sidecar_socket)} max_fails=0; keepalive 32; }}",
        f"upstream ostiary_guard {{ server {_socket(folders.guard_socket)} max_fails=0; keepalive 64; }}",
        f"upstream ostiary_translator {{ server {_socket(folders.translator_socket)} max_fails=0; keepalive 32; }}",
    ]
    return _text(lines)


def _translator(settings: Settings, folders: Folders) -> str:
    """A body that was let in is not too large here because its model has a longer name now."""
    most = settings.max_body_bytes + _MODEL_BYTES
    lines = [
        f"listen {_socket(folders.translator_socket)};",
        f"client_max_body_size {most};",
        f"client_body_buffer_size {most};",
    ]
    return _text(lines)


def _real_ip(trusted: str) -> list[str]:
    """Whose word counts for where a request comes from.

    Raises:
        StartError: one of them is neither an address nor a network.
    """
    try:
        networks = [ipaddress.ip_network(each, strict=False) for each in trusted.split()]
    except ValueError as error:
        raise StartError(f"OSTIARY_TRUSTED_PROXIES: {error}") from None
    if not networks:
        return []
    lines = [f"set_real_ip_from {network};" for network in networks]
    return [*lines, "real_ip_header X-Forwarded-For;", "real_ip_recursive on;"]


def _njs_settings(settings: Settings, folders: Folders, epoch: str) -> str:
    values = {
        "epoch": epoch,
        "decisionMs": settings.decision_seconds * 1000,
        "spool": str(folders.spool),
        "guard": str(folders.guard_socket),
        "translator": str(folders.translator_socket),
        "maxOutputTokens": settings.default_max_output_tokens,
        "keepsResponses": bool(settings.response_store),
        "attemptMs": settings.attempt_seconds * 1000,
        "readMs": settings.upstream_read_seconds * 1000,
        "budgetPercent": settings.retry_budget_percent,
        "budgetMinimum": settings.retry_budget_minimum,
        "retryConcurrency": settings.retry_concurrency,
        "anonymousPerMinute": settings.anonymous_per_minute,
        "limitHeaders": settings.limit_headers,
        "version": _version(),
    }
    return f"export default {json.dumps(values)};\n"


def _version() -> str:
    try:
        return version("ostiary")
    except PackageNotFoundError:  # the packages were put somewhere without having been installed
        return "unknown"


def _address(host: str, port: int) -> str:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        if not _HOST_NAME.fullmatch(host):
            raise StartError(f"OSTIARY_HOST: {host!r} is neither an address nor a name") from None
        return f"{host}:{port}"
    return f"{host}:{port}" if address.version == 4 else f"[{address}]:{port}"  # noqa: PLR2004 - IPv4


def _path(path: Path) -> str:
    return _quoted(str(path), path)


def _socket(path: Path) -> str:
    return _quoted(f"unix:{path}", path)


def _quoted(word: str, path: Path) -> str:
    if _NEVER_IN_A_PATH.search(word):
        raise StartError(f"the path {str(path)!r} has a character that nginx cannot take")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
