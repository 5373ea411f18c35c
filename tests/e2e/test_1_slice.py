"""The thin slice: applied, called with the official SDK from a pod, one line on the volume."""

import json

from tests.e2e import objects
from tests.e2e.commands import eventually


def test_lm_20_an_sdk_in_a_pod_gets_an_answer_and_the_volume_gets_one_record(gateway) -> None:
    gateway.kubectl.apply(objects.api_key("slice"))
    key = gateway.generated_key("slice")
    gateway.until("apikey", "slice", "Programmed", "True")

    answer = gateway.chat(key, "fake/echo", "what is one and one?")

    assert answer["status"] == 200
    assert answer["text"] == "what is one and one?"
    (record,) = eventually(lambda: gateway.records(request_id=answer["request_id"]) or None, "a record")
    assert record["key_name"] == "slice"
    assert record["status"] == 200
    assert record["ended"] == "completed"
    assert record["provider"] == "fake"
    assert [record["usage"]["input_tokens"], record["usage"]["output_tokens"]] == answer["tokens"]
    assert record["usage_source"] == "provider"
    assert record["masked_key"] == key[-6:]
    assert key not in json.dumps(record)


def test_the_command_line_in_the_pod_tells_who_used_what(gateway) -> None:
    rows = [row for pod in ("ostiary-gateway-0", "ostiary-gateway-1") for row in _usage(gateway, pod)]
    assert any("slice" in json.dumps(row) for row in rows)


def _usage(gateway, pod: str) -> list[dict]:
    found = json.loads(gateway.in_sidecar(pod, "ostiary", "usage", "--json") or "[]")
    return found if isinstance(found, list) else [found]
