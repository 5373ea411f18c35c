"""An end that loses nothing (LM-25, LM-26)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.support import sample
from tests.support.client import call, stream
from tests.support.gateway import Gateway
from tests.support.provider import Provider

CHAT = "/v1/chat/completions"
ECHO = {"model": "openai/echo", "messages": [{"role": "user", "content": "hello"}]}


def test_lm_26_a_stop_loses_no_record_and_cuts_no_stream(new_gateway: Callable[..., Gateway], provider: Provider) -> None:
    gateway = new_gateway().start(sample.providers(provider.url), sample.keys())
    for number in range(50):
        headers = {"x-request-id": f"before-{number}"}
        assert call(gateway.base_url, CHAT, ECHO, key=sample.ALL, headers=headers).status == 200
    slow = {**ECHO, "model": "openai/slow-50x20", "stream": True}
    with (
        stream(gateway.base_url, CHAT, slow, key=sample.ALL, headers={"x-request-id": "open"}) as response,
        ThreadPoolExecutor(1) as pool,
    ):
        assert response.read1(10)
        stopped = pool.submit(gateway.stop)
        assert response.read().rstrip().endswith(b"[DONE]")
        stopped.result()
    records = {record["request_id"]: record for record in gateway.ledger()}
    assert set(records) == {*(f"before-{number}" for number in range(50)), "open"}
    assert len(gateway.ledger()) == 51
    assert (records["open"]["ended"], records["open"]["usage"]["output_tokens"]) == ("completed", 20)


def test_lm_26_a_second_start_goes_on_where_the_first_ended(new_gateway: Callable[..., Gateway], provider: Provider) -> None:
    gateway = new_gateway().start(sample.providers(provider.url), sample.keys())
    for _ in range(2):
        for _ in range(3):
            assert call(gateway.base_url, CHAT, ECHO, key=sample.ALL).status == 200
        gateway.stop()
        gateway.start(sample.providers(provider.url), sample.keys())
    ids = [record["id"] for record in gateway.ledger()]
    assert len(ids) == len(set(ids)) == 6
    assert len({one.split("-")[0] for one in ids}) == 2


def test_lm_25_ledger_files_are_rotated_and_none_is_deleted(new_gateway: Callable[..., Gateway], provider: Provider) -> None:
    gateway = new_gateway(rotate_bytes=2000, spool_rotate_bytes=3000).start(sample.providers(provider.url), sample.keys())
    sent = [f"rotation-{number}" for number in range(30)]
    for request_id in sent:
        headers = {"x-request-id": request_id}
        assert call(gateway.base_url, CHAT, ECHO, key=sample.ALL, headers=headers).status == 200
        if request_id.endswith(("9", "4")):
            gateway.record(request_id)
    gateway.idle()
    files = list((gateway.data / "ledger").glob("usage-*.jsonl"))
    assert len(files) > 3
    assert sorted(record["request_id"] for record in gateway.ledger()) == sorted(sent)
