"""The script in a real Valkey and the rule in Python answer alike; and what Valkey keeps is what they say."""

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.valkey import Valkey
from valkey import Valkey as Client

from ostiary_gateway.limits import claims
from ostiary_gateway.limits.claims import AS_TOLD, DEAD_MS, GRACE_MS, Ask, Book, Claim, Late, answer
from ostiary_gateway.server import claims_book

NOW = 1_800_000_000_000
BOOK, BEATS, ARRIVED = "book", "beats", "arrived"
NAMES = "abcd"
LASTING = (0, 60_000, 86_400_000)
amounts = st.integers(0, 120) | st.integers(0, 2**50)
ages = st.sampled_from((0, DEAD_MS - 1, DEAD_MS, DEAD_MS + 1, 60_000, 60_001, 86_400_000, 86_400_001)) | st.integers(0, 10**9)
held = st.dictionaries(st.sampled_from(NAMES), st.builds(Claim, amounts, amounts, st.integers(0, 10), amounts))
beaten = st.dictionaries(st.sampled_from(NAMES), ages)
asks = st.builds(
    Ask,
    replica=st.sampled_from(NAMES),
    sequence=st.integers(0, 12),
    limit=amounts,
    mine=amounts,
    used=amounts | st.just(AS_TOLD),
    wanted=amounts,
    lasting_ms=st.sampled_from(LASTING),
    with_more=st.booleans(),
    settled=amounts,
)


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[Client]:
    server = Valkey(tmp_path_factory.mktemp("valkey")).start()
    with Client(port=server.port) as client:
        yield client
    server.kill()


def script(name):
    return Path(claims_book.__file__).with_name(name).read_text()


def say(client, said, expected=1, now=NOW):
    amounts = (said.limit, said.mine, said.used, said.wanted)
    rest = (int(said.with_more), said.lasting_ms, claims.expiry_ms("#slots"), expected, now, said.settled)
    reply = client.eval(script("claims.lua"), 3, BOOK, BEATS, ARRIVED, said.replica, said.sequence, *amounts, *rest)
    return tuple(map(int, reply))


def write(client, book, beats, born):
    client.flushall()
    for name, claim in book.items():
        client.hset(BOOK, name, ":".join(map(str, astuple(claim))))
    for name, at in beats.items():
        client.zadd(BEATS, {name: at})
    client.hset(ARRIVED, mapping={"born": born, "server": "s", "a": 1})


def read(client):
    claims = {name.decode(): map(int, text.split(b":")) for name, text in client.hgetall(BOOK).items()}
    return {name: Claim(*numbers) for name, numbers in claims.items()}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(book=held, beaten=beaten, said=asks, born=st.tuples(st.sampled_from((0, GRACE_MS - 1, GRACE_MS)), st.integers(1, 2)))
def test_the_script_and_the_rule_answer_alike(client, book, beaten, said, born):
    born_ago, expected = born
    beats = {name: NOW - age for name, age in beaten.items()}
    write(client, book, beats, NOW - born_ago)
    is_fresh = claims.is_fresh(NOW - born_ago, NOW, 1, expected)
    known = Book(book, beats, NOW, is_fresh)
    heard = answer(known, said)
    reply = say(client, said, expected)
    if isinstance(heard, Late):
        assert reply == (-1, heard.sequence)
        assert read(client) == book
        return
    assert reply == (heard.allowance, heard.others, heard.alive, int(is_fresh), heard.others_used, heard.others_settled)
    kept = {name: claim for name, claim in book.items() if name != said.replica}
    kept = {name: claim for name, claim in kept.items() if not claims.forgotten(known, name, said.lasting_ms)}
    told = book.get(said.replica, Claim(0, 0, 0))
    used, settled = (said.used, said.settled) if said.used != AS_TOLD else (told.used, told.settled)
    if heard.allowance or used:
        kept[said.replica] = Claim(heard.allowance, used, said.sequence, settled)
    assert read(client) == kept


def test_what_nobody_mentions_is_kept_for_longer_than_it_lasts(client):
    write(client, {}, {}, NOW - GRACE_MS)
    say(client, Ask("a", 1, 100, 0, 0, 10, lasting_ms=0))
    assert 86_000_000 < client.pttl(BOOK) <= claims.expiry_ms("#slots")


def beat(client, replica, server="s", told=1, now=NOW):
    return int(client.eval(script("beats.lua"), 2, BEATS, ARRIVED, replica, server, told, now))


def test_an_empty_valkey_is_new_and_the_first_replica_is_waited_with(client):
    client.flushall()
    assert beat(client, "a", now=NOW) == NOW
    assert say(client, Ask("a", 1, 100, 0, 0, 10, 0), expected=2)[0] == 0
    assert beat(client, "b", now=NOW + 1) == NOW
    assert say(client, Ask("a", 2, 100, 0, 0, 10, 0), expected=2, now=NOW + 1)[0] == 10


def test_who_has_not_told_what_it_holds_has_not_arrived(client):
    client.flushall()
    beat(client, "a")
    beat(client, "b", told=0)
    assert say(client, Ask("a", 1, 100, 0, 0, 10, 0), expected=2)[0] == 0


def test_nobody_is_waited_for_longer_than_the_grace(client):
    client.flushall()
    beat(client, "a")
    assert say(client, Ask("a", 1, 100, 0, 0, 10, 0), expected=2, now=NOW + GRACE_MS - 1)[0] == 0
    assert say(client, Ask("a", 2, 100, 0, 0, 10, 0), expected=2, now=NOW + GRACE_MS)[0] == 10


@pytest.mark.parametrize(("server", "later"), [("another", 1), ("s", claims.SILENCE_MS + 1)])
def test_another_server_or_a_long_silence_begins_anew(client, server, later):
    client.flushall()
    beat(client, "a")
    beat(client, "b")
    assert beat(client, "a", server, now=NOW + later) == NOW + later
    assert say(client, Ask("a", 1, 100, 0, 0, 10, 0), expected=2, now=NOW + later)[0] == 0
