"""Which texts of a request the model sees, in each dialect (PL-29)."""

import pytest

from ostiary_gateway.filters.texts import LONGEST, TooLongError, texts

TOOL = {
    "name": "weather",
    "description": "D",
    "input_schema": {"type": "object", "properties": {"at": {"description": "P", "enum": ["no"]}}},
}
CASES = {
    "chat": (
        {
            "model": "no",
            "user": "no",
            "messages": [
                {"role": "system", "content": "S", "name": "no"},
                {"role": "user", "content": [{"type": "text", "text": "U"}, {"type": "image_url", "image_url": {"url": "no"}}]},
                {
                    "role": "assistant",
                    "content": None,
                    "reasoning_content": "R",
                    "tool_calls": [{"id": "no", "type": "function", "function": {"name": "no", "arguments": '{"a":1}'}}],
                },
                {"role": "tool", "tool_call_id": "no", "content": "T"},
            ],
            "tools": [{"type": "function", "function": {"name": "no", "description": "D", "parameters": {"type": "object"}}}],
            "metadata": {"text": "no"},
        },
        ["S", "U", "R", '{"a":1}', "T", "D"],
    ),
    "completions": ({"model": "no", "prompt": ["A", "B"], "suffix": "C"}, ["A", "B", "C"]),
    "responses": (
        {
            "instructions": "I",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "U"}, {"type": "input_image", "image_url": "no"}]},
                {"type": "function_call", "call_id": "no", "name": "no", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "no", "output": "O"},
                {"type": "reasoning", "id": "no", "summary": [{"type": "summary_text", "text": "R"}], "encrypted_content": "no"},
            ],
        },
        ["I", "U", "{}", "O", "R"],
    ),
    "messages": (
        {
            "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": "U"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "R", "signature": "no"},
                        {"type": "tool_use", "id": "no", "name": "no", "input": {"deep": [{"any": "I"}], "n": 7}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "no", "content": [{"type": "text", "text": "T"}]},
                        {"type": "document", "title": "N", "source": {"type": "text", "media_type": "no", "data": "D"}},
                        {"type": "image", "source": {"type": "base64", "media_type": "no", "data": "no"}},
                    ],
                },
            ],
            "tools": [TOOL],
            "metadata": {"user_id": "no"},
        },
        ["S", "U", "R", "I", "7", "T", "N", "D", "D", "P"],
    ),
    "generate": (
        {
            "contents": [
                {"role": "user", "parts": [{"text": "U"}, {"inlineData": {"mimeType": "no", "data": "no"}}]},
                {"role": "model", "parts": [{"functionCall": {"name": "no", "args": {"a": "A"}}, "thoughtSignature": "no"}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "no", "response": {"b": "B"}}}]},
            ],
            "systemInstruction": {"parts": [{"text": "S"}]},
        },
        ["S", "U", "A", "B"],
    ),
    "embeddings": ({"input": ["A", "B"], "user": "no"}, ["A", "B"]),
    "moderations": ({"input": [{"type": "text", "text": "A"}]}, ["A"]),
    "images": ({"prompt": "A", "size": "no"}, ["A"]),
    "audio": ({"input": "A", "voice": "no", "instructions": "I"}, ["I", "A"]),
    "files": ({"content": "no"}, []),
}


@pytest.mark.parametrize("dialect", CASES)
def test_pl_29_what_the_model_sees_is_looked_at_and_nothing_else(dialect):
    body, seen = CASES[dialect]
    assert [str(text.value) for text in texts(body, dialect)] == seen


def test_who_says_what_is_known():
    body, _ = CASES["chat"]
    assert [text.speaker for text in texts(body, "chat")] == ["system", "user", "assistant", "assistant", "user", "system"]


@pytest.mark.parametrize("body", [[], "x", 7, None, {"messages": 7}, {"messages": {"content": None}}, {"messages": [[["x"]]]}])
def test_what_is_no_request_has_no_texts(body):
    assert list(texts(body, "chat")) == []


def test_there_is_an_end_to_what_is_looked_through():
    half = "x" * (LONGEST // 2)
    assert len(list(texts({"input": [half, half]}, "embeddings"))) == 2
    with pytest.raises(TooLongError):
        list(texts({"input": [half, half, "x"]}, "embeddings"))
