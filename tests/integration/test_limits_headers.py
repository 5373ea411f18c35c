"""The data plane's own part in limits, against a sidecar that says what the test wrote down."""

import json
import socket
from collections.abc import Iterator
from http.client import IncompleteRead
from itertools import count

import pytest
from tests.support.client import Reply, call, stream
from tests.support.queued_provider import Answer
from tests.support.scripted_sidecar import KEY, Plane, open_plane
from tests.support.wait import until

CHAT = "/v1/chat/completions"
TEXT = "one two three four"
NUMBERS = count()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with open_plane(tmp_path_factory.mktemp("plane"), workers=2) as plane:
        yield plane


@pytest.fixture
def plane(opened: Plane) -> Plane:
    """With nothing in its accounts, and a mock that answers."""
    opened.mock.answers(Answer(text=TEXT))
    opened.sidecar.accounts.clear()
    opened.sidecar.leases.clear()
    opened.sidecar.asks.clear()
    opened.sidecar.extra = 0
    opened.sidecar.away = False
    return opened


def names(letters: str) -> list[str]:
    """Purses of these letters that no other test knows."""
    return [f"{letter}{next(NUMBERS):012x}" for letter in letters]


def ask(plane: Plane, model: str, path: str = CHAT, body: dict[str, object] | None = None, **headers: str) -> Reply:
    given = {"model": model, "messages": [{"role": "user", "content": "hello there"}]} | (body or {})
    return call(plane.base_url, path, given, key=KEY, headers=headers)


def target(plane: Plane, model: str, kind: str = "openai", **more: object) -> dict[str, object]:
    where = {
        "upstream": f"os_http_127.0.0.1_{plane.mock.port}",
        "scheme": "http",
        "host": "up.test",
        "base_path": "",
        "model": model,
    }
    credential = {"credential_header": "authorization", "credentials": ["Bearer provider"]}
    return {"id": f"up/{model}", "provider": "up", "provider_type": kind, **where, **credential, **more}


def test_a_request_says_what_it_holds_and_under_which_name_it_is_charged_once(plane: Plane) -> None:
    rate, slot, money = names("rcm")
    plane.limit(
        "held", (rate, 60_000, "requests"), (slot,), (money,), input_price=1_000_000, output_price=2_000_000, max_output_tokens=10
    )
    plane.sidecar.accounts |= {rate: 10, slot: 1, money: 10**9}
    assert ask(plane, "held", **{"x-request-id": "held-1", "Idempotency-Key": "once"}).status == 200
    line = plane.line("held-1")
    size = plane.sidecar.leases[0]["needs"][2][2]
    assert len(line["s"]) == 17
    assert line["s"][-3] == "once"
    keys = dict(item.split("=") for item in line["s"][-2].split(","))
    assert [key.split(".")[0] for key in keys] == [rate, slot, money]
    assert keys[money] == str(size)
    assert size == (len(plane.mock.calls[-1].body) + 20) * 1000, "bytes in, the maximum out"
    assert ask(plane, "free", **{"x-request-id": "held-2"}).status == 200
    assert plane.line("held-2")["s"][-3:-1] == ["held-2", ""]
    assert ask(plane, "free", **{"x-request-id": "not well-formed"}).status == 200
    plane.idle()
    assert [line["s"].split("\t")[-3] for line in plane.lines()][-1] == ""
    assert plane.purses()[slot] == [1, 1, 0]


def test_no_call_to_the_sidecar_while_a_lease_lasts(plane: Plane) -> None:
    (rate,) = names("r")
    plane.limit("lasting", (rate,))
    plane.sidecar.accounts[rate] = 10
    plane.sidecar.extra = 9
    assert [ask(plane, "lasting").status for _ in range(11)] == [200] * 10 + [429]
    assert len(plane.sidecar.leases) == 2


def test_a_planned_request_takes_once_whatever_its_attempts(plane: Plane) -> None:
    rate, slot = names("rc")
    targets = [target(plane, "a"), target(plane, "b", "openai-compatible", priority=1)]
    plane.sidecar.plans["planned"] = {"model": "planned", "targets": targets}
    plane.limit("planned", (rate, 0, "requests"), (slot,), cap_output=True, max_output_tokens=50)
    plane.sidecar.accounts |= {rate: 10, slot: 1}
    plane.mock.answers(Answer(503), Answer(headers={"x-ratelimit-limit-requests": "777"}))
    reply = ask(plane, "planned", **{"x-request-id": "planned-1"})
    assert (reply.status, reply.headers["x-ratelimit-limit-requests"], reply.headers["x-ostiary-attempts"]) == (200, "100", "2")
    assert plane.line("planned-1")["s"][-2] == f"{rate}=1,{slot}=1"
    first, second = (call.json for call in plane.mock.calls)
    assert (first["max_completion_tokens"], second["max_tokens"]) == (50, 50), "each by the name that it knows"
    plane.mock.answers(Answer(503))
    assert ask(plane, "planned").status == 503
    plane.idle()
    assert plane.purses() | {rate: [0, 2, 0], slot: [1, 1, 0]} == plane.purses()


def test_pass_through_asks_again_with_the_model_that_it_finds(plane: Plane) -> None:
    (tokens,) = names("t")
    plane.limit("up", by_model=True)
    plane.limit("up/m", (tokens,))
    plane.sidecar.accounts[tokens] = 10**6
    paths = {"/up/v1/chat/completions": 19, "/up/v1beta/models/m:generateContent?x=1": 8, "/up/v1/embeddings": 0}
    for path, output in paths.items():
        body = {"max_tokens": 19} if output == 19 else {"generationConfig": {"maxOutputTokens": 8}} if output == 8 else {}
        request_id = f"pass-{output}"
        assert ask(plane, "m", path, body, **{"x-request-id": request_id}).status == 200
        assert plane.line(request_id)["s"][-2] == f"{tokens}={len(plane.mock.calls[-1].body) + output}"
        assert plane.mock.calls[-1].path == path.removeprefix("/up")
    assert {asked.get("model") for asked in plane.sidecar.asks} == {None, "m"}
    assert {lease["model"] for lease in plane.sidecar.leases} == {"m"}
    listed = call(plane.base_url, "/up/v1/models", key=KEY)
    assert listed.status == 200, "what names no model is as the first answer says"


@pytest.mark.parametrize("padding", [0, 9000])
@pytest.mark.parametrize(("content", "parts"), [("hi", 0), ([{"type": "image_url", "image_url": {"url": "http://x"}}] * 2, 2)])
def test_images_count_for_more_than_their_bytes(plane: Plane, content: object, parts: int, padding: int) -> None:
    (tokens,) = names("i")
    name = f"image-{parts}-{padding}"
    plane.limit(name, (tokens,))
    plane.sidecar.accounts[tokens] = 10**6
    body = {"messages": [{"role": "user", "content": "x" * padding}, {"role": "user", "content": content}]}
    assert ask(plane, name, body=body).status == 200
    (lease,) = plane.sidecar.leases
    assert lease["needs"] == [[tokens, 0, len(lease["body"]) + 5000 * parts]]


def test_without_the_sidecar_rates_pass_and_money_waits(plane: Plane) -> None:
    rate, money = names("rm")
    plane.limit("rate-away", (rate,))
    plane.limit("money-away", (rate,), (money,), request_price=5)
    plane.sidecar.away = True
    before = plane.gateway.status()["unleased"]
    assert ask(plane, "rate-away").status == 200
    refused = ask(plane, "money-away")
    assert (refused.status, refused.headers["retry-after"], refused.json["error"]["type"]) == (503, "1", "server_error")
    assert plane.gateway.status()["unleased"] == before + 1
    plane.sidecar.away = False
    plane.sidecar.accounts |= {rate: 1, money: 5}
    assert ask(plane, "money-away").status == 200


def test_what_is_idle_can_be_taken_back(plane: Plane) -> None:
    (money,) = names("m")
    plane.limit("idle", (money,), request_price=5)
    plane.sidecar.accounts[money] = 100
    plane.sidecar.extra = 50
    assert ask(plane, "idle").status == 200
    assert plane.purses()[money] == [50, 55, 0]
    assert plane.take_back(**{money: 30}) == {money: 30}
    assert plane.take_back(**{money: 30}) == {money: 20}
    assert plane.purses()[money] == [0, 55, 50]


def test_who_asks_for_the_purses_and_does_not_wait_is_no_error(plane: Plane) -> None:
    (money,) = names("m")
    plane.limit("hurried", (money,), request_price=5)
    plane.sidecar.accounts[money] = 100
    plane.sidecar.extra = 50
    assert ask(plane, "hurried").status == 200
    body = json.dumps({"take_back": {money: 1}}).encode()
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(plane.gateway.run / "control.sock"))
            caller.sendall(b"POST /purses HTTP/1.1\r\nHost: nginx\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    until(lambda: plane.purses()[money] == [30, 55, 20], "all of them were heard")
    assert "header already sent" not in plane.gateway.output
    assert "exception" not in plane.gateway.output


def test_texts_that_nobody_counted_are_kept_for_the_sidecar(plane: Plane) -> None:
    bare = b'{"choices":[{"message":{"content":"caf\\u00e9 au lait"}}]}'
    plane.mock.answers(Answer(body=bare))
    assert ask(plane, "free", **{"x-request-id": "bare"}).status == 200
    line = plane.line("bare")
    assert '"count":true' in line["u"]
    text = plane.uncounted(line["id"])[line["id"]]
    assert (text["i"], text["o"], text["oc"]) == ("hello there", "café au lait", 12)
    assert plane.uncounted(line["id"]) == {}, "once"
    plane.mock.answers(Answer())
    assert ask(plane, "free", **{"x-request-id": "told"}).status == 200
    assert "count" not in plane.line("told")["u"]


def test_the_text_of_a_stream_whose_client_left_is_kept(plane: Plane) -> None:
    plane.mock.answers(Answer(text=TEXT, stalls=3))
    body = {"model": "free", "stream": True, "messages": [{"role": "user", "content": "hello there"}]}
    with stream(plane.base_url, CHAT, body, key=KEY, headers={"x-request-id": "left"}) as response:
        seen = [response.readline() for _ in range(3)]
    assert any(b"content" in line for line in seen)
    line = plane.line("left")
    text = plane.uncounted(line["id"])[line["id"]]
    assert (text["i"], TEXT.startswith(text["o"]), text["oc"]) == ("hello there", True, len(text["o"]))


def test_a_stream_that_breaks_off_after_its_last_event_is_no_failure(plane: Plane) -> None:
    """Nor is anything said to the client, who has all there is."""
    plane.sidecar.plans["cut"] = {"model": "cut", "targets": [target(plane, "cut"), target(plane, "cut2", priority=1)]}
    events = [b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n', b"data: [DONE]\n\n"]
    whole = b"".join(events)
    plane.mock.answers(Answer(body=whole + b" " * len(whole), breaks=0, headers={"Content-Type": "text/event-stream"}))
    with stream(
        plane.base_url, CHAT, {"model": "cut", "messages": [], "stream": True}, key=KEY, headers={"x-request-id": "cut-1"}
    ) as response:
        assert [response.readline() for _ in range(4)] == [events[0][:-1], b"\n", events[1][:-1], b"\n"]
        with pytest.raises(IncompleteRead) as cut:
            response.read()
        assert cut.value.partial == b""
    assert '"last":false' in plane.line("cut-1")["u"]
    until(lambda: plane.gateway.status()["in_flight"] == 0, "it is over")
