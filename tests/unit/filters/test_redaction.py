"""What is taken out of a request, and that nothing else of it changes (PL-29)."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.filters.samples import SAMPLES

from ostiary_gateway.filters.literals import NotJsonError
from ostiary_gateway.filters.patterns import PATTERNS
from ostiary_gateway.filters.redaction import Found, redact
from ostiary_gateway.filters.texts import texts

ALL = tuple(PATTERNS.values())
EMAIL = (PATTERNS["email"],)
CARD = (PATTERNS["credit-card"],)
KINDS = [sample for samples in SAMPLES.values() for sample in samples]


def chat(*contents: object) -> str:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": content} for content in contents]})


def contents(found: Found) -> list[object]:
    return [message["content"] for message in json.loads(found.body or "")["messages"]]


def test_pl_29_the_same_thing_has_the_same_name_all_over_a_request():
    found = redact(chat("ada@x.example and bob@x.example", "again ADA@x.example"), "chat", EMAIL)
    assert contents(found) == ["[EMAIL_1] and [EMAIL_2]", "again [EMAIL_1]"]
    assert found.kinds == ("email",)


def test_a_conversation_that_grows_keeps_its_names():
    turns = ["I am ada@x.example", "[EMAIL_1], noted", "and bob@x.example"]
    assert contents(redact(chat(*turns[:1]), "chat", EMAIL)) == contents(redact(chat(*turns), "chat", EMAIL))[:1]


def test_pl_29_every_other_byte_stays_as_it_is():
    body = (
        '{ "model":"m" ,\n"x":1.50, "y":1e5,"messages":[ {"content":"caf\\u00e9 ada@x.example \\/"},{"n":12345678901234567890}]}'
    )
    found = redact(body, "chat", EMAIL)
    assert found.body == body.replace("caf\\u00e9 ada@x.example \\/", "caf\\u00e9 [EMAIL_1] /")


@pytest.mark.parametrize("escaped", ["ada\\u0040x.example", "\\u0061da@x.example", "line\\nada@x.example"])
def test_an_escape_hides_nothing(escaped):
    found = redact('{"messages":[{"role":"user","content":"' + escaped + '"}]}', "chat", EMAIL)
    assert "[EMAIL_1]" in str(contents(found)[0])
    assert "x.example" not in (found.body or "")


def test_what_a_tool_is_called_with_stays_json():
    arguments = json.dumps({"to": "line\nada@x.example", "card": 4111111111111111, "n": 5, "nested": '{"cc": "bob@x.example"}'})
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "mail", "arguments": arguments}}]}
    found = redact(json.dumps({"messages": [call]}), "chat", EMAIL + CARD)
    said = json.loads(json.loads(found.body or "")["messages"][0]["tool_calls"][0]["function"]["arguments"])
    assert said == {"to": "line\n[EMAIL_1]", "card": "[CARD_1]", "n": 5, "nested": '{"cc": "[EMAIL_2]"}'}


def test_a_number_that_a_tool_is_called_with_becomes_a_name():
    body = {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": {"card": 4111111111111111, "n": 5.5}}]}]}
    found = redact(json.dumps(body), "messages", CARD)
    assert json.loads(found.body or "")["messages"][0]["content"][0]["input"] == {"card": "[CARD_1]", "n": 5.5}


def test_a_body_with_a_member_twice_is_written_anew():
    """Some providers would read the first of them."""
    body = '{"messages":[{"role":"user","content":"ada@x.example"}],"messages":[]}'
    assert redact(body, "chat", EMAIL) == Found((), '{"messages":[]}')


@pytest.mark.parametrize("body", ["", "[]", '"x"', "{", "7", "NaN", '{"messages":' + "[" * 5_000 + "]" * 5_000 + "}"])
def test_what_is_no_json_object_is_refused(body):
    with pytest.raises(NotJsonError):
        redact(body, "chat", ALL)


SCRAPS = st.lists(
    st.one_of(st.sampled_from(KINDS), st.text(max_size=12), st.text(alphabet="0123456789 -.@+:[]_", max_size=12)), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(st.lists(SCRAPS.map("".join), max_size=4))
def test_pl_29_what_was_redacted_holds_nothing_any_more(said):
    body = chat(*said, [{"type": "text", "text": text} for text in said])
    found = redact(body, "chat", ALL)
    assert redact(found.body or body, "chat", ALL) == Found((), None)
    for text in texts(json.loads(found.body or body), "chat"):
        assert not any(list(pattern.find(str(text.value))) for pattern in ALL)


PLAIN = st.text(alphabet=st.characters(categories=["L", "Zs", "Po"], exclude_characters=':@+-./"\\'), max_size=60)


@settings(max_examples=40, deadline=None)
@given(st.lists(PLAIN, max_size=4), st.sampled_from([None, 1, 2]), st.booleans())
def test_pl_29_a_body_without_a_match_does_not_change(said, indent, ascii_only):
    body = json.dumps({"messages": [{"role": "user", "content": text} for text in said]}, indent=indent, ensure_ascii=ascii_only)
    assert redact(body, "chat", ALL) == Found((), None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(st.sampled_from(["content", "text", "input", "type", "args", "data", "role"]), each, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(JSON, st.sampled_from(["chat", "messages", "responses", "generate"]))
def test_any_json_is_looked_at_without_an_error(value, dialect):
    body = {"messages": value, "input": value, "contents": value, "system": "ada@x.example", "instructions": "ada@x.example"}
    body |= {"systemInstruction": {"parts": ["ada@x.example"]}, "tools": ["description", {"description": "ada@x.example"}]}
    found = redact(json.dumps(body), dialect, ALL)
    assert found.body is not None
    assert "[EMAIL_1]" in found.body
