"""What the operator makes of a cluster: bundle, key Secrets, statuses and events, against an API server on a real socket."""

import json

from tests.support.kube import Kube, running_kube
from tests.support.operator import BUNDLE, NAMESPACE, api_key, condition, pod, provider, running_operator, secret

from ostiary_gateway.contract import allowlist
from ostiary_gateway.contract import bundle as contract


def bundle_of(kube: Kube) -> contract.Bundle:
    """The bundle as a gateway would put it together; raises if the objects are not of one bundle."""
    files: dict[str, bytes] = {}
    for item in kube.all("configmaps"):
        files |= {name: text.encode() for name, text in item["data"].items()}
    files["credentials.json"] = kube.secret_value(NAMESPACE, f"{BUNDLE}-credentials", "credentials.json").encode()
    return contract.assemble(files.pop("manifest.json"), files)


def rows_of(kube: Kube) -> dict[str, allowlist.Entry]:
    files = bundle_of(kube).files
    entries = [e for name, text in files.items() if name.startswith("allowlist") for e in allowlist.read(text.decode())]
    return {f"{entry.id}#{entry.version}": entry for entry in entries}


async def test_an_empty_cluster_has_an_empty_bundle() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await operator.rounds(1)
        assert json.loads(bundle_of(kube).files["document.json"])["providers"] == []
        assert rows_of(kube) == {}


async def test_a_generated_key_works_and_its_plaintext_is_nowhere_but_in_its_secret() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await kube.put("secrets", secret("cred", k="sk-provider"))
        await kube.put("providers", provider())
        await kube.put("apikeys", api_key("app"))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "app"), "ResolvedRefs")[0] == "True")
        await operator.settled()
        plaintext = kube.secret_value("team", "app-key", "api-key")
        assert plaintext.startswith("sk-ost-")
        assert rows_of(kube)["team/app#1"].sha256 == allowlist.hash_key(plaintext)
        owner = kube.objects["secrets", "team", "app-key"]["metadata"]["ownerReferences"][0]
        assert owner["uid"] == kube.objects["apikeys", "team", "app"]["metadata"]["uid"]
        others = [item for place, item in kube.objects.items() if place != ("secrets", "team", "app-key")]
        assert plaintext not in json.dumps(others)
        assert "sk-provider" not in json.dumps(
            [*kube.all("configmaps"), *kube.all("apikeys"), *kube.all("providers"), *kube.all("events")]
        )
        assert {event["reason"] for event in kube.all("events")} == {"KeyGenerated"}


async def test_a_second_look_and_a_restart_write_nothing() -> None:
    async with running_kube() as kube:
        await kube.put("secrets", secret("cred", k="sk-provider"))
        await kube.put("providers", provider())
        await kube.put("apikeys", api_key("app"))
        async with running_operator(kube) as operator:
            await operator.rounds(1)
            await operator.settled()
        kube.journal.clear()
        async with running_operator(kube, identity="two") as operator:
            await operator.rounds(1)
            await operator.settled()
            await operator.settled()
        assert kube.writes() == []


async def test_the_head_is_written_after_what_it_binds() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await kube.put("secrets", secret("cred", k="sk-provider"))
        await operator.rounds(1)
        await operator.settled()
        kube.journal.clear()
        await kube.put("providers", provider())
        await kube.put("apikeys", api_key("app", sha256="a" * 64))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "app"), "Accepted")[0] == "True")
        await kube.until(lambda: condition(kube.get("providers", "team", "fake"), "Accepted")[0] == "True")
        puts = [path.rpartition("/")[2] for method, path in kube.journal if method == "PUT" and "/leases" not in path]
        assert puts[-1] == BUNDLE
        assert {f"{BUNDLE}-allowlist-000", f"{BUNDLE}-credentials"} <= set(puts[:-1])


async def test_many_keys_at_once_are_few_bundles() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await operator.rounds(1)
        for number in range(1000):
            await kube.put("apikeys", api_key(f"app-{number}", sha256=allowlist.hash_key(str(number))))
        last = kube.objects["apikeys", "team", "app-999"]
        await kube.until(lambda: condition(kube.get("apikeys", "team", last["metadata"]["name"]), "Accepted")[0] == "True", 60)
        await operator.settled()
        assert len(rows_of(kube)) == 1000
        heads = [path for method, path in kube.journal if method == "PUT" and path.endswith(f"/configmaps/{BUNDLE}")]
        assert len(heads) <= 30
        assert all(condition(item, "Accepted")[0] == "True" for item in kube.all("apikeys"))


async def test_the_older_of_two_objects_wins_and_the_newer_says_so() -> None:
    async with running_kube() as kube, running_operator(kube):
        await kube.put("secrets", secret("cred", k="sk-provider"))
        await kube.put("providers", provider("first", prefix="same"))
        await kube.put("providers", provider("second", prefix="same"))
        await kube.put("apikeys", api_key("third", sha256="a" * 64))
        await kube.put("apikeys", api_key("fourth", sha256="a" * 64))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "fourth"), "Accepted") == ("False", "Conflicted"))
        await kube.until(lambda: condition(kube.get("providers", "team", "second"), "Accepted") == ("False", "Conflicted"))
        await kube.until(lambda: condition(kube.get("providers", "team", "first"), "Accepted")[0] == "True")
        assert list(rows_of(kube)) == ["team/third#1"]
        await kube.until(lambda: len(kube.all("events")) == 2)
        assert {event["reason"] for event in kube.all("events")} == {"Conflicted"}


async def test_a_missing_secret_leaves_the_others_alone_and_heals() -> None:
    async with running_kube() as kube, running_operator(kube):
        await kube.put("apikeys", api_key("good", sha256="a" * 64))
        await kube.put("apikeys", api_key("bad", secretRef={"name": "mine", "key": "k"}))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "bad"), "ResolvedRefs") == ("False", "SecretNotFound"))
        await kube.until(lambda: list(rows_of(kube)) == ["team/good#1"])
        await kube.put("secrets", secret("mine", k="sk-mine"))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "bad"), "ResolvedRefs")[0] == "True")
        assert rows_of(kube)["team/bad#1"].sha256 == allowlist.hash_key("sk-mine")
        await kube.remove("secrets", "team", "mine")
        await kube.until(lambda: condition(kube.get("apikeys", "team", "bad"), "ResolvedRefs") == ("False", "SecretNotFound"))


async def test_a_secret_of_somebody_else_is_not_overwritten() -> None:
    async with running_kube() as kube, running_operator(kube):
        await kube.put("secrets", secret("app-key", important="do not touch"))
        await kube.put("apikeys", api_key("app"))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "app"), "ResolvedRefs") == ("False", "ForeignSecret"))
        assert kube.secret_value("team", "app-key", "important") == "do not touch"


async def test_programmed_waits_for_every_ready_pod() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await operator.rounds(1)
        await kube.put("pods", pod("gateway-0", ""))
        await kube.put("pods", pod("gateway-1", "", ready=False))
        await kube.put("apikeys", api_key("app", sha256="a" * 64))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "app"), "Programmed") == ("False", "Pending"))
        digest = bundle_of(kube).digest
        await kube.put("pods", pod("gateway-0", digest))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "app"), "Programmed")[0] == "True")
        await kube.put("pods", pod("gateway-1", "another"))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "app"), "Programmed") == ("False", "Pending"))
        await kube.put("pods", pod("gateway-1", digest))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "app"), "Ready")[0] == "True")


async def test_another_key_does_not_unsettle_one_that_is_programmed() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await kube.put("apikeys", api_key("old", sha256="a" * 64))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "old"), "Programmed") == ("Unknown", "NoReplicas"))
        await kube.put("pods", pod("gateway-0", bundle_of(kube).digest))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "old"), "Programmed")[0] == "True")
        version = kube.objects["apikeys", "team", "old"]["metadata"]["resourceVersion"]
        await kube.put("apikeys", api_key("new", sha256="b" * 64))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "new"), "Programmed") == ("False", "Pending"))
        await operator.settled()
        assert kube.objects["apikeys", "team", "old"]["metadata"]["resourceVersion"] == version


async def test_what_somebody_removed_or_spoilt_of_the_bundle_is_put_back() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await kube.put("apikeys", api_key("app", sha256="a" * 64))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "app"), "Accepted")[0] == "True")
        await kube.remove("configmaps", NAMESPACE, f"{BUNDLE}-allowlist-000")
        await kube.until(lambda: kube.get("configmaps", NAMESPACE, f"{BUNDLE}-allowlist-000"))
        head = kube.objects["configmaps", NAMESPACE, BUNDLE]
        await kube.put("configmaps", head | {"data": {}})
        await kube.until(lambda: kube.objects["configmaps", NAMESPACE, BUNDLE]["data"])
        await operator.settled()
        assert list(rows_of(kube)) == ["team/app#1"]


async def test_a_label_or_a_budget_changes_what_a_key_may_use_and_the_key_says_when_that_is_in_force() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        key = api_key("app", sha256="a" * 64)
        await kube.put("apikeys", key)
        selector = {"matchLabels": {"team": "x"}}
        await kube.put("budgets", {"metadata": {"name": "b", "namespace": "team"}, "spec": {"amount": "5", "selector": selector}})
        await kube.until(lambda: condition(kube.get("budgets", "team", "b"), "Accepted")[0] == "True")
        await kube.put("pods", pod("gateway-0", bundle_of(kube).digest))
        await kube.until(lambda: condition(kube.get("apikeys", "team", "app"), "Programmed")[0] == "True")
        assert rows_of(kube)["team/app#1"].terms == ""
        await kube.put("apikeys", {**key, "metadata": {**key["metadata"], "labels": {"team": "x"}}})
        await kube.until(lambda: condition(kube.get("apikeys", "team", "app"), "Programmed") == ("False", "Pending"))
        assert json.loads(rows_of(kube)["team/app#1"].terms) == {"budgets": ["team/b"], "labels": {"team": "x"}}
        await kube.until(lambda: kube.get("budgets", "team", "b")["status"].get("keys") == 1)
        await kube.remove("budgets", "team", "b")
        await kube.until(lambda: "team/b" not in kube.objects["configmaps", NAMESPACE, BUNDLE]["data"]["document.json"])
        assert json.loads(rows_of(kube)["team/app#1"].terms) == {"labels": {"team": "x"}}
        await operator.settled()
