"""What is taken of a request body: bounded, whatever the dialect, and never an error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary_gateway.routing.prompt import LONGEST_TEXT, LONGEST_TURN, TURNS, Prompt, read


def of(**body: object) -> Prompt:
    return read(json.dumps(body).encode())


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]},
        {"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "yes?"}]},
        {"input": "hello"},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]},
        {"prompt": "hello"},
        {"prompt": ["hello"]},
    ],
)
def test_pl_26_what_the_user_said_last_is_found_in_every_dialect(body: dict[str, object]) -> None:
    assert of(**body).text == "hello"


def test_pl_26_long_texts_keep_both_ends() -> None:
    prompt = of(input="a" * 50_000 + "the end")
    assert len(prompt.text) == LONGEST_TEXT + 1
    assert prompt.text.startswith("aaa")
    assert prompt.text.endswith("the end")
    assert prompt.chars == 50_007


def test_pl_26_only_the_newest_turns_are_kept_and_each_is_bounded() -> None:
    prompt = of(messages=[{"role": "user", "content": f"{n} " + "x" * 5000} for n in range(100)])
    assert prompt.messages == 100
    assert [turn.text.split()[0] for turn in prompt.turns] == [str(n) for n in range(100 - TURNS, 100)]
    assert all(len(turn.text) <= LONGEST_TURN + 1 for turn in prompt.turns)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "tool", "content": "1"},
        {"type": "function_call_output", "output": "1"},
        {"role": "user", "content": [{"type": "tool_result", "content": "1"}]},
    ],
)
def test_gz_20_an_answer_to_a_tool_is_recognised(message: dict[str, object]) -> None:
    assert of(messages=[{"role": "user", "content": "go"}, message]).tool_results


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"messages": 7}', b'{"messages": [null, 7]}', b'{"input": {}}', b"\xff"]
)
def test_pl_26_a_body_without_a_prompt_is_an_empty_prompt(body: bytes) -> None:
    assert read(body).text == ""


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda part: (
            st.lists(part)
            | st.dictionaries(st.sampled_from(["messages", "input", "prompt", "tools", "role", "content", "type", "text"]), part)
        ),
    )
)
def test_pl_26_no_json_is_an_error(body: object) -> None:
    assert isinstance(read(json.dumps(body).encode()), Prompt)
