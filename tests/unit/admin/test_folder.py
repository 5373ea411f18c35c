"""Objects in a folder of manifests: found as the compiler finds them, changed without touching what stands beside them."""

import asyncio
import json
import os
import stat

import pytest
from tests.unit.admin.rig import Rig

from ostiary_operator.source import folder

PROVIDERS = """# Accounts of ours.
apiVersion: ostiary.dev/v1alpha1
kind: Provider
metadata: {name: one}   # the first
spec: {type: openai, baseURL: "https://one.example"}
--- # a marker with words
# The second one, with care.
apiVersion: ostiary.dev/v1alpha1
kind: Provider
metadata:
  name: two
  annotations: {note: "kept"}
spec:
  type: anthropic
  baseURL: https://two.example   # said inside
# What follows is a Secret.
---
apiVersion: v1
kind: Secret
metadata: {name: env}
stringData:
  text: |
    --not a marker
     ---
    # not a comment
"""
SPEC = {"type": "openai", "baseURL": "https://new.example"}


@pytest.fixture
def shared(admin: Rig):
    path = admin.manifests / "providers.yaml"
    path.write_text(PROVIDERS)
    return path


def names(page):
    return [item["id"] for item in page["items"]]


async def test_what_is_there_is_shown(admin, shared):
    page = await admin.get("/providers")
    assert names(page) == ["default/one", "default/two"]
    assert page["items"][0]["spec"] == {"type": "openai", "baseURL": "https://one.example"}


async def test_changing_one_document_leaves_the_others_to_the_byte(admin, shared):
    changed = await admin.ask("PUT", "/providers/default/two", {"spec": SPEC})
    assert changed.status == 200
    first, second, third = shared.read_text().partition("---\n# The second")[0], *shared.read_text().split("---\n")[1:3]
    assert first == PROVIDERS.partition("--- # a marker")[0]
    assert second.startswith("# The second one, with care.\n")
    assert second.endswith("# What follows is a Secret.\n")
    assert "note: kept" in second
    assert "---\n" + shared.read_text().split("---\n", 2)[2] == "---\n" + PROVIDERS.partition("\n---\n")[2]
    assert third.startswith("apiVersion: v1")
    assert (await admin.get("/providers/default/two"))["spec"] == SPEC
    assert not folder.load(admin.manifests, {}, None).problems


async def test_taking_one_document_out_leaves_the_others_to_the_byte(admin, shared):
    assert (await admin.ask("DELETE", "/providers/default/two")).status == 204
    first, _, rest = PROVIDERS.partition("--- # a marker")
    assert shared.read_text() == first + "---\n" + rest.partition("\n---\n")[2]
    assert (await admin.ask("GET", "/providers/default/two")).status == 404
    assert (await admin.ask("DELETE", "/providers/default/one")).status == 204
    assert shared.read_text() == "---\n" + rest.partition("\n---\n")[2]


async def test_a_file_of_its_own_goes_with_its_object(admin, shared):
    made = await admin.ask("POST", "/providers", {"name": "new", "spec": SPEC})
    own = admin.manifests / "provider.default.new.yaml"
    assert made.status == 201
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert shared.read_text() == PROVIDERS
    assert (await admin.ask("DELETE", "/providers/default/new")).status == 204
    assert list(admin.manifests.iterdir()) == [shared]


async def test_line_ends_and_permissions_stay(admin):
    path = admin.manifests / "two.yaml"
    path.write_bytes(PROVIDERS.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    assert (await admin.ask("DELETE", "/providers/default/one")).status == 204
    assert path.read_bytes() == PROVIDERS[PROVIDERS.index("--- # a marker") :].replace("\n", "\r\n").encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


async def test_a_link_stays_a_link(admin, tmp_path):
    (tmp_path / "elsewhere.yaml").write_text(PROVIDERS)
    (admin.manifests / "link.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    await admin.ask("PUT", "/providers/default/one", {"spec": SPEC})
    assert (admin.manifests / "link.yaml").is_symlink()
    assert "new.example" in (tmp_path / "elsewhere.yaml").read_text()


async def test_of_two_objects_with_one_name_the_one_that_counts_is_shown(admin, shared):
    (admin.manifests / "a.yml").write_text(PROVIDERS.replace("one.example", "first.example"))
    (admin.manifests / ".hidden.yaml").write_text(PROVIDERS.replace("one.example", "hidden.example"))
    assert (await admin.get("/providers/default/one"))["spec"]["baseURL"] == "https://first.example"
    assert folder.load(admin.manifests, {}, None).snapshot.providers[0].spec.base_url == "https://first.example"


async def test_a_file_that_is_no_yaml_is_left_alone(admin, shared):
    broken = "kind: [\n"
    (admin.manifests / "a.yaml").write_text(broken)
    (admin.manifests / "b.yaml").write_bytes(b"\xff\xfe")
    assert names(await admin.get("/providers")) == ["default/one", "default/two"]
    assert (await admin.ask("POST", "/providers", {"name": "new", "spec": SPEC})).status == 201
    assert (admin.manifests / "a.yaml").read_text() == broken


async def test_what_others_edit_counts_at_once(admin, shared):
    before = await admin.ask("GET", "/providers/default/one")
    shared.write_text(PROVIDERS.replace("one.example", "edited.example"))
    after = await admin.ask("GET", "/providers/default/one")
    assert after.json["spec"]["baseURL"] == "https://edited.example"
    assert after.headers["ETag"] != before.headers["ETag"]
    stale = await admin.ask("PUT", "/providers/default/one", {"spec": SPEC}, headers={"If-Match": before.headers["ETag"]})
    assert stale.status == 412
    shared.unlink()
    assert (await admin.get("/providers"))["total_count"] == 0


async def test_an_object_of_a_list_is_changed_by_hand(admin):
    item = {"apiVersion": "ostiary.dev/v1alpha1", "kind": "Provider", "metadata": {"name": "one"}, "spec": SPEC}
    (admin.manifests / "list.yaml").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [item]}))
    assert names(await admin.get("/providers")) == ["default/one"]
    refused = await admin.ask("DELETE", "/providers/default/one")
    assert (refused.status, refused.code) == (409, "in_list")


async def test_a_folder_that_cannot_be_read_is_said(admin, shared):
    shared.unlink()
    os.rmdir(admin.manifests)  # noqa: PTH106 - as somebody else would
    refused = await admin.ask("GET", "/providers")
    assert (refused.status, refused.code) == (503, "unavailable")


async def test_of_many_changes_at_once_none_is_lost(admin):
    await admin.ask("POST", "/providers", {"name": "one", "labels": {}, "spec": SPEC})
    made = await asyncio.gather(*(admin.ask("POST", "/models", model(f"m-{n}")) for n in range(20)))
    seen = {"If-Match": (await admin.ask("GET", "/providers/default/one")).headers["ETag"]}
    races = (admin.ask("PUT", "/providers/default/one", {"spec": {**SPEC, "prefix": f"p{n}"}}, headers=seen) for n in range(10))
    statuses = sorted(reply.status for reply in await asyncio.gather(*races))
    assert [reply.status for reply in made] == [201] * 20
    assert (await admin.get("/models"))["total_count"] == 20
    assert statuses == [200] + [412] * 9
    assert not [path for path in admin.manifests.iterdir() if path.suffix != ".yaml"]


async def test_names_of_any_length_get_files(admin):
    name = "n" * 253
    assert (await admin.ask("POST", "/models", model(name))).status == 201
    assert (await admin.get(f"/models/default/{name}"))["name"] == name
    assert (await admin.ask("POST", "/models", model(name))).status == 409
    twins = [{"name": "b-c", "namespace": "a"}, {"name": "c", "namespace": "a-b"}]
    assert [(await admin.ask("POST", "/models", model("x") | each)).status for each in twins] == [201, 201]


async def test_what_the_compiler_says_is_the_status(admin, shared):
    assert (await admin.get("/providers/default/one"))["status"] == {}
    problems = [{"file": "providers.yaml", "subject": "Provider/two", "field": "spec.credential", "why": "is not there"}]
    (admin.run / "problems.json").write_text(json.dumps(problems))
    one, two = (await admin.get("/providers"))["items"]
    assert one["status"] == {"conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": ""}]}
    (condition,) = two["status"]["conditions"]
    assert (condition["status"], condition["message"]) == ("False", "spec.credential: is not there")


def model(name):
    return {"name": name, "spec": {"backends": [{"providerRef": {"name": "one"}}]}}
