import asyncio
import io
import json

import pytest
from tests.unit.decide.bundles import KEY, make
from tests.unit.server.rig import eventually

REPLY = {"model": "gpt-4o-2024", "usage": {"prompt_tokens": 7, "completion_tokens": 0}}
ENVELOPE = {
    "timestamp": "2026-11-20T10:00:00.123Z",
    "client_ip": "10.0.0.1",
    "method": "POST",
    "uri": "/openai/v1/chat/completions?a=b",
    "host": "api.openai.com",
    "status": 200,
    "auth_key_header": f"Bearer {KEY}",
    "auth_x_api_key": "",
    "lmgate_internal_id": f"id-{KEY}",
    "response_body": json.dumps(REPLY),
}


async def post(sidecar, body, session=None, base=None):
    async with (session or sidecar.tcp).post(f"{base or sidecar.url}/stats", data=body) as answer:
        return answer.status, await answer.text()


async def records(sidecar, count=1):
    await eventually(lambda: len(sidecar.ledger()) >= count)
    return sidecar.ledger()


async def test_lm_22_an_envelope_becomes_a_record(sidecar):
    await sidecar.use(make())
    assert await post(sidecar, json.dumps(ENVELOPE)) == (200, "ok")
    (record,) = await records(sidecar)
    expected = {
        "surface": "external",
        "timestamp": "2026-11-20T10:00:00.123Z",
        "key_id": f"id-{KEY}",
        "owner": "team",
        "provider": "openai",
        "endpoint": "/openai/v1/chat/completions?a=b",
        "model": "gpt-4o-2024",
        "status": 200,
        "usage_source": "provider",
        "error_type": None,
        "ended": "completed",
    }
    assert {name: record[name] for name in expected} == expected
    assert (record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == (7, 0)


async def test_lm_23_only_the_end_of_a_key_is_kept(sidecar):
    await sidecar.use(make())
    await post(sidecar, json.dumps({**ENVELOPE, "auth_key_header": "", "auth_x_api_key": "short"}))
    await post(sidecar, json.dumps({**ENVELOPE, "auth_key_header": "Bearer sk-long-secret-value"}))
    assert [r["masked_key"] for r in await records(sidecar, 2)] == ["short", "-value"]
    assert "sk-long" not in json.dumps(sidecar.ledger())


async def test_lm_22_the_unix_socket_takes_records_too(sidecar):
    assert await post(sidecar, json.dumps(ENVELOPE), sidecar.unix, "http://sidecar") == (200, "ok")
    (record,) = await records(sidecar)
    assert record["provider"] == "unknown"


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"status":"many"}',
        b'{"status":200,"uri":5}',
        b"[" * 100_000,
        b'{"status":' + b"9" * 400 + b"}",
        b'{"status":200,"response_body":"' + b"x" * 1000,
    ],
)
async def test_lm_22_garbage_is_ok_and_counted(sidecar, garbage):
    assert await post(sidecar, garbage) == (200, "ok")
    assert "ostiary_stats_dropped_total 1.0" in (await sidecar.get("/metrics"))[1]
    assert await sidecar.get("/healthz") == (200, "ok")


async def test_lm_22_a_body_without_an_end_is_ok_and_counted(sidecar):
    assert await post(sidecar, io.BytesIO(b'{"status":200,"response_body":"' + b"x" * 35 * 2**20)) == (200, "ok")
    assert "ostiary_stats_dropped_total 1.0" in (await sidecar.get("/metrics"))[1]


async def test_a_sender_that_goes_away_disturbs_nobody(sidecar):
    reader, writer = await asyncio.open_connection("127.0.0.1", sidecar.settings.sidecar_port)
    writer.write(b"POST /stats HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await reader.read() == b""
    assert await post(sidecar, json.dumps(ENVELOPE)) == (200, "ok")
    assert len(await records(sidecar)) == 1


@pytest.mark.parametrize(("status", "error"), [(404, "provider_rejected"), (500, "provider_error")])
async def test_lm_24_an_error_reply_is_a_record_without_tokens(sidecar, status, error):
    await post(sidecar, json.dumps({**ENVELOPE, "status": status, "response_body": "<html>"}))
    (record,) = await records(sidecar)
    assert (record["status"], record["error_type"], record["model"]) == (status, error, None)
    assert (record["usage"].get("input_tokens"), record["usage_source"]) == (None, "none")


async def test_a_time_that_is_none_is_replaced_by_now(sidecar):
    await post(sidecar, json.dumps({**ENVELOPE, "timestamp": "yesterday"}))
    await post(sidecar, json.dumps({**ENVELOPE, "timestamp": "2026-11-20T10:00:00"}))
    times = [record["timestamp"] for record in await records(sidecar, 2)]
    assert all(len(time) == len("2026-11-20T10:00:00.123Z") and time.endswith("Z") for time in times)


async def test_no_content_of_an_answer_is_kept(sidecar):
    body = json.dumps({**REPLY, "choices": [{"message": {"content": "the secret of the house"}}]})
    await post(sidecar, json.dumps({**ENVELOPE, "response_body": body}))
    assert "secret of the house" not in json.dumps(await records(sidecar))


@pytest.mark.parametrize("count", ["1e999", "9" * 400, "-1", "1.5", "true", '"7"', "null", "{}", "NaN"])
async def test_a_count_that_is_none_stops_no_other_record(sidecar, count):
    reply = '{"model":"m","usage":{"prompt_tokens":' + count + ',"completion_tokens":5}}'
    await post(sidecar, json.dumps({**ENVELOPE, "response_body": reply, "uri": "/first"}))
    await post(sidecar, json.dumps({**ENVELOPE, "uri": "/second"}))
    assert [record["endpoint"] for record in await records(sidecar, 2)] == ["/first", "/second"]
    assert await sidecar.get("/healthz") == (200, "ok")


async def test_half_a_character_stops_no_other_record(sidecar):
    await post(sidecar, json.dumps({**ENVELOPE, "uri": "/\ud800", "response_body": "\udfff"}))
    await post(sidecar, json.dumps(ENVELOPE))
    assert (await records(sidecar))[-1]["endpoint"] == ENVELOPE["uri"]
