"""What requests cost, through nginx, the sidecar and the ledger; and `ostiary ledger` beside a gateway that serves."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.support import sample
from tests.support.client import call
from tests.support.gateway import Gateway
from tests.support.manifests import model
from tests.support.provider import Provider
from tests.support.wait import until

CHAT = "/v1/chat/completions"
PRICE = {"inputPerMillionTokens": "1000", "outputPerMillionTokens": "2000", "cachedInputPerMillionTokens": "100"}
LIST = "version: acme-7\nprices: [{model: 'openai/listed*', price: {input: '5', output: 0.5}}]\n"
Record = dict[str, Any]


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("money")
    (folder / "prices.yaml").write_text(LIST)
    gateway = Gateway(folder / "gateway", workers=1, prices=folder / "prices.yaml")
    smart = model("smart", {"providerRef": {"name": "openai"}, "model": "cached"}, price=PRICE)
    gateway.start(sample.providers(provider.url), sample.keys(), [smart])
    yield gateway
    gateway.stop()


def _record(gateway: Gateway, name: str, request_id: str = "", **headers: str) -> Record:
    request_id = request_id or uuid4().hex
    body = {"model": name, "messages": [{"role": "user", "content": "a question"}]}
    call(gateway.base_url, CHAT, body, key=sample.ALL, headers={"x-request-id": request_id, **headers})
    return gateway.record(request_id)


def _ledger(gateway: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from ostiary_gateway.cli.ledger import ledger; ledger()", *arguments]
    settings = {"OSTIARY_DATA": str(gateway.data), "OSTIARY_RUN": str(gateway.run)}
    return subprocess.run(program, capture_output=True, text=True, check=False, env=settings, timeout=60)


def test_tp_17_a_model_with_a_price(priced: Gateway) -> None:
    """11 tokens in, of which 4 are cached, 8 out."""
    record = _record(priced, "smart")
    assert (record["cost"], record["charged"], record["price_source"]) == ("0.0234", "0.0234", "model")


def test_tp_17_the_mounted_list_and_the_published_prices(priced: Gateway) -> None:
    listed = _record(priced, "openai/listed.hello")
    assert (listed["price_source"], listed["price_version"]) == ("list", "acme-7")
    assert listed["cost"] not in {None, "0"}
    published = _record(priced, "openai/gpt-4o")
    assert published["price_source"] == "genai-prices"


def test_gz_11_nobody_knows_the_price(priced: Gateway) -> None:
    record = _record(priced, "openai/hello")
    assert (record["cost"], record["charged"], record["price_source"]) == (None, None, None)


def test_gz_08_the_same_idempotency_key_is_charged_once(priced: Gateway) -> None:
    same = {"idempotency-key": uuid4().hex}
    first, second = _record(priced, "smart", **same), _record(priced, "smart", **same)
    assert (first["charged"], first["duplicate_of"]) == ("0.0234", None)
    assert (second["cost"], second["charged"], second["duplicate_of"]) == ("0.0234", "0", first["id"])


def test_gz_08_the_same_request_id_is_charged_once(priced: Gateway) -> None:
    request_id = uuid4().hex
    _record(priced, "smart", request_id)
    _record(priced, "smart", request_id)
    records = priced.records(lambda record: record["request_id"] == request_id, 2)
    assert sorted(record["charged"] for record in records) == ["0", "0.0234"]


def test_the_counters_are_those_of_the_ledger_while_the_gateway_serves(priced: Gateway, tmp_path: Path) -> None:
    _record(priced, "smart")
    done = _ledger(priced, "verify", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = json.loads(done.stdout)["lines"]
    assert lines >= 1
    rebuilt = _ledger(priced, "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert "are those of the ledger" in rebuilt.stdout
    _record(priced, "smart")
    assert json.loads(_ledger(priced, "verify", "--json").stdout)["differences"] == []


def test_gz_09_a_credit_through_the_sidecar_that_writes_the_ledger(priced: Gateway) -> None:
    done = _ledger(priced, "post", "credit", "key/default/all", "1.25", "--reason", "goodwill", "--actor", "ann")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(text) for path in (priced.data / "ledger").glob("*.jsonl") for text in path.read_text().splitlines()]
    (posting,) = [each for each in lines if each["id"] == done.stdout.strip()]
    assert (posting["kind"], posting["amount"], posting["actor"]) == ("credit", "1.25", "ann")


def test_a_price_list_that_changes_counts_for_the_next_request(priced: Gateway) -> None:
    path = Path(str(priced._settings["prices"]))
    path.write_text(LIST.replace("acme-7", "acme-8"))
    until(lambda: _record(priced, "openai/listed.hello")["price_version"] == "acme-8", "the new list")
