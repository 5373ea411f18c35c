"""A hundred thousand keys in a file: answered, revoked within a second, and nowhere in nginx before they are asked for."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support import sample
from tests.support.client import call
from tests.support.gateway import Gateway
from tests.support.provider import Provider
from tests.support.wait import until

from ostiary_gateway.contract.allowlist import Entry, hash_key
from ostiary_gateway.keystore import KeyStore

KEYS = 100_000
REVOKED_SECONDS = 1.0
BLOCK = 256 * 1024
MEMORY_KB = 128 * 1024


def entries() -> Iterator[Entry]:
    for number in range(KEYS):
        yield Entry(id=f"tenant/{number}", sha256=hash_key(f"sk-store-{number}"), namespace="tenant", owner=f"Owner {number}")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyStore]:
    with closing(KeyStore.open(tmp_path_factory.mktemp("keys") / "keys.sqlite")) as store:
        assert store.put(entries()) == KEYS
        yield store


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, provider: Provider, store: KeyStore) -> Iterator[Gateway]:
    (name,) = [row[2] for row in store._db.execute("PRAGMA database_list")]
    made = Gateway(tmp_path_factory.mktemp("gateway"), key_store=name)
    yield made.start(sample.providers(provider.url), sample.keys())
    made.drop()


def status(gateway: Gateway, number: int) -> int:
    return call(gateway.base_url, "/open/echo", b"x", key=f"sk-store-{number}").status


def shared_memory(pid: int) -> bytes:
    """What nginx's processes share, the zones of its dictionaries, without the blocks in which nothing is."""
    kept = []
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            addresses, access = line.split()[:2]
            if access == "rw-s":
                first, last = (int(address, 16) for address in addresses.split("-"))
                memory.seek(first)
                blocks = (memory.read(min(BLOCK, last - at)) for at in range(first, last, BLOCK))
                kept += [block for block in blocks if block.count(0) < len(block)]
    return b"".join(kept)


def test_any_of_100000_keys_is_answered_beside_those_of_resources(gateway: Gateway) -> None:
    assert [status(gateway, number) for number in (0, 4711, KEYS - 1)] == [200, 200, 200]
    assert [status(gateway, KEYS), call(gateway.base_url, "/open/echo", b"x", key=sample.ALL).status] == [403, 200]
    call(gateway.base_url, "/open/echo", b"x", key="sk-store-77", headers={"x-request-id": "seventy-seven"})
    record = gateway.record("seventy-seven")
    assert (record["key_id"], record["namespace"], record["owner"]) == ("tenant/77", "tenant", "Owner 77")
    managed = {"model": "openai/echo", "messages": [{"role": "user", "content": "x"}]}
    assert call(gateway.base_url, "/v1/chat/completions", managed, key="sk-store-78").status == 200


def seconds_until(gateway: Gateway, number: int, wanted: int) -> float:
    began = time.monotonic()
    until(lambda: status(gateway, number) == wanted, f"key {number} gets {wanted}")
    return time.monotonic() - began


def test_a_key_is_revoked_and_let_in_within_a_second(gateway: Gateway, store: KeyStore) -> None:
    assert status(gateway, 11) == 200
    assert store.revoke(["tenant/11"]) == 1
    assert seconds_until(gateway, 11, 403) < REVOKED_SECONDS + 0.1
    store.put([Entry(id="tenant/11", sha256=hash_key("sk-store-11"))])
    assert seconds_until(gateway, 11, 200) < REVOKED_SECONDS + 0.1


def test_nginx_knows_only_the_keys_that_were_shown_to_it(gateway: Gateway) -> None:
    assert status(gateway, 500) == 200
    memory = shared_memory(gateway.workers()[0])
    shown = set(re.findall(rb"[0-9a-f]{64}", memory))
    assert [number for number in range(400, 600) if hash_key(f"sk-store-{number}").encode() in shown] == [500]
    files = b"".join(path.read_bytes() for path in gateway.run.rglob("*") if path.is_file() and not path.is_symlink())
    assert hash_key("sk-store-501").encode() not in files


def test_the_sidecar_holds_none_of_them_in_memory(gateway: Gateway) -> None:
    told = Path(f"/proc/{gateway.pid('sidecar')}/status").read_text()
    assert int(told.split("VmHWM:")[1].split()[0]) < MEMORY_KB
