"""Models in a cluster: into the bundle, out of it, and what their status says meanwhile."""

from typing import Any

from tests.support.kube import Kube, running_kube
from tests.support.operator import BUNDLE, NAMESPACE, condition, model, pod, provider, running_operator, secret

from ostiary_gateway.contract import document
from ostiary_gateway.contract.model import Model
from ostiary_operator.objects.bundle import read_digest


def models_of(kube: Kube) -> dict[str, Model]:
    head = kube.get("configmaps", NAMESPACE, BUNDLE)
    text = (head or {}).get("data", {}).get("document.json", "")
    return {found.name: found for found in document.decode(text.encode()).models} if text else {}


def status_of(kube: Kube, name: str) -> dict[str, Any]:
    return dict((kube.get("models", "team", name) or {}).get("status") or {})


async def test_a_model_goes_into_the_bundle_and_leaves_it_with_its_last_backend() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await kube.put("secrets", secret("cred", k="sk-provider"))
        for name in ("first", "second"):
            await kube.put("providers", provider(name))
        await kube.put("models", model("gpt-4o", "first", "second", aliases=["Fast"]))
        await kube.until(lambda: status_of(kube, "gpt-4o").get("backends") == "2/2")
        assert [backend.provider for backend in models_of(kube)["gpt-4o"].backends] == ["first", "second"]
        assert models_of(kube)["gpt-4o"].aliases == ("fast",)
        await kube.remove("providers", "team", "first")
        await kube.until(lambda: condition(kube.get("models", "team", "gpt-4o"), "ResolvedRefs") == ("False", "ProviderNotFound"))
        assert status_of(kube, "gpt-4o")["backends"] == "1/2"
        assert [backend.provider for backend in models_of(kube)["gpt-4o"].backends] == ["second"]
        await kube.remove("providers", "team", "second")
        await kube.until(lambda: condition(kube.get("models", "team", "gpt-4o"), "Programmed") == ("False", "NotUsed"))
        assert models_of(kube) == {}
        await operator.settled()


async def test_a_model_is_programmed_when_every_ready_pod_has_its_backends() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await kube.put("secrets", secret("cred", k="sk-provider"))
        await kube.put("providers", provider("first"))
        await kube.put("models", model("gpt-4o", "first", "second"))
        await kube.put("pods", pod("gateway-0", ""))
        await kube.until(lambda: condition(kube.get("models", "team", "gpt-4o"), "Programmed") == ("False", "Pending"))
        await operator.settled()
        await kube.put("pods", pod("gateway-0", digest_of(kube)))
        await kube.until(lambda: condition(kube.get("models", "team", "gpt-4o"), "Ready") == ("True", "Degraded"))
        await kube.put("providers", provider("second"))
        await kube.until(lambda: condition(kube.get("models", "team", "gpt-4o"), "Programmed") == ("False", "Pending"))
        await operator.settled()
        await kube.put("pods", pod("gateway-0", digest_of(kube)))
        await kube.until(lambda: condition(kube.get("models", "team", "gpt-4o"), "Ready") == ("True", "Ready"))


async def test_gz_13_of_two_models_with_one_name_the_newer_says_whose_it_is() -> None:
    async with running_kube() as kube, running_operator(kube):
        await kube.put("secrets", secret("cred", k="sk-provider"))
        await kube.put("providers", provider("first"))
        await kube.put("models", model("old", "first", name="GPT-4o"))
        await kube.put("models", model("new", "first", aliases=["gpt-4O"]))
        await kube.until(lambda: condition(kube.get("models", "team", "new"), "Accepted") == ("False", "Conflicted"))
        assert list(models_of(kube)) == ["GPT-4o"]
        await kube.until(lambda: {event["reason"] for event in kube.all("events")} == {"Conflicted"})
        await kube.remove("models", "team", "old")
        await kube.until(lambda: condition(kube.get("models", "team", "new"), "Accepted")[0] == "True")
        assert list(models_of(kube)) == ["new"]


async def test_a_second_look_at_models_and_a_restart_write_nothing() -> None:
    async with running_kube() as kube:
        await kube.put("secrets", secret("cred", k="sk-provider"))
        await kube.put("providers", provider("first"))
        await kube.put("models", model("gpt-4o", "first", "missing", retryPolicy={}))
        await kube.put("models", model("invalid", "first", retryPolicy={"defaultMaxAttempts": 9}))
        async with running_operator(kube) as operator:
            await operator.rounds(1)
            await operator.settled()
        kube.journal.clear()
        async with running_operator(kube, identity="two") as operator:
            await operator.rounds(1)
            await operator.settled()
        assert kube.writes() == []


def digest_of(kube: Kube) -> str:
    return read_digest(kube.objects["configmaps", NAMESPACE, BUNDLE])
