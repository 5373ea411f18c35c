"""Provider hosts in DNS: one that is not there stops nobody else, and one whose address changes is followed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.support import sample
from tests.support.client import call
from tests.support.dns_server import DnsServer
from tests.support.gateway import Gateway
from tests.support.manifests import model, provider
from tests.support.planned import CHAT, HELLO
from tests.support.queued_provider import Answer, QueuedProvider
from tests.support.wait import until

_RESOLVER_SECONDS = 1  # OSTIARY_RESOLVER_SECONDS, 10 unless set
_FOLLOWED_SECONDS = 3 * _RESOLVER_SECONDS  # within which nginx uses a new address: asked for each second, and a worker's turn


@dataclass(frozen=True)
class Scene:
    """`fixed` and `second` serve the same port on 127.0.0.1 and 127.0.0.2."""

    gateway: Gateway
    dns: DnsServer
    first: QueuedProvider
    second: QueuedProvider


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A gateway that starts while some hosts have no address and one has a silent DNS server."""
    with DnsServer(ttl=600) as dns, QueuedProvider() as first, QueuedProvider(host="127.0.0.2", port=first.port) as second:
        dns.addresses["known.example"] = ("127.0.0.1",)
        dns.addresses["moves.example"] = ("127.0.0.1",)
        dns.silent.add("silent.example")
        hosts = {"known": "known", "moves": "moves", "absent": "absent", "late": "late", "mute": "silent"}
        manifests = [
            part
            for name, host in hosts.items()
            for part in provider(name, f"http://{host}.example:{first.port}", credential="sk-dns")
        ]
        settings = {"resolver": f"127.0.0.1:{dns.port}", "resolver_seconds": _RESOLVER_SECONDS, "workers": 2}
        gateway = Gateway(tmp_path_factory.mktemp("dns"), **settings)
        try:
            gateway.start(manifests, [model("rescued", "absent/x", "known/y")], sample.keys())
            yield Scene(gateway, dns, first, second)
        finally:
            gateway.stop()


def ask(scene: Scene, name: str) -> int:
    return call(scene.gateway.base_url, CHAT, {"model": name, "messages": HELLO}, key=sample.ALL).status


def test_a_host_without_an_address_stops_neither_nginx_nor_another_provider(scene: Scene) -> None:
    scene.first.answers(Answer())
    until(lambda: ask(scene, "known/x") == 200, "the host that is known", _FOLLOWED_SECONDS)
    for name in ("absent/x", "mute/x"):
        start = time.monotonic()
        assert ask(scene, name) == 502
        assert time.monotonic() - start < 1
        assert ask(scene, "known/x") == 200
    assert {"absent.example", "silent.example"} <= set(scene.dns.asked)
    assert "absent.example" not in scene.gateway.ready().get("problem", "")


def test_a_backend_whose_host_has_no_address_is_left_for_the_next(scene: Scene) -> None:
    assert ask(scene, "rescued") == 200


def test_a_host_that_moves_or_appears_is_followed_within_three_seconds_and_without_a_reload(scene: Scene) -> None:
    """`resolver ... valid` outweighs the ten minutes that this DNS server gives; no request fails on the way."""
    until(lambda: ask(scene, "moves/x") == 200, "the host at its first address", _FOLLOWED_SECONDS)
    assert ask(scene, "late/x") == 502
    workers = scene.gateway.workers()
    scene.second.answers(Answer())
    scene.dns.addresses["moves.example"] = ("127.0.0.2",)
    scene.dns.addresses["late.example"] = ("127.0.0.2",)
    deadline = time.monotonic() + _FOLLOWED_SECONDS
    while not scene.second.calls:
        assert ask(scene, "moves/x") == 200
        assert time.monotonic() < deadline, "not followed"
    before = len(scene.first.calls)

    def followed() -> bool:
        """Each worker has its own view of an upstream only until it looks at the zone that they share."""
        return all(ask(scene, "moves/x") == 200 for _ in range(8)) and len(scene.first.calls) == before

    assert followed()
    until(lambda: ask(scene, "late/x") == 200, "the new host", _FOLLOWED_SECONDS)
    assert scene.gateway.workers() == workers
