"""Signatures and frames of AWS, made by botocore: what the data plane's JavaScript is held to.

tests/golden/aws/*.json are read by tests/njs/translate_aws.test.js too. `UPDATE=1 pytest tests/unit/translate/test_aws.py`
writes them anew.
"""

import base64
import json
import os
import struct
from binascii import crc32
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

FOLDER = Path(__file__).parents[2] / "golden/aws"
TIME = "20260102T030405Z"

REQUESTS: Mapping[str, Mapping[str, str]] = {
    "plain": {"path": "/model/amazon.nova-lite-v1/converse", "body": "{}"},
    "colon": {"path": "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream", "body": '{"a": "grüß"}'},
    "arn": {"path": "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Fx/converse", "body": "{}"},
    "odd": {"path": "/prefix/a%20b(c)!*'~/converse", "body": "\U0001f30d", "region": "eu-central-1"},
    "token": {"path": "/model/m/converse", "body": "{}", "token": "IQoJ//+=:x"},
    "query": {"path": "/model/m/converse", "query": "a=1&b=%2F", "body": "{}"},
    "port": {"path": "/model/m/converse", "body": "{}", "host": "127.0.0.1:8443"},
}


def _signed(request: Mapping[str, str]) -> dict[str, str]:
    host, region = request.get("host", "bedrock-runtime.us-east-1.amazonaws.com"), request.get("region", "us-east-1")
    query = f"?{request['query']}" if "query" in request else ""
    sent = AWSRequest("POST", f"https://{host}{request['path']}{query}", data=request["body"].encode())
    sent.headers["content-type"] = "application/json"
    sent.headers["X-Amz-Date"] = TIME
    sent.context["timestamp"] = TIME
    if token := request.get("token"):
        sent.headers["X-Amz-Security-Token"] = token
    auth = SigV4Auth(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token), "bedrock", region)
    auth._inject_signature_to_request(sent, auth.signature(auth.string_to_sign(sent, auth.canonical_request(sent)), sent))
    return {**request, "host": host, "region": region, "authorization": sent.headers["Authorization"]}


def _frame(headers: Mapping[str, object], payload: bytes) -> bytes:
    """As "Event stream encoding" of the Amazon Transcribe developer guide has it, which describes it for all services."""
    named = b"".join(struct.pack("!B", len(name)) + name.encode() + _header(value) for name, value in headers.items())
    prelude = struct.pack("!II", len(named) + len(payload) + 16, len(named))
    message = prelude + struct.pack("!I", crc32(prelude)) + named + payload
    return message + struct.pack("!I", crc32(message))


def _header(value: object) -> bytes:
    match value:
        case bool():
            return b"\x00" if value else b"\x01"
        case int():
            return b"\x04" + struct.pack("!i", value)
        case bytes():
            return b"\x06" + struct.pack("!H", len(value)) + value
        case _:
            return b"\x07" + struct.pack("!H", len(str(value).encode())) + str(value).encode()


def _event(name: str, value: object) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return _frame(headers, json.dumps(value, ensure_ascii=False).encode())


def _streams() -> dict[str, dict[str, Any]]:
    exception = {":exception-type": "throttlingException", ":content-type": "application/json", ":message-type": "exception"}
    error = {":message-type": "error", ":error-code": "InternalServerError", ":error-message": "gone"}
    odd = {"flag": True, "off": False, "number": -5, "blob": b"\x00\xff", ":message-type": "event", ":event-type": "metadata"}
    text = _event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Grüß 🌍"}, "p": "abcdefghij"})
    start = _event("messageStart", {"role": "assistant"})
    damaged = bytearray(text)
    damaged[-10] ^= 1
    broken_prelude = bytearray(text)
    broken_prelude[3] ^= 1
    return {
        "events": {"bytes": start + text + _event("messageStop", {"stopReason": "end_turn"})},
        "exception": {"bytes": start + _frame(exception, b'{"message":"slow"}')},
        "error": {"bytes": start + _frame(error, b"")},
        "odd_headers": {"bytes": _frame(odd, b"{}") + start},
        "empty_payload": {"bytes": _frame({":message-type": "event", ":event-type": "x"}, b"")},
        "damaged": {"bytes": start + bytes(damaged) + start, "broken": True},
        "damaged_prelude": {"bytes": start + bytes(broken_prelude) + start, "broken": True},
    }


def _told(stream: Mapping[str, Any]) -> dict[str, Any]:
    """What botocore reads of it."""
    frames: list[list[str]] = []
    buffer = EventStreamBuffer()
    buffer.add_data(stream["bytes"])
    try:
        frames.extend([_name(event.headers), event.payload.decode()] for event in buffer)
    except ChecksumMismatch:
        assert stream["broken"]
    else:
        assert not stream.get("broken")
    return {"bytes": base64.b64encode(stream["bytes"]).decode(), "frames": frames, "broken": stream.get("broken", False)}


def _name(headers: Mapping[str, Any]) -> str:
    kind = headers[":message-type"]
    return (
        str(headers[":event-type"]) if kind == "event" else f"{kind} {headers.get(':exception-type') or headers[':error-code']}"
    )


@pytest.mark.parametrize("name", ["signatures", "frames"])
def test_pl_24_botocore_makes_the_golden_cases_of_aws(name: str) -> None:
    made = (
        {case: _signed(request) for case, request in REQUESTS.items()}
        if name == "signatures"
        else {case: _told(stream) for case, stream in _streams().items()}
    )
    path = FOLDER / f"{name}.json"
    if os.environ.get("UPDATE"):
        path.write_text(json.dumps(made, indent=1) + "\n")
    assert json.loads(path.read_text()) == made
