"""Who may write: one of many, and nobody who cannot prove it in time."""

from tests.support.kube import running_kube
from tests.support.operator import client_of

from ostiary_operator.cluster.lease import Lease, Terms

TERMS = Terms(duration=15, renew=10, retry=2)


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_the_first_leads_until_it_has_been_silent_for_its_whole_term() -> None:
    clock = Seconds()
    async with running_kube() as kube, client_of(kube) as client:
        first, second = (Lease(client, "ns", "lease", name, clock=clock, terms=TERMS) for name in ("first", "second"))
        await first.attempt()
        await second.attempt()
        assert (first.leading, second.leading) == (True, False)
        clock.now = 10
        assert not first.leading, "it stops writing before anybody else may begin"
        await second.attempt()
        clock.now = 15
        await second.attempt()
        assert not second.leading
        clock.now = 15.1
        await second.attempt()
        assert second.leading
        await first.attempt()
        assert not first.leading
        assert kube.objects["leases", "ns", "lease"]["spec"]["leaseTransitions"] == 1


async def test_a_lease_that_is_given_back_is_taken_at_once() -> None:
    clock = Seconds()
    told: list[bool] = []
    async with running_kube() as kube, client_of(kube) as client:
        first = Lease(client, "ns", "lease", "first", clock=clock, changed=told.append, terms=TERMS)
        second = Lease(client, "ns", "lease", "second", clock=clock, terms=TERMS)
        await first.attempt()
        await first.release()
        await second.attempt()
        assert (first.leading, second.leading) == (False, True)
        assert told == [True, False]


async def test_of_two_that_try_at_once_one_wins() -> None:
    clock = Seconds()
    async with running_kube() as kube, client_of(kube) as client:
        first, second = (Lease(client, "ns", "lease", name, clock=clock, terms=TERMS) for name in ("first", "second"))
        conflicts = iter([409])
        kube.refuse = lambda method, _path: next(conflicts, 0) if method == "POST" else 0
        await first.attempt()
        await second.attempt()
        assert (first.leading, second.leading) == (False, True)
