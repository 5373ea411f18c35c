"""Half a cluster in sight, an API server that goes away, another leader: nothing is taken away that is still there."""

import asyncio

from tests.support.becoming import becomes
from tests.support.kube import Kube, running_kube
from tests.support.operator import BUNDLE, NAMESPACE, QUICK, api_key, condition, provider, running_operator, secret

from ostiary_gateway.contract import allowlist


def ids_of(kube: Kube) -> set[str]:
    texts = [text for item in kube.all("configmaps") for name, text in item["data"].items() if name.startswith("allowlist")]
    return {entry.id for text in texts for entry in allowlist.read(text)}


async def full(kube: Kube) -> None:
    await kube.put("secrets", secret("cred", k="sk-provider"))
    await kube.put("secrets", secret("mine", k="sk-mine"))
    await kube.put("providers", provider())
    await kube.put("apikeys", api_key("plain", sha256="a" * 64))
    await kube.put("apikeys", api_key("referred", secretRef={"name": "mine", "key": "k"}))


async def test_nothing_is_written_from_a_part_of_the_cluster() -> None:
    async with running_kube() as kube:
        await full(kube)
        async with running_operator(kube) as operator:
            await operator.rounds(1)
            await operator.settled()
        assert ids_of(kube) == {"team/plain", "team/referred"}
        for hidden in ("/apikeys", "/providers", "/secrets"):
            kube.journal.clear()
            kube.refuse = lambda method, path, hidden=hidden: 503 if method == "GET" and path.endswith(hidden) else 0
            async with running_operator(kube, identity=hidden) as operator:
                asked = {("GET", f"/apis/ostiary.dev/v1alpha1{hidden}"), ("GET", f"/api/v1{hidden}")}
                await becomes(lambda asked=asked: asked & set(kube.journal))
                operator.service.poke()
                await asyncio.sleep(0.3)  # nothing is to be waited for: nothing must happen
                assert operator.results == []
            assert kube.writes() == []
            kube.refuse = lambda _method, _path: 0


async def test_a_crd_that_is_not_there_yet_is_waited_for() -> None:
    async with running_kube() as kube:
        kube.refuse = lambda _method, path: 404 if "/apis/ostiary.dev/" in path else 0
        async with running_operator(kube) as operator:
            await kube.until(lambda: kube.get("leases", NAMESPACE, f"{BUNDLE}-operator"))
            assert operator.results == []
            kube.refuse = lambda _method, _path: 0
            await operator.rounds(1)
            assert kube.get("configmaps", NAMESPACE, BUNDLE)


async def test_a_secret_that_cannot_be_read_now_does_not_count_as_missing() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await full(kube)
        await kube.until(lambda: ids_of(kube) == {"team/plain", "team/referred"})
        await operator.settled()
        kube.refuse = lambda method, path: 503 if method == "GET" and "/secrets" in path else 0
        await kube.put("secrets", secret("late", k="sk-late"))
        await kube.put("apikeys", api_key("late", secretRef={"name": "late", "key": "k"}))
        await kube.until(lambda: any(path.endswith("/secrets/late-key") for _, path in kube.journal))
        assert condition(kube.get("apikeys", "team", "late"), "ResolvedRefs") == ("", "")
        kube.refuse = lambda _method, _path: 0
        await kube.until(lambda: "team/late" in ids_of(kube))


async def test_the_api_server_goes_away_and_what_was_deleted_meanwhile_is_found() -> None:
    async with running_kube() as kube, running_operator(kube, terms=QUICK) as operator:
        await full(kube)
        await kube.until(lambda: ids_of(kube) == {"team/plain", "team/referred"})
        await operator.settled()
        kube.journal.clear()
        await kube.stop()
        await kube.remove("apikeys", "team", "plain")
        await kube.forget_versions()
        await kube.start()
        await kube.until(lambda: ids_of(kube) == {"team/referred"}, 20)
        await operator.settled()
        writes = {path.rpartition("/")[2] for _, path in kube.writes()}
        assert writes == {BUNDLE, f"{BUNDLE}-allowlist-000"}


async def test_watches_that_are_too_old_start_again_and_write_nothing() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await full(kube)
        await kube.until(lambda: condition(kube.get("apikeys", "team", "referred"), "Accepted")[0] == "True")
        await operator.settled()
        kube.journal.clear()
        await kube.forget_versions()
        await kube.until(lambda: ("GET", "/apis/ostiary.dev/v1alpha1/apikeys") in kube.journal)
        await operator.settled()
        assert kube.writes() == []
        await kube.put("apikeys", api_key("after", sha256="c" * 64))
        await kube.until(lambda: "team/after" in ids_of(kube))


async def test_only_one_of_two_operators_writes_and_the_other_takes_over_without_a_trace() -> None:
    async with running_kube() as kube:
        await full(kube)
        async with running_operator(kube, identity="second", terms=QUICK) as second:
            async with running_operator(kube, identity="first", terms=QUICK) as first:
                await kube.until(lambda: ids_of(kube) == {"team/plain", "team/referred"})
                leader, other = (first, second) if first.service.lease.leading else (second, first)
                await leader.settled()
                assert other.results == []
                assert other.service.pen.written.total() == 0
                kube.journal.clear()
                leader_before = len(second.results)
            if leader is first:
                await second.until(leader_before + 1)
            await second.settled()
            assert kube.writes() == []
            await kube.put("apikeys", api_key("after", sha256="c" * 64))
            await kube.until(lambda: "team/after" in ids_of(kube))


async def test_a_leader_that_cannot_renew_stops_writing() -> None:
    async with running_kube() as kube, running_operator(kube, terms=QUICK) as operator:
        await kube.until(lambda: ids_of(kube) == set() and kube.get("configmaps", NAMESPACE, BUNDLE))
        await operator.settled()
        kube.refuse = lambda _method, path: 503 if "/leases" in path else 0
        await becomes(lambda: not operator.service.lease.leading)
        before = operator.service.pen.written.total()
        count = len(operator.results)
        await kube.put("apikeys", api_key("late", sha256="c" * 64))
        await becomes(lambda: ("team", "late") in operator.service.world.apikeys)
        operator.service.poke()
        await asyncio.sleep(0.3)  # nothing is to be waited for: nothing must happen
        assert (operator.service.pen.written.total(), len(operator.results)) == (before, count)
        kube.refuse = lambda _method, _path: 0
        await kube.until(lambda: "team/late" in ids_of(kube))


async def test_a_conflicting_write_is_tried_again_on_the_newer_object() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await operator.rounds(1)
        await operator.settled()
        conflicts = iter([409])
        kube.refuse = lambda method, path: next(conflicts, 0) if method == "PUT" and path.endswith(f"/{BUNDLE}") else 0
        await kube.put("apikeys", api_key("app", sha256="a" * 64))
        await kube.until(lambda: ids_of(kube) == {"team/app"})
        await operator.settled()
        assert condition(kube.get("apikeys", "team", "app"), "Accepted")[0] == "True"


async def test_statuses_are_written_after_the_api_server_was_busy() -> None:
    async with running_kube() as kube, running_operator(kube):
        busy = iter([429] * 12)
        kube.refuse = lambda method, path: next(busy, 0) if method == "PATCH" and path.endswith("/status") else 0
        for number in range(10):
            await kube.put("apikeys", api_key(f"app-{number}", sha256=allowlist.hash_key(str(number))))
        await kube.until(lambda: all(condition(item, "Accepted")[0] == "True" for item in kube.all("apikeys")), 20)
