"""The state file keeps all of a batch or nothing."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary_gateway.store import Epoch, Place, Progress, Read, State

FIRST = Progress(Place("usage-2026-11-21.jsonl", 10), {7: Read(5, b"head")}, [("e", [1, 3])], (), {"e": Epoch(4, 1)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    state = State.open(path)
    yield state
    state.close()


def _all(state: State) -> tuple[object, ...]:
    return state.place(), state.spool(), state.seen(), state.epochs()


def test_a_new_state_knows_nothing(state: State) -> None:
    assert _all(state) == (None, {}, {}, {})


def test_what_is_committed_is_there_after_reopening(state: State, path: Path) -> None:
    state.commit(FIRST)
    again = State.open(path)
    try:
        assert _all(again) == (FIRST.place, FIRST.spool, {"e": [1, 3]}, FIRST.epochs)
    finally:
        again.close()


def test_a_later_batch_replaces_and_forgets(state: State) -> None:
    state.commit(FIRST)
    state.commit(Progress(None, {8: Read(1, b"x")}, [("e", [1, 9])], [7], {}))
    assert _all(state) == (FIRST.place, {8: Read(1, b"x")}, {"e": [1, 9]}, FIRST.epochs)


def test_a_batch_that_fails_changes_nothing(state: State) -> None:
    state.commit(FIRST)
    with pytest.raises(sqlite3.Error):
        state.commit(Progress(Place("usage-2026-11-22.jsonl", None), {9: Read(1, b"")}, [("f", [1, 1])]))  # type: ignore[arg-type]
    assert _all(state) == (FIRST.place, FIRST.spool, {"e": [1, 3]}, FIRST.epochs)


def test_another_version_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(sqlite3.DatabaseError, match="version 99"):
        State.open(path)
