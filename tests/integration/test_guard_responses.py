"""PL-32 in the guard alone: what came before is put into a request, and an answer is kept before anyone has its end."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.support.guard import Asked, Call, Guard, ScriptedProvider
from tests.support.wait import until

PATH = "/v1/responses"
MINE, OTHER = {"owner": "key-1"}, {"owner": "key-2"}
MOST_BYTES = 20_000
CLOSE = b"Connection: close"  # each call is on a connection of its own


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "kept.sqlite"


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Iterator[Guard]:
    made = Guard(tmp_path_factory.mktemp("guard"), response_store=file, max_body_bytes=MOST_BYTES, upstream_read_seconds=5)
    yield made
    made.stop()


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    made = ScriptedProvider()
    yield made
    made.close()


def body(text: str, previous: str | None = None, **more: object) -> bytes:
    return json.dumps({"model": "m", "input": text, "previous_response_id": previous, **more}).encode()


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": text}]}


def response(name: str, text: str, status: str = "completed") -> dict[str, Any]:
    return {"id": name, "object": "response", "status": status, "output": [{"id": f"msg_{name}", **assistant(text)}]}


def order(provider: ScriptedProvider, state: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {"target": provider.url, "state": state or MINE, **more}


def turn(guard: Guard, provider: ScriptedProvider, sent: bytes, answer: dict[str, Any]) -> Call:
    """A turn that goes well."""
    with guard.ask(order(provider), PATH, sent) as asked:
        call = provider.take()
        call.reply(json.dumps(answer).encode(), "200 OK", CLOSE)
        shown = asked.answer()
        assert (shown.status, json.loads(shown.read())) == (200, answer)
    return call


def refused(asked: Asked) -> tuple[int, dict[str, Any]]:
    answer = asked.answer()
    assert answer.headers["x-ostiary-guard"] == "refused"
    error: dict[str, Any] = json.loads(answer.read())["error"]
    return answer.status, error


def event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def stream(name: str, text: str, last: str = "completed") -> Sequence[bytes]:
    created = event("response.created", response={"id": name, "status": "in_progress", "output": []})
    delta = event("response.output_text.delta", delta="response.completed")
    return created, delta, event(f"response.{last}", response=response(name, text, last))


def test_pl_32_three_turns_reach_the_provider_as_one_conversation(guard: Guard, provider: ScriptedProvider) -> None:
    first = turn(guard, provider, body("one"), response("three-1", "1"))
    second = turn(guard, provider, body("two", "three-1", temperature=1), response("three-2", "2"))
    third = turn(guard, provider, body("three", "three-2"), response("three-3", "3"))
    assert first.body == body("one")
    said = [user("one"), assistant("1"), user("two")]
    assert json.loads(second.body) == {"model": "m", "temperature": 1, "input": said}
    assert json.loads(third.body)["input"] == [*said, assistant("2"), user("three")]


def test_pl_32_an_unknown_response_and_that_of_another_key_are_409(guard: Guard, provider: ScriptedProvider) -> None:
    turn(guard, provider, body("mine"), response("own-1", "1"))
    for name, state in (("resp_none", MINE), ("own-1", OTHER), ("no id\u0000", MINE)):
        with guard.ask(order(provider, state), PATH, body("x", name)) as asked:
            status, error = refused(asked)
        assert (status, error["type"], error["param"]) == (409, "invalid_request_error", "previous_response_id")
        assert error["code"] == "ConversationStateNotFound"


def test_pl_32_store_false_keeps_nothing(guard: Guard, provider: ScriptedProvider) -> None:
    turn(guard, provider, body("x", store=False), response("unkept", "1"))
    assert guard.question({"state": MINE}, f"{PATH}/unkept")[0] == 404


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_pl_32_a_stream_cut_anywhere_is_kept_and_passed_on_whole(guard: Guard, provider: ScriptedProvider, size: int) -> None:
    text = b"".join(stream(f"cut-{size}", "é")).replace(b"\n", b"\r\n")
    with guard.ask(order(provider), PATH, body("go", stream=True)) as asked:
        call = provider.take()
        call.begin_stream(CLOSE + b"\r\n")
        for start in range(0, len(text), size):
            call.send(text[start : start + size])
        call.end_stream()
        assert asked.answer().read() == text
    second = turn(guard, provider, body("on", f"cut-{size}"), response(f"cut-{size}-2", "2"))
    assert json.loads(second.body)["input"] == [user("go"), assistant("é"), user("on")]


def test_pl_32_events_pass_but_the_last_one_waits_until_it_is_kept(guard: Guard, provider: ScriptedProvider, file: Path) -> None:
    created, delta, last = stream("waits", "1")
    turn(guard, provider, body("x"), response("opened", "1"))  # the table is there
    with closing(sqlite3.connect(file, isolation_level=None)) as db, guard.ask(order(provider), PATH, body("go")) as asked:
        call = provider.take()
        call.begin_stream(CLOSE + b"\r\n")
        call.send(created + delta)
        answer = asked.answer()
        assert answer.read(len(created + delta)) == created + delta
        db.execute("BEGIN IMMEDIATE")
        call.send(last)
        call.end_stream()
        asked._connection.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            answer.read(1)
        assert db.execute("SELECT count(*) FROM ostiary_response_v1 WHERE id = 'waits'").fetchone() == (0,)
        db.execute("ROLLBACK")
        asked._connection.sock.settimeout(10)
        until(lambda: guard.question({"state": MINE}, f"{PATH}/waits")[0] == 200, "the response is kept")


def test_pl_32_an_incomplete_answer_can_be_gone_on_from_and_a_failed_one_not(guard: Guard, provider: ScriptedProvider) -> None:
    for last, status in (("incomplete", 200), ("failed", 404)):
        with guard.ask(order(provider), PATH, body("go")) as asked:
            call = provider.take()
            call.begin_stream(CLOSE + b"\r\n")
            call.send(b"".join(stream(f"end-{last}", "1", last)))
            call.end_stream()
            asked.answer().read()
        assert guard.question({"state": MINE}, f"{PATH}/end-{last}")[0] == status


@pytest.mark.parametrize("status", ["400 Bad Request", "500 Oops"])
def test_pl_32_an_error_is_passed_on_and_not_kept(guard: Guard, provider: ScriptedProvider, status: str) -> None:
    text = json.dumps(response("error", "1")).encode()
    with guard.ask(order(provider), PATH, body("go")) as asked:
        provider.take().reply(text, status)
        answer = asked.answer()
        assert (answer.status, answer.read()) == (int(status[:3]), text)
    assert guard.question({"state": MINE}, f"{PATH}/error")[0] == 404


def test_pl_32_a_client_that_leaves_in_the_middle_leaves_nothing(guard: Guard, provider: ScriptedProvider) -> None:
    created = stream("left", "1")[0]
    with guard.ask(order(provider), PATH, body("go")) as asked:
        call = provider.take()
        call.begin_stream(CLOSE + b"\r\n")
        call.send(created)
        asked.answer().read(len(created))
    call.wait_for_end()
    assert guard.question({"state": MINE}, f"{PATH}/left")[0] == 404


@pytest.mark.parametrize("is_stream", [True, False])
def test_pl_32_what_is_drained_is_kept(guard: Guard, provider: ScriptedProvider, is_stream: bool) -> None:
    name = f"drained-{is_stream}"
    created, delta, last = stream(name, "1")
    with guard.ask(order(provider, id=name, drain_ms=5000), PATH, body("go")) as asked:
        call = provider.take()
        if is_stream:
            call.begin_stream(CLOSE + b"\r\n")
            call.send(created + delta + last[:20])
            asked.answer().read(len(created + delta))
    if is_stream:
        call.send(last[20:])
        call.end_stream()
    else:
        until(lambda: guard.status()["draining"] == 1, "the guard knows that the client left")
        call.reply(json.dumps(response(name, "1")).encode())
    assert guard.drained(name)["last"]
    assert guard.question({"state": MINE}, f"{PATH}/{name}")[0] == 200


def test_pl_32_a_conversation_that_grew_too_large_is_refused(guard: Guard, provider: ScriptedProvider) -> None:
    turn(guard, provider, body("x" * 8000), response("grow-1", "y" * 2000))
    turn(guard, provider, body("x" * 8000, "grow-1"), response("grow-2", "1"))
    turn(guard, provider, body("x", "grow-2"), response("grow-3", "z" * 1500))
    for name, text in (("grow-3", "x"), ("grow-1", "x" * 10_000)):
        with guard.ask(order(provider), PATH, body(text, name)) as asked:
            status, error = refused(asked)
        assert (status, error["param"]) == (413, "previous_response_id")


def test_pl_32_an_answer_that_is_too_large_to_keep_is_passed_on(guard: Guard, provider: ScriptedProvider) -> None:
    turn(guard, provider, body("x"), response("large", "y" * MOST_BYTES))
    assert guard.question({"state": MINE}, f"{PATH}/large")[0] == 404


def test_pl_32_items_that_are_named_are_told_to_a_provider_that_did_not_make_them(
    guard: Guard, provider: ScriptedProvider
) -> None:
    turn(guard, provider, body("one"), response("named-1", "1"))
    named = {"type": "item_reference", "id": "msg_named-1"}
    sent = json.dumps({"model": "m", "input": [user("one"), named, user("two")]}).encode()
    assert turn(guard, provider, sent, response("named-2", "2")).body == sent
    other = {**order(provider), "host": "other.example"}
    with guard.ask(other, PATH, sent) as asked:
        call = provider.take()
        call.reply(b"{}", "200 OK", CLOSE)
        asked.answer().read()
    assert json.loads(call.body)["input"] == [user("one"), assistant("1"), user("two")]


def test_pl_32_a_body_that_is_no_object_is_for_the_provider_to_refuse(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider), PATH, b"[1") as asked:
        call = provider.take()
        call.reply(b"{}", "400 Bad Request")
        assert asked.answer().status == 400
    assert call.body == b"[1"


def test_pl_32_a_wrong_field_is_named(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider), PATH, body("x", 7)) as asked:  # type: ignore[arg-type]
        assert refused(asked)[0] == 400
    with guard.ask(order(provider), PATH, body("x", "a", conversation="c")) as asked:
        assert refused(asked)[1]["param"] == "previous_response_id"


def test_pl_32_kept_responses_can_be_shown_and_deleted(guard: Guard, provider: ScriptedProvider) -> None:
    turn(guard, provider, body("one"), response("show-1", "1"))
    turn(guard, provider, body("two", "show-1"), response("show-2", "2"))
    order_ = {"state": MINE}
    assert guard.question(order_, f"{PATH}/show-1") == (200, response("show-1", "1"))
    assert guard.question(order_, f"{PATH}/show-2")[1]["previous_response_id"] == "show-1"
    status, error = guard.question({"state": OTHER}, f"{PATH}/show-1")
    assert (status, error["error"]["type"]) == (404, "invalid_request_error")
    assert guard.question({"state": OTHER}, f"{PATH}/show-1", "DELETE")[0] == 404
    deleted = {"id": "show-1", "object": "response", "deleted": True}
    assert guard.question(order_, f"{PATH}/show-1", "DELETE") == (200, deleted)
    assert guard.question(order_, f"{PATH}/show-1")[0] == 404
    with guard.ask(order(provider), PATH, body("three", "show-2")) as asked:
        assert refused(asked)[0] == 409
    for path, method, expected in (("/show-2", "PUT", 405), ("/a/b", "GET", 404), ("/show-2?stream=true", "GET", 400)):
        assert guard.question(order_, PATH + path, method)[0] == expected


def test_pl_32_input_items_are_listed_by_pages(guard: Guard, provider: ScriptedProvider) -> None:
    given = [{"role": "user", "content": str(number)} for number in range(3)]
    turn(guard, provider, json.dumps({"model": "m", "input": given}).encode(), response("list-1", "1"))
    items = [{"id": f"item_list-1_{number}", **item} for number, item in enumerate(given)]
    ask = f"{PATH}/list-1/input_items"
    _, page = guard.question({"state": MINE}, f"{ask}?order=asc&limit=2")
    assert page == {
        "object": "list", "data": items[:2], "first_id": items[0]["id"], "last_id": items[1]["id"], "has_more": True,
    }  # fmt: skip
    _, rest = guard.question({"state": MINE}, f"{ask}?order=asc&limit=2&after={page['last_id']}")
    assert (rest["data"], rest["has_more"]) == (items[2:], False)
    assert guard.question({"state": MINE}, ask)[1]["data"] == items[::-1]
    for query in ("limit=0", "limit=101", "limit=x", "limit=%C2%B2", "after=none"):
        assert guard.question({"state": MINE}, f"{ask}?{query}")[0] == 400


def test_pl_32_a_file_outlives_the_guard(tmp_path: Path, provider: ScriptedProvider) -> None:
    for number, previous in ((1, None), (2, "life-1")):
        made = Guard(tmp_path, response_store=tmp_path / "kept.sqlite")
        call = turn(made, provider, body(f"turn {number}", previous), response(f"life-{number}", str(number)))
        made.stop()
    assert json.loads(call.body)["input"] == [user("turn 1"), assistant("1"), user("turn 2")]


def test_pl_32_without_a_store_requests_pass_as_they_are(tmp_path: Path, provider: ScriptedProvider) -> None:
    made = Guard(tmp_path)
    sent = body("x", "resp_1")
    assert turn(made, provider, sent, response("r1", "1")).body == sent
    assert made.question({"state": MINE}, f"{PATH}/r1")[0] == 404
    made.stop()


def test_pl_32_a_store_that_is_away_stops_no_new_conversation(tmp_path: Path, provider: ScriptedProvider) -> None:
    made = Guard(tmp_path, response_store="postgresql://me:secretword@127.0.0.1:1/none")
    turn(made, provider, body("x"), response("r1", "1"))
    with made.ask(order(provider), PATH, body("on", "r1")) as asked:
        answer = asked.answer()
        assert (answer.status, answer.headers["retry-after"], answer.headers["x-ostiary-guard"]) == (503, "1", "refused")
        assert json.loads(answer.read())["error"]["type"] == "server_error"
    made.stop()
    assert "response store" in made.program.output
    assert "secretword" not in made.program.output
