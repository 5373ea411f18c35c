"""What nginx may write into the header, and what becomes of the headers beside it."""

import pytest

from ostiary_gateway.guard.headers import answer_headers, request_headers
from ostiary_gateway.guard.order import Order, OrderError, State, decode, server_name


def test_an_order_needs_only_a_target() -> None:
    assert decode('{"target":"https://api.example:8443"}') == Order(target="https://api.example:8443")


def test_durations_may_have_fractions_and_fields_of_later_versions_are_left_alone() -> None:
    order = decode('{"target":"http://a","deadline_ms":12.5,"attempt_ms":3,"headers":[["a","b"]],"later":{}}')
    assert (order.deadline_ms, order.attempt_ms, order.headers) == (12.5, 3, (("a", "b"),))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"target":7}',
        '{"target":""}',
        '{"target":"a"}',
        '{"target":"ftp://a"}',
        '{"target":"https://"}',
        '{"target":"http://a:port"}',
        '{"target":"http://[a"}',
        '{"target":"http://a","headers":[["a"]]}',
        '{"target":"http://\udcff"}',
        '{"target":"unix:"}',
        '{"target":"unix:t.sock"}',
        '{"state":{}}',
    ],
)
def test_what_is_no_order_is_refused(header: str) -> None:
    with pytest.raises(OrderError):
        decode(header)


@pytest.mark.parametrize(
    ("order", "name"),
    [
        (Order(target="https://10.0.0.1", host="api.example:8443"), "api.example"),
        (Order(target="https://api.example:8443"), "api.example"),
        (Order(target="https://10.0.0.1", host="a", server_name="b"), "b"),
        (Order(target="https://10.0.0.1", host="[::1]:1"), "::1"),
    ],
)
def test_the_certificate_must_bear_the_name_of_the_host(order: Order, name: str) -> None:
    assert server_name(order) == name


def test_a_question_about_kept_responses_needs_no_target() -> None:
    assert decode('{"state":{"owner":"k"}}').state == State(owner="k")


@pytest.mark.parametrize(
    ("target", "socket", "base"),
    [
        ("http://a/b/", "", "http://a/b"),
        ("unix:/r/t.sock", "/r/t.sock", "http://translator"),
        ("unix:/r/t.sock:/messages", "/r/t.sock", "http://translator/messages"),
    ],
)
def test_where_an_order_sends_a_request(target: str, socket: str, base: str) -> None:
    order = decode(f'{{"target":"{target}","host":"api.example"}}')
    assert (order.socket, order.base, order.provider) == (socket, base, "api.example" if socket else target)
    assert order.maker == ("" if socket else "api.example")


def test_headers_of_a_connection_stay_on_it() -> None:
    raw = [
        (b"Connection", b"x-mine, Keep-Alive"),
        (b"X-Mine", b"1"),
        (b"keep-alive", b"5"),
        (b"TE", b"trailers"),
        (b"Host", b"guard"),
        (b"content-length", b"3"),
        (b"Expect", b"100-continue"),
        (b"X-OSTIARY-GUARD", b"{}"),
        (b"x-Other", b"\xc3\xa9"),
    ]
    assert list(request_headers(raw, Order(target="http://a", host="b")).items()) == [("x-Other", "é"), ("Host", "b")]


def test_repeated_headers_stay_repeated_but_for_those_that_the_order_gives() -> None:
    raw = [(b"A", b"1"), (b"B", b"2"), (b"a", b"3"), (b"b", b"4")]
    headers = request_headers(raw, Order(target="http://a", headers=(("b", "5"), ("B", "6"))))
    assert list(headers.items()) == [("A", "1"), ("a", "3"), ("b", "5"), ("B", "6")]


def test_an_answer_keeps_its_length_and_loses_only_what_concerns_its_connection() -> None:
    raw = [(b"Content-Length", b"3"), (b"Transfer-Encoding", b"chunked"), (b"Trailer", b"x"), (b"x-ostiary-guard", b"timeout")]
    assert list(answer_headers(raw).items()) == [("Content-Length", "3")]
