"""The one invariant, in every order of events: never above a limit, nothing refused that fits, nothing that drifts."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.unit.limits.simulation import World

from ostiary_gateway.contract.limits import Budget, Rate, Terms
from ostiary_gateway.limits.terms import limits_of

START = 1_795_285_799_000  # 2026-11-21T18:29:59Z: in Kolkata a second before midnight
EXAMPLES, STEPS = 40, 30


def limit(**terms):
    (only,) = limits_of("k1", Terms(**terms), {}, "m")
    return only


LIMITS = {
    "requests_per_second": limit(rates=(Rate(unit="requests", window="second", most=5),)),
    "tokens_per_minute": limit(rates=(Rate(unit="tokens", window="minute", most=50),)),
    "concurrency": limit(concurrency=4),
    "budget_of_an_hour": limit(budget=Budget(amount="0.00000005", period="hourly", time_zone="Asia/Kolkata")),
    "budget_of_tokens": limit(budget=Budget(tokens=50, period="daily", time_zone="Asia/Kolkata")),
}
FATES = ["arrives", "arrives", "arrives", "late", "abandoned", "lost"]
ANSWERS = st.sampled_from(["now", "now", "later", "never"])
PAUSES = [0, 1, 20, 50, 51, 400, 1000, 1001, 3000, 6000, 61_000]


class Life(RuleBasedStateMachine):
    limit = LIMITS["requests_per_second"]

    def __init__(self):
        super().__init__()
        self.world = World(self.limit, START)

    def _amount(self, share):
        return 1 if self.limit.unit in "rc" else max(1, share * self.limit.most // 10)

    @rule(share=st.integers(1, 10), fate=st.sampled_from(FATES), answers=ANSWERS)
    def ask(self, share, fate, answers):
        self.world.ask(self._amount(share), fate=fate, answers=answers)

    @rule(which=st.integers(0, 20))
    def deliver(self, which):
        if self.world.mail:
            self.world.deliver(which)

    @rule(which=st.integers(0, 20), share=st.integers(0, 10))
    def end(self, which, share):
        under_way = self.world.nginx.under_way
        if under_way:
            request = under_way[which % len(under_way)]
            truth = request.amount if self.limit.unit in "rc" else request.amount * share // 10
            self.world.end(request, truth)

    @rule(count=st.integers(1, 5))
    def commit(self, count):
        self.world.commit(count)

    @rule(pause=st.sampled_from(PAUSES))
    def wait(self, pause):
        self.world.now += pause
        if pause:
            self.world.deliver_all(to_nginx=True)  # later than that they are given up

    @rule()
    def drain(self):
        self.world.drain()

    @rule()
    def look(self):
        self.world.look()

    @rule(answers=ANSWERS)
    def take_surplus(self, answers):
        self.world.take_surplus(answers)

    @rule()
    def restart_sidecar(self):
        self.world.deliver_all(to_nginx=True)
        self.world.start_sidecar()

    @rule()
    def restart_nginx(self):
        self.world.restart_nginx()

    @rule()
    def restart_all(self):
        self.world.restart_nginx()
        self.world.start_sidecar()

    @invariant()
    def never_above(self):
        assert self.world.used() <= self.limit.most

    def teardown(self):
        world = self.world
        world.settle_everything()
        account = world.account()
        assert account.claimed == account.used
        if self.limit.unit != "c":
            assert account.used == world.used(late_ms=self.limit.slot_ms)
        fits = self.limit.most - account.used
        if fits > 0:
            assert world.ask(fits if self.limit.unit not in "rc" else 1) is not None


@pytest.mark.parametrize("name", LIMITS)
def test_tp_08_tp_09_never_above_nothing_refused_that_fits_no_drift(name):
    case = type(name, (Life,), {"limit": LIMITS[name]})
    profile = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(case, settings=profile)
