"""What replicas tell each other of their backends: only what the others do not know yet.

Blocks: the later end wins. Breakers: the later opening wins, and what ended an opening ends every earlier one too. What was heard
from another replica is never told again.
"""

import msgspec

from ostiary_gateway.server.reported import Block, Change, Opening, Reported

_FORGET_MS = 7_200_000


class News(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`closed`: when the breaker that has recovered had opened. `reset`: targets that a person closed."""

    blocks: dict[str, Block] = {}
    opened: dict[str, Opening] = {}
    closed: dict[str, int] = {}
    reset: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.blocks or self.opened or self.closed or self.reset)


class World:
    """What every replica is thought to know, beside what nginx said here last."""

    def __init__(self) -> None:
        self._blocks: dict[str, int] = {}
        self._opened: dict[str, int] = {}
        self._closed: dict[str, int] = {}
        self._here: dict[str, int] = {}
        self._epoch = ""

    def forget(self) -> None:
        """Begin anew: nobody is known to know anything, but what closed here stays closed."""
        self._blocks.clear()
        self._opened.clear()

    def observe(self, reported: Reported) -> News:
        """What nginx says here, reduced to what is news; from here on it is known."""
        openings = reported.openings()
        if reported.epoch != self._epoch:
            self._epoch, self._here = reported.epoch, {}
        recovered = {t: at for t, at in self._here.items() if t not in openings and at > self._closed.get(t, 0)}
        news = News(
            blocks={scope: block for scope, block in reported.blocks.items() if block[0] > self._blocks.get(scope, 0)},
            opened={t: opening for t, opening in openings.items() if opening.ends > reported.now and self._is_new(t, opening)},
            closed=recovered,
        )
        self._note(news)
        self._here = {target: opening.opened_at for target, opening in openings.items()}
        self._prune(reported.now)
        return news

    def hear(self, news: News, now: int) -> Change:
        """What another replica says, reduced to what nginx here has to be told; say so when it was."""
        opened = {
            target: opening
            for target, opening in news.opened.items()
            if opening.ends > now and opening.opened_at > max(self._closed.get(target, 0), self._here.get(target, 0))
        }
        recovered = dict.fromkeys(t for t, at in news.closed.items() if 0 < self._here.get(t, 0) <= at)
        self._note(news)
        return Change(blocks=news.blocks, breakers={**recovered, **opened}, reset=news.reset)

    def told(self, change: Change) -> None:
        """Nginx here has been told, so from here on its silence means something."""
        for target, opening in change.breakers.items():
            if opening:
                self._here[target] = max(opening.opened_at, self._here.get(target, 0))
        for target in (*change.reset, *(target for target, opening in change.breakers.items() if opening is None)):
            self._here.pop(target, None)

    def outdated(self, news: News) -> dict[str, int]:
        """Openings that are told of although they ended here."""
        return {t: self._closed[t] for t, opening in news.opened.items() if opening.opened_at <= self._closed.get(t, 0)}

    def reset(self, targets: tuple[str, ...]) -> News:
        """A person closes these breakers, wherever they are open."""
        news = News(reset=targets)
        self._note(news)
        return news

    def _is_new(self, target: str, opening: Opening) -> bool:
        return opening.opened_at > max(self._opened.get(target, 0), self._closed.get(target, 0))

    def _note(self, news: News) -> None:
        self._blocks |= {scope: until for scope, (until, _) in news.blocks.items() if until > self._blocks.get(scope, 0)}
        for target, opening in news.opened.items():
            self._opened[target] = max(opening.opened_at, self._opened.get(target, 0))
        for target in news.reset:
            self._close(target, max(self._opened.get(target, 0), self._here.get(target, 0)))
        for target, at in news.closed.items():
            self._close(target, at)

    def _close(self, target: str, at: int) -> None:
        self._closed[target] = max(at, self._closed.get(target, 0))

    def _prune(self, now: int) -> None:
        self._blocks = {scope: until for scope, until in self._blocks.items() if until > now}
        self._opened = {target: at for target, at in self._opened.items() if at > now - _FORGET_MS}
        self._closed = {target: at for target, at in self._closed.items() if at > now - _FORGET_MS}
