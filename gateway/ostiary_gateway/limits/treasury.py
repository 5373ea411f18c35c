"""All accounts that this replica has been asked for, by the name of their purse.

Pure: what nginx and the ledger know of an account comes in through `load` when it is first asked for, and what changes through
`settled` and `look`. What nginx shall give back is told as a value.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from ostiary_gateway.limits.accounts import Account, parse_purse_key, purse_key
from ostiary_gateway.limits.balances import Balance, Spending
from ostiary_gateway.limits.kinds import open_account, restore
from ostiary_gateway.limits.terms import Limit
from ostiary_gateway.limits.windows import Window

_OVER_MS = 200
"""So long after its end nobody takes from a slot any more, also a worker that was held up."""

_PIECE = 500  # purses between which others have their turn
_EPOCHS = 4  # of which it is remembered what was settled before they were heard of
_IDLE_MS = 2_000
_UNUSED_MS = 600_000
_MANY = 50_000  # accounts: callers may name models without end


class Told(NamedTuple):
    """One commit of the ledger, as `ledger.Settlements`. `settled` is by (epoch of nginx, purse key)."""

    sequence: int
    spent: Mapping[tuple[str, int], Spending]
    settled: Mapping[tuple[str, str], int]
    truths: Mapping[str, int]


class Loaded(NamedTuple):
    """What the ledger knows of one account. `spent` is by quarter of an hour, `settled` and `truths` by purse key."""

    sequence: int
    spent: Spending | None
    settled: Mapping[str, int]
    truths: Mapping[str, int]


class Answer(NamedTuple):
    """What nginx says of one purse when something was to be taken back: what came, and granted and taken back ever."""

    taken: int
    granted: int
    back: int


Purses = Mapping[str, tuple[int, int, int]]
"""What nginx has, by purse key: left, granted ever, taken back ever."""

Load = Callable[[Limit, str, tuple[int, int]], Loaded]
Allowed = Callable[[Account], int]


class Treasury:
    """`epoch` is the life of nginx whose purses these are; empty until it was asked once."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._accounts: dict[str, Account] = {}
        self._by_fold: defaultdict[str, set[str]] = defaultdict(set)
        self._by_name: dict[str, set[str]] = defaultdict(set)
        self._asked: dict[str, int] = {}
        self._purses: Purses = {}
        self._unknown: defaultdict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
        self._early: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._dead: set[str] = set()
        self.epoch = ""

    def __len__(self) -> int:
        return len(self._accounts)

    def __iter__(self) -> Iterator[Account]:
        return iter(tuple(self._accounts.values()))

    def get(self, limit: Limit, now_ms: int) -> Account:
        """The account of a limit, with all that is known of it."""
        account = self._accounts.get(limit.purse)
        if account is None:
            account = self._open(limit, now_ms)
        elif account.limit != limit:
            account = self.change(limit, now_ms)
        self._asked[limit.purse] = now_ms
        account.roll(now_ms)
        return account

    def change(self, limit: Limit, now_ms: int) -> Account:
        """Another limit for an account that is there; one on another calendar adds up anew."""
        account = self._accounts[limit.purse]
        old, new = account.limit.budget, limit.budget
        account.limit = limit
        if old and new and (old.period, old.time_zone) != (new.period, new.time_zone):
            return self._reopen(account, now_ms)
        return account

    def named(self, account: str) -> list[Account]:
        """Those that replicas share under one name."""
        return [self._accounts[purse] for purse in self._by_name.get(account, ())]

    def forget(self) -> None:
        """Load everything anew when it is asked for."""
        self._accounts.clear()
        self._by_fold.clear()
        self._by_name.clear()
        self._asked.clear()

    def settled(self, told: Told, now_ms: int) -> set[str]:
        """Take over a commit of the ledger. Returns: the purses of which something came free or was used."""
        touched = set()
        for (fold, quarter), spending in told.spent.items():
            for purse in self._by_fold.get(fold, ()):
                account = self._accounts[purse]
                if isinstance(account, Balance) and account.seen < told.sequence:
                    account.spend(quarter, spending)
                    touched.add(purse)
        for key, units in told.truths.items():
            purse, slot = parse_purse_key(key)
            window = self._accounts.get(purse)
            if isinstance(window, Window) and window.seen < told.sequence:
                window.add_truth(slot, units, now_ms)
                touched.add(purse)
        for (epoch, key), amount in told.settled.items():
            touched.add(self._settle(epoch, key, amount, told.sequence))
        for purse in touched & self._accounts.keys():
            self._accounts[purse].seen = max(self._accounts[purse].seen, told.sequence)
        return touched

    def begin(self, epoch: str, purses: Purses) -> None:
        """What nginx has when this process begins, or at the first time that it can be asked."""
        self.forget()
        self.epoch = epoch
        self._early.clear()
        self._dead.clear()
        self._note(purses)

    def look(self, epoch: str, purses: Purses, asked_ms: int) -> Iterator[None]:
        """What nginx has, asked for at `asked_ms` by this process. Another epoch is another nginx, with new purses.

        To be carried out to its end; it stops now and then, so that others have their turn.
        """
        early = self._succeed(epoch) if epoch != self.epoch else {}
        self._note(purses)
        for number, (key, (left, granted, back)) in enumerate(purses.items()):
            purse, slot = parse_purse_key(key)
            account = self._accounts.get(purse)
            if account is not None:
                account.look(slot, left, granted, back, asked_ms)
            if number % _PIECE == _PIECE - 1:
                yield
        for account in self._accounts.values():
            account.looked(asked_ms)
        for key, amount in early.items():
            purse, slot = parse_purse_key(key)
            if purse in self._accounts:
                self._accounts[purse].settle(slot, amount)

    def surplus(self, allowed: Allowed, now_ms: int, *, is_shared: bool) -> Iterator[dict[str, int]]:
        """What nginx is to give back, by purse key, a part at a time.

        Of slots that are over, of purses that nobody knows, above a limit that was lowered, and where replicas share, what lay
        idle for a while.
        """
        keys = iter(tuple(self._purses))
        while some := tuple(islice(keys, _PIECE)):
            wanted = {key: self._too_much(key, self._purses[key][0], allowed, now_ms, is_shared=is_shared) for key in some}
            yield {key: amount for key, amount in wanted.items() if amount > 0}

    def taken(self, epoch: str, key: str, answer: Answer, asked_for: int, asked_ms: int) -> None:
        """What nginx said when so much was to be taken back. Nothing to go by if it is another one than that of the last look."""
        if epoch != self.epoch:
            return
        purse, slot = parse_purse_key(key)
        account = self._accounts.get(purse)
        if account is None:
            self._unknown[purse][key] = (answer.granted, answer.back)
            return
        account.arrive(slot, answer.granted, answer.back, asked_ms)
        if answer.taken < asked_for:
            account.dried(slot)

    def returned(self, purse: str, slot: int, back: int) -> None:
        """By itself nginx emptied the purse of a slot that is over; so much came back of it ever."""
        account = self._accounts.get(purse)
        if account is not None:
            account.returned(slot, back)

    def bury(self) -> None:
        """The ledger has all requests of the nginx before this one."""
        if self._dead:
            self._dead.clear()
            for account in self._accounts.values():
                account.bury()

    def prune(self, now_ms: int, *, is_shared: bool) -> None:
        """Let go of accounts that nobody asked for lately and of which nginx holds nothing.

        Where replicas share, what is used of an account stays in sight: it is claimed from the others.
        """
        since = now_ms - (_UNUSED_MS if len(self._accounts) < _MANY else _IDLE_MS)
        held = {parse_purse_key(key)[0] for key, (left, *_) in self._purses.items() if left}
        for purse in [purse for purse, at in self._asked.items() if at < since and purse not in held]:
            account = self._accounts[purse]
            account.roll(now_ms)
            if not account.out and not (is_shared and account.claimed):
                self._drop(purse)

    def _open(self, limit: Limit, now_ms: int) -> Account:
        account = open_account(limit, now_ms)
        loaded = self._read(account)
        restore(account, self._unknown.pop(limit.purse, {}), loaded.settled, loaded.truths)
        self._accounts[limit.purse] = account
        self._by_name[limit.account].add(limit.purse)
        if limit.fold:
            self._by_fold[limit.fold].add(limit.purse)
        return account

    def _reopen(self, account: Account, now_ms: int) -> Account:
        fresh = open_account(account.limit, now_ms)
        self._read(fresh)
        account.move_to(fresh)
        self._accounts[account.limit.purse] = fresh
        return fresh

    def _read(self, account: Account) -> Loaded:
        span = account.span if isinstance(account, Balance) else None
        loaded = self._load(account.limit, self.epoch, (span.start, span.end) if span else (0, 0))
        account.seen = loaded.sequence
        if isinstance(account, Balance) and loaded.spent is not None:
            account.begin(loaded.spent)
        return loaded

    def _settle(self, epoch: str, key: str, amount: int, sequence: int) -> str:
        purse, slot = parse_purse_key(key)
        if epoch != self.epoch and epoch not in self._dead:
            self._early[epoch][key] += amount
            if len(self._early) > _EPOCHS:
                del self._early[min(self._early)]
            return purse
        account = self._accounts.get(purse)
        if account is not None and account.seen < sequence and account.limit.unit != "c":
            account.settle(slot, amount, of_the_dead=epoch != self.epoch)
        return purse

    def _note(self, purses: Purses) -> None:
        """Keep what an account will begin with that is not asked for yet."""
        self._purses = purses
        self._unknown.clear()
        for key, (_, granted, back) in purses.items():
            purse = parse_purse_key(key)[0]
            if purse not in self._accounts:
                self._unknown[purse][key] = (granted, back)

    def _succeed(self, epoch: str) -> dict[str, int]:
        """Another nginx. Returns: what the ledger has settled of it before it was known."""
        for account in self._accounts.values():
            account.outlive()
        self._dead.add(self.epoch)
        self.epoch = epoch
        return self._early.pop(epoch, defaultdict(int))

    def _too_much(self, key: str, left: int, allowed: Allowed, now_ms: int, *, is_shared: bool) -> int:
        purse, slot = parse_purse_key(key)
        account = self._accounts.get(purse)
        if account is None:
            return left
        slot_ms = account.limit.slot_ms
        if slot_ms and (slot + 1) * slot_ms + _OVER_MS < now_ms:
            return left
        holding = account.holding(slot)
        if is_shared and holding and holding.left == left and holding.left_since < now_ms - _IDLE_MS:
            return left
        account.roll(now_ms)
        return min(left, max(0, account.claimed - allowed(account)))

    def _drop(self, purse: str) -> None:
        account = self._accounts.pop(purse)
        seen = account.seen_in_nginx()
        self._unknown[purse] = {key: seen[slot] for slot, key in keys_of(account, seen).items()}
        del self._asked[purse]
        self._by_name[account.limit.account].discard(purse)
        if account.limit.fold:
            self._by_fold[account.limit.fold].discard(purse)


def keys_of(account: Account, slots: Iterable[int]) -> dict[int, str]:
    """The purse keys of some slots."""
    return {slot: purse_key(account.limit.purse, slot, account.limit) for slot in slots}
