"""The disk of the spool is full: clients are served all the same, and what nginx could not write is counted."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator

import pytest
from tests.support import client, sample
from tests.support.gateway import Gateway
from tests.support.provider import Provider
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small tmpfs: needs root")
REQUESTS = 120
PATH = "/v1/chat/completions"
BODY = {"model": "openai/echo", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def cramped(new_gateway: Callable[..., Gateway], provider: Provider) -> Iterator[Gateway]:
    """A gateway whose spool has 32 KiB, which is less than the test's requests need."""
    gateway = new_gateway()
    spool = gateway.data / "spool"
    spool.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(spool)], check=True)
    try:
        yield gateway.start(sample.providers(provider.url), sample.keys())
    finally:
        gateway.stop()
        subprocess.run(["umount", "--lazy", str(spool)], check=True)


def _lost(gateway: Gateway) -> int:
    text = client.call(gateway.sidecar_url, "/metrics").text
    (value,) = re.findall(r"^ostiary_ledger_records_lost_total (\S+)$", text, re.MULTILINE)
    return int(float(value))


def test_lm_12_what_a_full_spool_could_not_hold_is_counted(cramped: Gateway) -> None:
    statuses = [client.call(cramped.base_url, PATH, BODY, key=sample.ALL).status for _ in range(REQUESTS)]
    assert statuses == [200] * REQUESTS
    assert cramped.status()["issued"] == REQUESTS
    until(lambda: _lost(cramped), "lost records are counted", 30)
    written = len(cramped.ledger())
    assert 0 < written < REQUESTS
    until(lambda: _lost(cramped) >= REQUESTS - written, "all of them", 10)
    assert written + _lost(cramped) == REQUESTS
    assert len({record["id"] for record in cramped.ledger()}) == written
