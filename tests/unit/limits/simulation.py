"""A small world for one account: nginx with its purse, the ledger with its fold, and the sidecar's treasury between them.

Each step is atomic as it is in nginx; what travels between processes (answers to a lease, a look at the purses, what was taken
back, drained slots) may arrive late, in any order, or never.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from ostiary_gateway.limits import leasing
from ostiary_gateway.limits.accounts import Account, parse_purse_key, purse_key
from ostiary_gateway.limits.leasing import Claim
from ostiary_gateway.limits.periods import QUARTER, span
from ostiary_gateway.limits.terms import NANO, Limit
from ostiary_gateway.limits.treasury import Answer, Loaded, Told, Treasury, keys_of
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


@dataclass(eq=False)
class Message:
    """On its way. It reaches an nginx of this epoch only, or a sidecar that knows of none after it; without one, anybody."""

    deliver: Callable[[], None]
    epoch: str = ""
    is_to_nginx: bool = False


@dataclass
class Nginx:
    epoch: str
    left: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    granted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    back: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    under_way: list[Request] = field(default_factory=list)

    def apply(self, key, amount, extra):
        self.granted[key] += amount + extra
        self.left[key] += extra

    def take_back(self, key, amount):
        taken = min(amount, self.left[key])
        self.left[key] -= taken
        self.back[key] += taken
        return Answer(taken, self.granted[key], self.back[key])

    def purses(self):
        return {key: (self.left[key], granted, self.back[key]) for key, granted in self.granted.items()}


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
        self.mail: list[Message] = []
        self.start_sidecar()

    def deliver(self, which):
        """One of the messages that are on their way."""
        message = self.mail.pop(which % len(self.mail))
        if message.is_to_nginx:
            arrives = message.epoch == self.nginx.epoch
        else:
            arrives = not message.epoch or int(message.epoch[1:]) >= int(self.treasury.epoch[1:])
        if arrives:
            message.deliver()

    def deliver_all(self, *, to_nginx):
        for message in [message for message in self.mail if message.is_to_nginx == to_nginx]:
            self.deliver(self.mail.index(message))

    # the sidecar

    def start_sidecar(self):
        self.commit(len(self.spool), told=False)
        self.treasury = Treasury(self.load)
        self.treasury.begin(self.nginx.epoch, self.nginx.purses())
        self.mail = [message for message in self.mail if message.is_to_nginx]
        self.take_surplus("now")

    def load(self, limit, epoch, span):
        money = sum(cost for quarter, cost in self.spent.items() if span[0] <= quarter * QUARTER < span[1])
        settled = {key: amount for (e, key), amount in self.settled.items() if e == epoch}
        return Loaded(self.sequence, (Decimal(money) / NANO, money, 0) if limit.fold else None, settled, dict(self.truths))

    def account(self) -> Account:
        return self.treasury.get(self.limit, self.now)

    def allowed(self, account):
        return account.limit.most

    def take_surplus(self, answers):
        for amounts in self.treasury.surplus(self.allowed, self.now, is_shared=False):
            for key, amount in amounts.items():
                self.take_back(key, amount, answers)

    def reclaim(self, answers):
        account = self.account()
        idle = account.idle(force=True)
        for slot, key in keys_of(account, idle).items():
            self.take_back(key, idle[slot], answers)

    def take_back(self, key, amount, answers):
        """`answers`: whether the sidecar is told `now`, `later` or `never`."""
        answer, asked, epoch = self.nginx.take_back(key, amount), self.now, self.nginx.epoch
        message = Message(lambda: self.treasury.taken(epoch, key, answer, amount, asked))
        if answers == "now":
            message.deliver()
        elif answers == "later":
            self.mail.append(message)

    def look(self):
        """What nginx answers now; the sidecar gets it later."""
        epoch, purses, asked = self.nginx.epoch, self.nginx.purses(), self.now
        self.mail.append(Message(lambda: self.hear(epoch, purses, asked), epoch))

    def hear(self, epoch, purses, asked):
        list(self.treasury.look(epoch, purses, asked))
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
                back = self.nginx.take_back(key, left).back
                self.mail.append(Message(partial(self.returned, *parse_purse_key(key), back)))

    def returned(self, purse, slot, back):
        """The treasury of then: a message may find another one."""
        self.treasury.returned(purse, slot, back)

    def ask(self, amount, *, fate="arrives", answers="now"):
        """A request that needs so much: from the purse, else by a lease. Returns the Request, or None where it has nothing yet.

        `fate` of the grant: it `arrives` at once, `late`, late for nobody (`abandoned`: all of it lies in the purse), or never.
        """
        key, slot = self.key_now()
        if self.nginx.left[key] >= amount:
            self.nginx.left[key] -= amount
            return self.begin(key, amount, self.now)
        claim = Claim(self.account(), slot, amount)
        if claim.missing(self.limit.most) > 0:
            self.reclaim(answers)
        if claim.missing(self.limit.most) > 0:
            return None
        (grant,) = leasing.grant([claim], self.allowed, self.now)
        if fate == "arrives":
            return self.land(key, grant.amount, grant.extra, self.now)
        if fate == "late":
            self.mail.append(self.to_nginx(partial(self.land, key, grant.amount, grant.extra, self.now)))
        elif fate == "abandoned":
            self.mail.append(self.to_nginx(partial(self.land, key, 0, grant.amount + grant.extra, self.now)))
        return None

    def to_nginx(self, deliver):
        return Message(deliver, self.nginx.epoch, is_to_nginx=True)

    def land(self, key, amount, extra, asked):
        """A grant is there."""
        self.nginx.apply(key, amount, extra)
        return self.begin(key, amount, asked) if amount else None

    def begin(self, key, amount, taken_at):
        request = Request(taken_at, key, amount, self.nginx.epoch)
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
        """All messages arrive, all requests end, the ledger is up to date."""
        self.deliver_all(to_nginx=True)
        for request in list(self.nginx.under_way):
            self.end(request, request.amount // 2 if self.limit.unit in "tmk" else request.amount)
        self.commit(len(self.spool))
        for pause in (0, 6_000):
            self.now += pause
            self.look()
            self.deliver_all(to_nginx=False)
        self.reclaim("now")
