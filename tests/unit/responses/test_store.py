"""The places where responses are kept: what holds for one holds for all."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.postgres import Postgres

from ostiary_gateway.responses.memory import Memory
from ostiary_gateway.responses.opening import open_store
from ostiary_gateway.responses.store import Kept, ResponseStoreError, Store, StoreError, TooLargeError

NOW = 1_800_000_000
DAY = 86_400
PLENTY = 1 << 30

Opened = Callable[[], Store]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres().start()
    yield server
    server.stop()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Opens the same place again and again; in memory there is but one."""
    place = request.param
    setting = {"memory": "memory", "sqlite": str(tmp_path / "new" / "kept.sqlite"), "postgresql": ""}[place]
    if place == "postgresql":
        setting = request.getfixturevalue("postgres").url()
    made: list[Store] = []

    def again() -> Store:
        if place == "memory" and made:
            return made[0]
        store = open_store(setting)
        assert store is not None
        made.append(store)
        return store

    yield again
    for store in made:
        store.close()


@pytest.fixture
def store(opened: Opened) -> Store:
    return opened()


def turn(name: str, previous: str = "", **more: object) -> Kept:
    fields: dict[str, object] = {"owner": "k", "expires": NOW + 30 * DAY, "size": 10, "maker": "a"}
    fields |= {"input": b"[]", "response": b"{}", **more}
    return Kept(id=name, previous=previous, **fields)  # type: ignore[arg-type]


def ids(store: Store, name: str, owner: str = "k", now: int = NOW) -> list[str]:
    return [kept.id for kept in store.chain(owner, name, now, PLENTY)]


def test_pl_32_what_is_kept_comes_back_byte_for_byte(store: Store) -> None:
    kept = turn("r1", input='[{"a":"é\\u0000"}]'.encode(), response=b'{"id":"r1",  "x":1}')
    store.keep(kept)
    assert store.get("k", "r1", NOW) == kept
    assert list(store.chain("k", "r1", NOW, PLENTY)) == [kept]


def test_pl_32_a_chain_is_told_from_its_beginning(store: Store) -> None:
    for name, previous in (("r1", ""), ("r2", "r1"), ("r3", "r2"), ("side", "r1")):
        store.keep(turn(name, previous))
    assert ids(store, "r3") == ["r1", "r2", "r3"]
    assert ids(store, "side") == ["r1", "side"]
    assert ids(store, "r1") == ["r1"]


def test_pl_32_nobody_but_the_owner_finds_a_response(store: Store) -> None:
    store.keep(turn("r1"))
    store.keep(turn("r1", owner="other", response=b'{"other":1}'))
    assert ids(store, "r1", owner="third") == []
    assert store.get("third", "r1", NOW) is None
    assert not store.delete("third", "r1", NOW)
    assert store.get("k", "r1", NOW) == turn("r1")
    store.keep(turn("r2", "r1", owner="third"))
    assert ids(store, "r2", owner="third") == []


def test_pl_32_an_unknown_response_is_none(store: Store) -> None:
    assert ids(store, "r1") == []
    assert store.get("k", "r1", NOW) is None
    assert not store.delete("k", "r1", NOW)


def test_pl_32_what_has_expired_is_not_there_and_is_swept_away(store: Store) -> None:
    store.keep(turn("r1", expires=NOW + 1))
    store.keep(turn("r2", expires=NOW + 2))
    assert ids(store, "r1", now=NOW) == ["r1"]
    assert ids(store, "r1", now=NOW + 1) == []
    store.sweep(NOW + 1)
    assert ids(store, "r1", now=NOW) == []
    assert ids(store, "r2", now=NOW + 1) == ["r2"]


def test_pl_32_a_conversation_that_goes_on_keeps_its_beginning(store: Store) -> None:
    store.keep(turn("r1", expires=NOW + 5 * DAY))
    store.keep(turn("r2", "r1", expires=NOW + 10 * DAY))
    store.keep(turn("r3", "r2", expires=NOW + 20 * DAY))
    store.keep(turn("alone", expires=NOW + 5 * DAY))
    store.sweep(NOW + 15 * DAY)
    assert ids(store, "r3", now=NOW + 15 * DAY) == ["r1", "r2", "r3"]
    assert ids(store, "alone", now=NOW) == []


def test_pl_32_a_deleted_response_cannot_be_gone_on_from_and_neither_what_follows_it(store: Store) -> None:
    store.keep(turn("r1"))
    store.keep(turn("r2", "r1"))
    assert store.delete("k", "r1", NOW)
    assert not store.delete("k", "r1", NOW)
    assert ids(store, "r1") == []
    assert ids(store, "r2") == []
    assert store.get("k", "r2", NOW) is not None


def test_pl_32_a_response_of_the_same_id_takes_the_place_of_the_first(store: Store) -> None:
    store.keep(turn("r0"))
    store.keep(turn("r1", "r0", response=b'{"a":1}'))
    store.keep(turn("r1", "", response=b'{"a":2}'))
    assert [kept.response for kept in store.chain("k", "r1", NOW, PLENTY)] == [b'{"a":2}']


def test_pl_32_a_ring_is_no_conversation(store: Store) -> None:
    store.keep(turn("r1", "r2"))
    store.keep(turn("r2", "r1"))
    assert ids(store, "r2") == []


def test_pl_32_a_conversation_that_is_too_large_is_not_read(store: Store) -> None:
    store.keep(turn("r1", size=100))
    assert len(store.chain("k", "r1", NOW, 100)) == 1
    with pytest.raises(TooLargeError):
        store.chain("k", "r1", NOW, 99)


def test_pl_32_items_are_found_by_their_owner_as_long_as_their_response_is(store: Store) -> None:
    store.keep(turn("r1", expires=NOW + 5), ["msg_1", "fc_1"])
    store.keep(turn("r2"), ["msg_2"])
    asked = ["msg_1", "fc_1", "msg_2", "msg_3"]
    found = store.holders("k", asked, NOW)
    assert {item: kept.id for item, kept in found.items()} == {"msg_1": "r1", "fc_1": "r1", "msg_2": "r2"}
    assert not store.holders("other", asked, NOW)
    assert list(store.holders("k", asked, NOW + 5)) == ["msg_2"]
    store.sweep(NOW + 5)
    store.delete("k", "r2", NOW)
    assert not store.holders("k", asked, NOW)
    store.keep(turn("r1"), ["msg_1"])
    store.keep(turn("r3"), ["msg_1"])
    store.delete("k", "r1", NOW)
    assert store.holders("k", ["msg_1"], NOW)["msg_1"].id == "r3"


def test_pl_32_another_who_opens_the_same_place_finds_what_was_kept(opened: Opened) -> None:
    opened().keep(turn("r1"))
    assert ids(opened(), "r1") == ["r1"]


def test_pl_32_memory_forgets_what_was_used_longest_ago() -> None:
    store = Memory(most_bytes=3 * 1024)
    large = b"x" * 400
    for name in ("r1", "r2", "r3"):
        store.keep(turn(name, response=large))
    store.keep(turn("r4", "r1", response=large))
    assert [name for name in ("r1", "r2", "r3", "r4") if store.get("k", name, NOW)] == ["r1", "r3", "r4"]
    store.keep(turn("r5", response=b"x" * 4096))
    assert not store.get("k", "r5", NOW)


def test_pl_32_connections_that_were_broken_are_made_again(postgres: Postgres) -> None:
    store = open_store(postgres.url())
    assert store is not None
    store.keep(turn("r1"))
    postgres.break_connections()
    assert ids(store, "r1") == ["r1"]
    store.close()


def test_pl_32_a_database_that_is_away_is_an_error_without_the_password() -> None:
    store = open_store("postgresql://me:secretword@127.0.0.1:1/none")
    assert store is not None
    with pytest.raises(StoreError) as caught:
        store.get("k", "r1", NOW)
    assert "secretword" not in str(caught.value)


def test_pl_32_a_file_that_is_no_database_is_an_error_until_it_is_one(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    path.write_bytes(b"no database at all" * 100)
    store = open_store(str(path))
    assert store is not None
    with pytest.raises(StoreError, match="not a database"):
        store.keep(turn("r1"))
    path.unlink()
    store.keep(turn("r1"))
    assert ids(store, "r1") == ["r1"]
    store.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


@pytest.mark.parametrize("setting", ["mysql://a/b", "postgresql://a:port/b?nothing=1", "redis://x"])
def test_pl_32_a_setting_that_names_no_store_is_refused_without_being_told(setting: str) -> None:
    with pytest.raises(ResponseStoreError) as caught:
        open_store(setting)
    assert setting not in str(caught.value)


def test_pl_32_without_a_setting_nothing_is_kept() -> None:
    assert open_store("") is None
