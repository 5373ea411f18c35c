"""Whatever happens to a ledger and its follower, in whatever order: the sums are those of the committed records."""

import random
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.ledger_folder import LedgerFolder, at, line

from ostiary_gateway.contract.record import Usage
from ostiary_gateway.summaries import Query, Summaries
from ostiary_gateway.summaries.compression import Compression
from ostiary_gateway.summaries.follower import Follower

FIRST_DAY = 1_793_491_200.0  # 2026-11-01


class World:
    """One ledger with one follower; `happens` does one thing at random."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 (the same ones each time)
        self.ledger = LedgerFolder(folder, rotate_bytes=6000)
        self.summaries = Summaries(folder)
        self.truth: Counter[str] = Counter()
        self.day = 1
        self._number = 0
        self._follower = self._new_follower()
        self._things = [
            self.commit,
            self.commit,
            self.crash,
            self.follow,
            self.follow,
            self.restart,
            self.night,
            self.compress,
            self.ask,
        ]

    def happens(self) -> None:
        self.dice.choice(self._things)()

    def commit(self) -> None:
        lines = [self._line() for _ in range(self.dice.randrange(4))]
        self.ledger.commit([text for text, _, _ in lines], self._today())
        for _, model, tokens in lines:
            self.truth[model] += tokens

    def crash(self) -> None:
        """Lines that were written, but never committed; the next commit takes their place."""
        if self.truth:
            self.ledger.append([self._line()[0] for _ in range(self.dice.randrange(4))], self._today())

    def follow(self) -> None:
        for _ in range(self.dice.randrange(1, 5)):
            self._follower.step()

    def restart(self) -> None:
        self._follower.close()
        self._follower = self._new_follower()

    def night(self) -> None:
        self.day = min(self.day + 1, 28)

    def compress(self) -> None:
        Compression(self.ledger.path, 1, lambda: FIRST_DAY + (self.day - 1) * 86_400, lambda _: None).step()

    def ask(self) -> None:
        """Every answer is whole, however far the follower is."""
        assert self.told() == +self.truth

    def told(self) -> Counter[str]:
        return Counter(
            {item.name: item.input_tokens for item in self.summaries.query(Query(by=("model",))).items if item.input_tokens}
        )

    def end(self) -> None:
        while self._follower.step():
            pass
        self._follower.close()

    def _line(self) -> tuple[bytes, str, int]:
        self._number += 1
        model, tokens = self.dice.choice(["a", "b"]), self.dice.randrange(1, 1000)
        moment = at((self.day - 1) * 86_400 + self.dice.randrange(86_400))
        return line(self._number, moment, model=model, usage=Usage(input_tokens=tokens)), model, tokens

    def _today(self) -> str:
        return f"2026-11-{self.day:02}"

    def _new_follower(self) -> Follower:
        sizes = (1, 3000, 10**6)
        return Follower(self.ledger.path, self.summaries.open_store, commit_bytes=self.dice.choice(sizes), chunk=2000)


@pytest.mark.parametrize("seed", range(8))
def test_sums_are_those_of_the_committed_records(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path / "ledger", seed)
    for _ in range(70):
        world.happens()
    world.end()
    for path in world.ledger.path.glob("usage-*"):
        path.unlink()  # so that only the sums can answer
    assert world.told() == +world.truth
    with closing(world.summaries.open_store()) as store:
        assert store.database.ask("SELECT count(*) FROM ostiary_position") == [(1,)]
