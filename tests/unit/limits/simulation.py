"""A small world for one account: nginx with its purse, the ledger with its fold, and the sidecar's treasury between them.

Each step is atomic as it is in nginx; what travels between processes (answers to a lease, a look at the purses, drained
slots) may arrive late or never.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from ostiary_gateway.limits import leasing
from ostiary_gateway.limits.accounts import Account, parse_purse_key, purse_key
from ostiary_gateway.limits.leasing import Claim
from ostiary_gateway.limits.periods import QUARTER, span
from ostiary_gateway.limits.terms import NANO, Limit
from ostiary_gateway.limits.treasury import Loaded, Told, Treasury, keys_of
from ostiary_gateway.limits.windows import Window


@dataclass(eq=False)
class Request:
    taken_at: int
    key: str
    amount: int
    epoch: str
    truth: int | None = None
    ended_at: int = 0


@dataclass
class Line:
    request: Request
    epoch: str


@dataclass
class Nginx:
    epoch: str
    left: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    granted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    under_way: list[Request] = field(default_factory=list)

    def apply(self, key, amount, extra):
        self.granted[key] += amount + extra
        self.left[key] += extra

    def take_back(self, amounts):
        taken = {key: min(amount, self.left[key]) for key, amount in amounts.items()}
        for key, amount in taken.items():
            self.left[key] -= amount
            self.granted[key] -= amount
        return taken

    def purses(self):
        return {key: (self.left[key], granted) for key, granted in self.granted.items()}


class World:
    def __init__(self, limit: Limit, start_ms: int) -> None:
        self.limit = limit
        self.now = start_ms
        self.epochs = 1
        self.nginx = Nginx("e1")
        self.spool: list[Line] = []
        self.requests: list[Request] = []
        self.sequence = 0
        self.spent: dict[int, int] = defaultdict(int)
        self.settled: dict[tuple[str, str], int] = defaultdict(int)
        self.truths: dict[str, int] = defaultdict(int)
        self.late_looks: list[tuple[str, dict, int]] = []
        self.late_returns: list[tuple[str, str, int, int]] = []
        self.late_grants: list[tuple[str, str, int, int]] = []
        self.start_sidecar()

    # the sidecar

    def start_sidecar(self):
        self.commit(len(self.spool), told=False)
        self.treasury = Treasury(self.load)
        self.treasury.begin(self.nginx.epoch, self.nginx.purses())
        self.late_looks.clear()
        self.take_surplus()

    def load(self, limit, epoch, span):
        money = sum(cost for quarter, cost in self.spent.items() if span[0] <= quarter * QUARTER < span[1])
        settled = {key: amount for (e, key), amount in self.settled.items() if e == epoch}
        return Loaded(self.sequence, (Decimal(money) / NANO, money, 0) if limit.fold else None, settled, dict(self.truths))

    def account(self) -> Account:
        return self.treasury.get(self.limit, self.now)

    def allowed(self, account):
        return account.limit.most

    def take_surplus(self):
        for amounts in self.treasury.surplus(self.allowed, self.now, is_shared=False):
            for key, amount in amounts.items():
                self.treasury.taken(key, self.nginx.take_back({key: amount})[key], amount)

    def reclaim(self):
        account = self.account()
        idle = account.idle(force=True)
        for slot, key in keys_of(account, idle).items():
            self.treasury.taken(key, self.nginx.take_back({key: idle[slot]})[key], idle[slot])

    def look(self):
        """What nginx answers now; `hear` is when the sidecar gets it."""
        self.late_looks.append((self.nginx.epoch, self.nginx.purses(), self.now))

    def hear(self):
        for epoch, purses, asked in self.late_looks:
            list(self.treasury.look(epoch, purses, asked))
        self.late_looks.clear()
        self.bury_if_over()

    def bury_if_over(self):
        if self.treasury.epoch == self.nginx.epoch and not any(line.epoch != self.nginx.epoch for line in self.spool):
            self.treasury.bury()

    # nginx

    def key_now(self):
        slot = self.now // self.limit.slot_ms if self.limit.window else 0
        return purse_key(self.limit.purse, slot, self.limit), slot

    def drain(self):
        """Slots of the past are emptied, and the sidecar will be told."""
        key_now, _ = self.key_now()
        for key, left in list(self.nginx.left.items()):
            if key != key_now and left and self.limit.window:
                taken = self.nginx.take_back({key: left})[key]
                purse, slot = parse_purse_key(key)
                self.late_returns.append((self.nginx.epoch, purse, slot, taken))

    def tell_returns(self):
        for epoch, purse, slot, left in self.late_returns:
            if epoch == self.nginx.epoch:
                self.treasury.returned(purse, slot, left)
        self.late_returns.clear()

    def ask(self, amount, *, fate="arrives"):
        """A request that needs so much: from the purse, else by a lease. Returns the Request, or None where it was refused."""
        key, slot = self.key_now()
        if self.nginx.left[key] >= amount:
            self.nginx.left[key] -= amount
            return self.begin(key, amount)
        self.tell_returns()
        claim = Claim(self.account(), slot, amount)
        if claim.missing(self.limit.most) > 0:
            self.reclaim()
        if claim.missing(self.limit.most) > 0:
            return None
        (grant,) = leasing.grant([claim], self.allowed, self.now)
        if fate == "lost":
            return None
        if fate == "late":
            self.late_grants.append((self.nginx.epoch, key, grant.amount + grant.extra, 0))
            return None
        self.nginx.apply(key, grant.amount, grant.extra)
        return self.begin(key, amount)

    def land_grants(self):
        """Grants whose client had gone meanwhile: all of it lies in the purse."""
        for epoch, key, extra, amount in self.late_grants:
            if epoch == self.nginx.epoch:
                self.nginx.apply(key, amount, extra)
        self.late_grants.clear()

    def begin(self, key, amount):
        request = Request(self.now, key, amount, self.nginx.epoch)
        self.nginx.under_way.append(request)
        self.requests.append(request)
        return request

    def end(self, request, truth):
        self.nginx.under_way.remove(request)
        request.truth = truth
        request.ended_at = self.now
        if self.limit.unit == "c":
            self.nginx.left[request.key] += request.amount
        self.spool.append(Line(request, request.epoch))

    def restart_nginx(self):
        for request in list(self.nginx.under_way):
            self.end(request, min(request.amount, 1) if self.limit.unit == "r" else request.amount // 2)
        self.epochs += 1
        self.nginx = Nginx(f"e{self.epochs}")
        self.late_returns.clear()

    # the ledger

    def commit(self, count, *, told=True):
        lines, self.spool = self.spool[:count], self.spool[count:]
        if not lines:
            return
        self.sequence += 1
        spent, settled, truths = defaultdict(int), defaultdict(int), defaultdict(int)
        for line in lines:
            request = line.request
            if self.limit.fold:
                spent[request.ended_at // 1000 // QUARTER] += request.truth
            if self.limit.unit != "c":
                settled[line.epoch, request.key] += request.amount
            if self.limit.window:
                truths[request.key] += request.truth
        for mine, more in ((self.spent, spent), (self.settled, settled), (self.truths, truths)):
            for key, amount in more.items():
                mine[key] += amount
        if told:
            money = {(self.limit.fold, quarter): (Decimal(cost) / NANO, cost, 1) for quarter, cost in spent.items()}
            self.treasury.settled(Told(self.sequence, money, settled, truths), self.now)
            self.bury_if_over()

    # what is true

    def truth(self, request):
        return request.amount if request.truth is None else request.truth

    def used_in_window(self, *, late_ms=0):
        since = self.now - self.limit.window_ms - late_ms
        return sum(self.truth(request) for request in self.requests if request.taken_at > since)

    def used_in_period(self):
        budget = self.limit.budget
        now = span(budget.period, budget.time_zone, self.now / 1000)
        running = sum(request.amount for request in self.nginx.under_way)
        ended = [
            r for r in self.requests if r.truth is not None and now.start <= r.ended_at // 1000 // QUARTER * QUARTER < now.end
        ]
        return running + sum(request.truth for request in ended)

    def at_once(self):
        return sum(request.amount for request in self.nginx.under_way)

    def used(self, *, late_ms=0):
        if isinstance(self.account(), Window):
            return self.used_in_window(late_ms=late_ms)
        return self.at_once() if self.limit.unit == "c" else self.used_in_period()

    def settle_everything(self):
        """All requests end, all messages arrive, the ledger is up to date."""
        for request in list(self.nginx.under_way):
            self.end(request, request.amount // 2 if self.limit.unit in "tmk" else request.amount)
        self.land_grants()
        self.tell_returns()
        self.commit(len(self.spool))
        self.look()
        self.hear()
        self.now += 6_000
        self.look()
        self.hear()
        self.reclaim()
