"""Facts of this machine that nginx must be told: program, module, resolvers, certificate authorities, CPUs, user."""

import grp
import ipaddress
import math
import os
import pwd
import re
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.supervisor.errors import StartError

_MODULE = "ngx_http_js_module.so"
_TOOLS = Path(".tools/nginx")  # where hack/dev/get-nginx puts it, seen from the checkout
_IMAGE_SOURCE = Path("/usr/share/ostiary/nginx")
_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_OPEN_FILES = 65536
_RESOLVER = re.compile(r"(?:\[(?P<bracketed>[^\[\]%]+)\]|(?P<bare>[0-9.]+|[0-9A-Fa-f:.]+))(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Machine:
    nginx: Path
    module: Path
    source: Path  # the folder gateway/nginx
    certificates: Path
    resolvers: tuple[str, ...]  # as nginx writes them, IPv6 in brackets
    ipv6_only: bool
    workers: int
    open_files: int
    user: tuple[str, str] | None  # user and group if we are root: nginx would else give its workers to nobody


def inspect(settings: Settings) -> Machine:
    """Look around once, at start.

    Raises:
        StartError: something that nginx needs is not there.
    """
    nginx = find_nginx(settings.nginx)
    return Machine(
        nginx=nginx,
        module=_first_file("njs (ngx_http_js_module.so) is missing", _module_places(nginx)),
        source=_source(),
        certificates=_first_file("no certificate authorities: set OSTIARY_CA_FILE", _certificate_places(settings, nginx)),
        resolvers=_resolvers(settings.resolver),
        ipv6_only=_ipv6_only(_read("/proc/net/route"), _read("/proc/net/ipv6_route")),
        workers=settings.workers or _cpus(),
        open_files=min(_OPEN_FILES, _hard_limit()),
        user=_user(),
    )


def find_nginx(setting: str) -> Path:
    """The nginx program: the setting, else the checkout's .tools, else PATH.

    Raises:
        StartError: there is none.
    """
    if setting:
        program = shutil.which(setting)
        if program is None:
            raise StartError(f"nginx is missing: OSTIARY_NGINX={setting} is no program")
        return Path(program).resolve()
    program = shutil.which(_TOOLS / "usr/sbin/nginx") or shutil.which("nginx")
    if program is None:
        raise StartError(f"nginx is missing: run hack/dev/get-nginx {_TOOLS}, or set OSTIARY_NGINX")
    return Path(program).resolve()


def _module_places(nginx: Path) -> list[Path]:
    folders = (nginx.parent.parent / "lib/nginx/modules", Path("/usr/lib/nginx/modules"))
    return [folder / _MODULE for folder in folders]


def _certificate_places(settings: Settings, nginx: Path) -> list[Path]:
    if settings.ca_file:
        return [Path(settings.ca_file).absolute()]
    return [Path(place) for place in _CERTIFICATES] + [nginx.parents[2] / "etc/ssl/certs/ca-certificates.crt"]


def _first_file(complaint: str, places: list[Path]) -> Path:
    for place in places:
        if place.is_file():
            return place
    raise StartError(f"{complaint} (looked for {', '.join(map(str, places))})")


def _source() -> Path:
    """The checkout's gateway/nginx, which stands beside this package; in the image, where the Dockerfile puts it."""
    for folder in (Path(__file__).parents[2] / "nginx", _IMAGE_SOURCE):
        if (folder / "nginx.conf").is_file():
            return folder
    raise StartError(f"nginx.conf is missing (looked beside the package and in {_IMAGE_SOURCE})")


def _resolvers(setting: str) -> tuple[str, ...]:
    if setting:
        return tuple(map(_resolver, setting.split()))
    servers = []
    for line in _read("/etc/resolv.conf").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and "%" not in words[1]:  # nginx knows no scoped addresses
            servers.append(_resolver(words[1]))
    return tuple(servers) or ("127.0.0.1",)  # resolv.conf(5): the default


def _resolver(word: str) -> str:
    """An address, with a port or without, IPv6 in brackets."""
    problem = f"OSTIARY_RESOLVER: {word} is no address of a DNS server"
    found = _RESOLVER.fullmatch(word)
    if found is None:
        raise StartError(problem)
    try:
        address = ipaddress.ip_address(found["bracketed"] or found["bare"])
    except ValueError as error:
        raise StartError(problem) from error
    port = f":{found['port']}" if found["port"] else ""
    return f"[{address}]{port}" if isinstance(address, ipaddress.IPv6Address) else f"{address}{port}"


def _ipv6_only(routes: str, ipv6_routes: str) -> bool:
    """Whether only IPv6 leads out.

    nginx tries all addresses of a name in turn, in no order of preference, so it must not get those that lead nowhere.
    """
    ipv4 = any(line.split()[1] == "00000000" for line in routes.splitlines()[1:])
    zero = "0" * 32
    ipv6 = any(line.startswith(f"{zero} 00 ") and not line.endswith("lo") for line in ipv6_routes.splitlines())
    return ipv6 and not ipv4


def _cpus() -> int:
    """CPUs that this process may use: a container's quota counts, rounded up."""
    cpus = len(os.sched_getaffinity(0))
    words = _read("/sys/fs/cgroup/cpu.max").split()
    if words and words[0] != "max":
        cpus = min(cpus, math.ceil(int(words[0]) / int(words[1])))
    return max(cpus, 1)


def _hard_limit() -> int:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return _OPEN_FILES if limit == resource.RLIM_INFINITY else limit


def _user() -> tuple[str, str] | None:
    if os.geteuid() != 0:
        return None
    return pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
