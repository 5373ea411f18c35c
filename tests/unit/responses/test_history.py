"""What a request means that names a response before it."""

import itertools
import json
from typing import Any

import pytest

from ostiary_gateway.responses import answer, history
from ostiary_gateway.responses.history import RequestError

MESSAGE = {"type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "hi"}]}


def body(**fields: object) -> bytes:
    return json.dumps({"model": "m", **fields}).encode()


def asked(**fields: object) -> history.Asked:
    found = history.read(body(**fields))
    assert found is not None
    return found


def response(*output: object, **fields: object) -> bytes:
    return json.dumps({"id": "r1", "status": "completed", "output": output, **fields}).encode()


def merged(request: history.Asked, *before: tuple[bytes, bytes], is_own: bool = True) -> Any:
    return json.loads(whole(request, *(answer.Turn(*turn, is_own) for turn in before)))


def whole(request: history.Asked, *before: answer.Turn) -> bytes:
    return history.merged(request, history.items_with(request, before))


def test_pl_32_a_text_is_a_message_of_the_user() -> None:
    assert json.loads(asked(input="hé").input) == [{"type": "message", "role": "user", "content": "hé"}]


@pytest.mark.parametrize("fields", [{}, {"input": None}, {"input": []}])
def test_pl_32_a_request_may_add_nothing(fields: dict[str, object]) -> None:
    assert asked(**fields).input == b"[]"


def test_pl_32_history_stands_before_the_input_and_instructions_are_not_inherited() -> None:
    first = asked(input="one", instructions="be short")
    second = merged(
        asked(input=[{"role": "user", "content": "two"}], previous_response_id="r1", temperature=1),
        (first.input, response({**MESSAGE, "id": "msg_1"}, instructions="be short")),
    )
    assert second == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": "one"}, MESSAGE, {"role": "user", "content": "two"}],
        "temperature": 1,
    }


def test_pl_32_bytes_of_items_and_of_other_fields_stay_as_they_were_written() -> None:
    item = b'{ "role":"user", "content" : "\\u00e9", "n":1.0e2,"x":[1,  2] }'
    first = history.read(b'{"input":[' + item + b"]}")
    request = history.read(b'{"tools": [ {"a" : 1.50} ],"input":[ ' + item + b' ],"previous_response_id":"r1","model":"m"}')
    assert first
    assert request
    sent = whole(request, answer.Turn(first.input, response(), is_own=True))
    assert sent == b'{"tools":[ {"a" : 1.50} ],"input":[%b,%b],"model":"m"}' % (item, item)


def test_pl_32_each_turn_begins_with_the_bytes_of_the_one_before() -> None:
    turns: list[answer.Turn] = []
    sent = []
    for number in range(4):
        request = asked(input=f"turn {number}", previous_response_id="r" if number else None)
        sent.append(whole(request, *turns).partition(b'"input":[')[2].rpartition(b"]")[0])
        turns.append(answer.Turn(request.input, response({**MESSAGE, "id": f"msg_{number}"}), is_own=True))
    for before, after in itertools.pairwise(sent):
        assert after.startswith(before + b",")


def test_pl_32_tool_calls_and_their_results_are_history() -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}", "status": "completed"}
    result = {"type": "function_call_output", "call_id": "c1", "output": "42"}
    sent = merged(asked(input=[result], previous_response_id="r1"), (b"[]", response(call)))
    assert sent["input"] == [{name: value for name, value in call.items() if name != "id"}, result]


SEALED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"}
BARE = {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": None}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"}


def test_pl_32_sealed_reasoning_goes_back_to_its_maker_with_all_that_is_linked_to_it() -> None:
    said = {**MESSAGE, "id": "msg_1"}
    sent = merged(asked(previous_response_id="r1"), (b"[]", response(SEALED, CALL, said)))
    assert sent["input"] == [SEALED, CALL, said]


@pytest.mark.parametrize(("thought", "is_own"), [((SEALED,), False), ((BARE,), True), ((), True)])
def test_pl_32_else_it_is_left_out_with_the_ids_that_lead_to_it(thought: tuple[object, ...], is_own: bool) -> None:
    said = response(*thought, CALL, {**MESSAGE, "id": "msg_1"})
    sent = merged(asked(previous_response_id="r1"), (b"[]", said), is_own=is_own)
    assert sent["input"] == [{name: value for name, value in CALL.items() if name != "id"}, MESSAGE]


def test_pl_32_of_an_answer_of_both_kinds_what_is_sealed_goes_on() -> None:
    sent = merged(asked(previous_response_id="r1"), (b"[]", response(BARE, SEALED, CALL)))
    assert sent["input"] == [SEALED, {name: value for name, value in CALL.items() if name != "id"}]


def test_pl_32_items_of_one_id_are_all_told() -> None:
    sent = merged(asked(previous_response_id="r1"), (b"[]", response({**CALL, "call_id": "c1"}, {**CALL, "call_id": "c2"})))
    assert [item["call_id"] for item in sent["input"]] == ["c1", "c2"]


def test_pl_32_items_that_are_named_are_told_where_somebody_holds_them() -> None:
    named = [{"type": "item_reference", "id": name} for name in ("rs_1", "fc_1", "msg_9")]
    result = {"type": "function_call_output", "call_id": "c1", "output": "item_reference"}
    request = asked(input=[*named, result])
    items = history.items_with(request, ())
    assert history.referred(items) == ["rs_1", "fc_1", "msg_9"]
    turn = answer.Turn(b"[]", response(SEALED, CALL), is_own=False)
    told = history.resolved(items, {"rs_1": turn, "fc_1": turn})
    call = {name: value for name, value in CALL.items() if name != "id"}
    assert list(map(json.loads, told)) == [call, named[2], result]


def test_pl_32_nulls_of_an_answer_are_no_fields_of_a_request_and_other_items_keep_their_ids() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    sent = merged(asked(previous_response_id="r1"), (b"[]", response({**search, "action": None})))
    assert sent["input"] == [search]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": 7}, "previous_response_id"),
        ({"previous_response_id": "r1", "conversation": "conv_1"}, "previous_response_id"),
        ({"input": 7}, "input"),
        ({"input": {"role": "user"}}, "input"),
        ({"input": ["hello"]}, "input"),
    ],
)
def test_pl_32_what_cannot_be_put_together_names_its_field(fields: dict[str, object], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        history.read(body(**fields))
    assert caught.value.param == param


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b'"a"', b'{"input":%b}' % DEEP])
def test_pl_32_what_is_no_object_is_for_others_to_refuse(text: bytes) -> None:
    assert history.read(text) is None


@pytest.mark.parametrize(("store", "kept"), [(None, True), (True, True), (False, False)])
def test_pl_32_store_false_keeps_nothing(store: bool | None, kept: bool) -> None:
    assert asked(store=store).kept is kept


def test_pl_32_an_answer_s_items_are_known_by_their_ids() -> None:
    found = answer.shown(response({"id": "msg_1"}, {"type": "x"}, {"id": 7}))
    assert found == ("r1", ("msg_1",))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (response(), True),
        (response(status="incomplete"), True),
        (response(status="failed"), False),
        (response(status="queued"), False),
        (b'{"error":{}}', False),
        (b"no", False),
        (b'{"id":"r1","status":"completed","output":["text"]}', False),
        (b'{"id":"r1","status":"completed","output":%b}' % DEEP, False),
    ],
)
def test_pl_32_only_an_answer_that_is_whole_can_be_gone_on_from(text: bytes, found: bool) -> None:
    assert (answer.shown(text) is not None) is found


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (b'{"type":"response.completed","response":{"id":"r1" }}', b'{"id":"r1" }'),
        (b'{"type":"response.incomplete","response":{}}', b"{}"),
        (b'{"type":"response.failed","response":{}}', None),
        (b'{"type":"response.output_text.delta","delta":"response.completed"}', None),
        (b'{"type":"response.completed"}', None),
        (b"[DONE]", None),
    ],
)
def test_pl_32_the_last_event_of_a_stream_holds_the_response(event: bytes, found: bytes | None) -> None:
    assert answer.final(event) == found


def test_pl_32_items_are_listed_with_ids() -> None:
    listed = answer.with_ids([b'{"role":"user"}', b'{"id":"msg_1"}'], "r1")
    assert listed == [{"id": "r1_0", "role": "user"}, {"id": "msg_1"}]


def test_pl_32_a_kept_response_says_what_was_before_it() -> None:
    assert json.loads(answer.continued(b'{"id":"r2","previous_response_id":null}', "r1"))["previous_response_id"] == "r1"
    assert answer.continued(b'{ "id":"r1"}', "") == b'{ "id":"r1"}'
