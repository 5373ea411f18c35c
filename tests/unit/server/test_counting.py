"""Anthropic's count_tokens, estimated."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ostiary_gateway.server.counting import count, estimate
from ostiary_gateway.usage import count_tokens

MODEL = "gpt-5"


def messages(*contents: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content} for content in contents]}


def test_text_is_counted_by_the_tokenizer_and_each_message_has_a_frame() -> None:
    said = "The quick brown fox jumps over the lazy dog."
    assert estimate(messages(said), MODEL) == count_tokens(said, MODEL) + 3
    assert estimate(messages([{"type": "text", "text": said}]), MODEL) == count_tokens(said, MODEL) + 3
    assert estimate({**messages("x"), "system": said}, MODEL) > estimate(messages("x"), MODEL) + 8
    assert estimate({}, MODEL) == 0


SEEN = {"type": "image", "source": {"type": "file", "file_id": "f"}}


@pytest.mark.parametrize(
    ("block", "least"),
    [
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 100_000}}, 1600),
        ({"type": "image", "source": {"type": "url", "url": "https://pictures.test/1.png"}}, 1600),
        ({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "A" * 100_000}}, 3000),
        (
            {
                "type": "tool_result",
                "tool_use_id": "t",
                "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}],
            },
            1600,
        ),
    ],
)
def test_media_count_as_media_and_not_by_their_bytes(block: dict[str, Any], least: int) -> None:
    assert least <= estimate(messages([block]), MODEL) < least + 50


def test_documents_of_text_tools_and_their_arguments_count() -> None:
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "one two three"}}
    assert 3 <= estimate(messages([text]), MODEL) < 20
    call = {"type": "tool_use", "id": "t", "name": "weather", "input": {"city": "Lisbon, the one in Portugal"}}
    assert estimate(messages([call]), MODEL) > estimate(messages([{**call, "input": {}}]), MODEL)
    tool = {"name": "weather", "description": "of a city", "input_schema": {"type": "object"}}
    assert estimate({**messages("x"), "tools": [tool]}, MODEL) > estimate(messages("x"), MODEL) + 8


@pytest.mark.parametrize("body", [{"messages": "x"}, {"messages": [1, None, {}]}, {"tools": {}, "system": 7}])
def test_what_is_no_request_is_little(body: dict[str, Any]) -> None:
    assert estimate(body, MODEL) < 20


async def test_the_endpoint_refuses_what_it_cannot_read() -> None:
    app = web.Application()
    app.router.add_post("/count", count)
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/count?model=gpt-5", json=messages("hello"))
        assert (await answer.json())["input_tokens"] == estimate(messages("hello"), MODEL)
        for body in (b"{", b"[]", b"\xff"):
            assert (await client.post("/count", data=body)).status == 400
