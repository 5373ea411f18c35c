"""Resources that are wrong: refused at once, or told in their status; nobody else is disturbed."""

from pathlib import Path

import pytest
from tests.e2e import objects
from tests.e2e.commands import CommandError, eventually
from tests.e2e.installation import READY_KEY

CASES = Path(__file__).parents[1] / "crds" / "cases"


@pytest.mark.parametrize("name", sorted(path.name for path in (CASES / "valid").glob("*.yaml")))
def test_the_api_server_takes_what_is_valid(gateway, name: str) -> None:
    gateway.kubectl(
        "apply", "--dry-run=server", "--namespace", objects.TEAM, "-f", "-", text=(CASES / "valid" / name).read_text()
    )


@pytest.mark.parametrize("name", sorted(path.name for path in (CASES / "invalid").glob("*.yaml")))
def test_the_api_server_refuses_what_is_not(gateway, name: str) -> None:
    with pytest.raises(CommandError, match=r"(?i)invalid|unknown field|must|required"):
        gateway.kubectl("apply", "--dry-run=server", "--validate=strict", "--namespace", objects.TEAM, "-f", "-",
                        text=(CASES / "invalid" / name).read_text())  # fmt: skip


def test_a_missing_secret_is_told_and_the_rest_goes_on(gateway) -> None:
    gateway.kubectl.apply(objects.provider("lonely", credential="not-there"), objects.api_key("next", key="sk-e2e-next-1"))
    found = gateway.until("provider", "lonely", "ResolvedRefs", "False")
    assert found["reason"] == "SecretNotFound"
    assert "not-there" in found["message"]
    gateway.until("apikey", "next", "Programmed", "True")
    assert gateway.chat("sk-e2e-next-1", "fake/echo", "x")["status"] == 200
    assert gateway.chat(READY_KEY, "lonely/echo", "x")["status"] == 400
    eventually(lambda: "SecretNotFound" in _events(gateway, "lonely"), "an event", seconds=20)

    gateway.kubectl.apply(objects.secret("not-there", api_key=objects.CREDENTIAL))
    gateway.until("provider", "lonely", "Programmed", "True")
    assert gateway.chat(READY_KEY, "lonely/echo", "here now")["text"] == "here now"
    gateway.kubectl("delete", "provider/lonely", "secret/not-there", "--namespace", objects.TEAM)


def test_a_broken_provider_does_not_disturb_the_others(gateway) -> None:
    """One whose host does not exist, and one where nobody listens."""
    gateway.kubectl.apply(
        objects.provider("nowhere", base_url="https://nowhere.invalid", credential="vendor"),
        objects.provider("closed", base_url="http://fake.vendor.svc:9", credential="vendor"),
        objects.api_key("beside", key="sk-e2e-beside-1"),
    )
    for kind, name in (("provider", "nowhere"), ("provider", "closed"), ("apikey", "beside")):
        gateway.until(kind, name, "Programmed", "True")
    assert gateway.chat("sk-e2e-beside-1", "fake/echo", "still here")["text"] == "still here"
    for name in ("nowhere", "closed"):
        answer = gateway.chat(READY_KEY, f"{name}/echo", "x")
        assert answer["status"] in (502, 504)
        assert answer["body"]["type"]
    assert gateway.chat("sk-e2e-beside-1", "fake/echo", "and still")["text"] == "and still"
    gateway.kubectl("delete", "provider", "nowhere", "closed", "--namespace", objects.TEAM)


def test_a_providers_changed_credential_is_used_at_once(gateway) -> None:
    gateway.kubectl.apply(objects.secret("turning", api_key="sk-vendor-1"), objects.provider("turning", credential="turning"))
    gateway.until("provider", "turning", "Programmed", "True")
    gateway.chat(READY_KEY, "turning/echo", "x")
    gateway.kubectl.apply(objects.secret("turning", api_key="sk-vendor-2"))

    def shown() -> bool:
        gateway.chat(READY_KEY, "turning/echo", "x")
        return ["authorization", "Bearer sk-vendor-2"] in [[n.lower(), v] for n, v in gateway.vendor_log()[-1]["headers"]]

    eventually(shown, "the new credential at the vendor", seconds=10)


def test_of_two_providers_with_one_prefix_the_older_wins(gateway) -> None:
    gateway.kubectl.apply(objects.provider("second", base_url="http://elsewhere.vendor.svc", prefix="fake"))
    found = gateway.until("provider", "second", "Accepted", "False")
    assert found["reason"] == "Conflicted"
    assert "fake" in found["message"]
    assert gateway.chat(READY_KEY, "fake/echo", "x")["status"] == 200
    gateway.kubectl("delete", "provider", "second", "--namespace", objects.TEAM)


def test_kubectl_get_shows_what_a_person_needs(gateway) -> None:
    keys = gateway.kubectl("get", "apikeys", "--namespace", objects.TEAM).splitlines()
    providers = gateway.kubectl("get", "providers", "--namespace", objects.TEAM).splitlines()
    assert keys[0].split() == ["NAME", "OWNER", "READY", "SPENT", "BUDGET", "REMAINING", "TODAY", "LAST", "USED", "AGE"]
    assert providers[0].split() == ["NAME", "TYPE", "PREFIX", "CREDENTIAL", "READY", "UNHEALTHY", "SINCE", "AGE"]
    (red,) = [line.split() for line in keys if line.startswith("red ")]
    (fake,) = [line.split() for line in providers if line.startswith("fake ")]
    assert red[1:3] == ["red@example.com", "True"]
    assert fake[1:5] == ["openai", "fake", "vendor", "True"]
    wide = gateway.kubectl("get", "ostiary", "--namespace", objects.TEAM, "--output", "wide")
    assert "apikey.ostiary.dev/red" in wide
    assert "provider.ostiary.dev/fake" in wide


def _events(gateway, name: str) -> str:
    return gateway.kubectl("get", "events", "--namespace", objects.TEAM, "--field-selector", f"involvedObject.name={name}")
