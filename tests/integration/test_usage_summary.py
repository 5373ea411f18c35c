"""The running sidecar adds up what it commits, and `ostiary usage` agrees with the ledger at any moment."""

import json
from collections import Counter

from click.testing import CliRunner
from tests.support import sample
from tests.support.client import call
from tests.support.gateway import Gateway
from tests.support.wait import until

from ostiary_gateway.cli.usage import usage
from ostiary_gateway.summaries import Query, Summaries
from ostiary_gateway.summaries.source import alone, identify

ECHO = {"model": "openai/echo", "messages": [{"role": "user", "content": "hello"}]}


def requests(gateway: Gateway, *arguments: str) -> dict[str, int]:
    """Of each group, as the command tells them."""
    result = CliRunner().invoke(usage, ["--ledger", str(gateway.data / "ledger"), "--json", *arguments])
    assert result.exit_code == 0, result.output
    return {item["name"]: item["requests"] for item in json.loads(result.output)}


def test_usage_is_the_ledger_while_the_sidecar_runs(gateway: Gateway) -> None:
    for number in range(3):
        call(gateway.base_url, "/v1/chat/completions", ECHO, key=sample.ALL, headers={"x-request-id": f"summary-{number}"})
    gateway.record("summary-2")
    gateway.idle()
    records = gateway.ledger()
    by_key = Counter(record["key_id"] or "unknown" for record in records)
    until(lambda: requests(gateway) == by_key, "what is in the ledger is committed and told")
    assert requests(gateway, "--by", "provider") == Counter(record["provider"] for record in records)
    with alone(gateway.data / "ledger") as free:
        assert not free, "the sidecar does not follow its ledger"
    summaries = Summaries(gateway.data / "ledger")

    def followed() -> bool:
        store = summaries.open_store()
        try:
            return store.reached(identify(gateway.data / "ledger")).records == len(records)
        finally:
            store.close()

    until(followed, "the sidecar has added up what is in the ledger")
    assert sum(item.requests for item in summaries.query(Query(by=("hour",))).items) == len(records)
    assert gateway.ready()["summaries"] == "ok"
