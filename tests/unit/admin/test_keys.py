"""Keys over the admin API (TP-24): told once, kept as a hash, switched off instead of deleted."""

import hashlib
import re

import pytest
import yaml

from ostiary_operator.source import folder


def stored(admin, name, namespace="default"):
    return yaml.safe_load((admin.manifests / f"apikey.{namespace}.{name}.yaml").read_text())


async def test_tp_24_a_created_key_is_told_once_and_kept_as_its_hash(admin):
    made = await admin.ask("POST", "/keys", {"name": "ann", "labels": {"team": "red"}, "spec": {"owner": "Ann"}})
    assert (made.status, made.headers["Location"]) == (201, "/admin/keys/default/ann")
    key = made.json["key"]
    assert re.fullmatch("sk-[0-9a-f]{32}", key)
    assert made.json["spec"] == {"owner": "Ann", "sha256": hashlib.sha256(key.encode()).hexdigest()}
    again = await admin.ask("GET", "/keys/default/ann")
    assert again.json == {name: value for name, value in made.json.items() if name != "key"}
    assert again.headers["ETag"] == made.headers["ETag"] == f'"{made.json["version"]}"'
    everything = "".join(path.read_text() for path in admin.manifests.iterdir())
    assert key not in everything + again.text + (await admin.ask("GET", "/keys")).text
    assert made.headers["Cache-Control"] == "no-store"


async def test_the_compiler_takes_what_was_created(admin):
    made = await admin.ask("POST", "/keys", {"name": "ann", "labels": {"team": "red"}, "spec": {"models": ["openai/*"]}})
    (key,) = folder.load(admin.manifests, {}, None).snapshot.api_keys
    assert key.spec.sha256 == made.json["spec"]["sha256"]
    assert (key.metadata.id, key.metadata.labels) == ("default/ann", {"team": "red"})
    assert key.spec.models == ("openai/*",)


async def test_a_key_without_a_name_gets_one(admin):
    made = await admin.ask("POST", "/keys", {})
    assert re.fullmatch("default/key-[0-9a-f]{8}", made.json["id"])


async def test_a_key_that_is_brought_along_is_not_made_here(admin):
    sha256 = hashlib.sha256(b"mine").hexdigest()
    made = await admin.ask("POST", "/keys", {"name": "own", "spec": {"sha256": sha256}})
    assert (made.status, made.json["spec"], "key" in made.json) == (201, {"sha256": sha256}, False)


async def test_a_key_has_one_origin(admin):
    both = {"generate": {}, "sha256": "a" * 64}
    assert (await admin.ask("POST", "/keys", {"spec": both})).status == 422
    await admin.ask("POST", "/keys", {"name": "ann"})
    assert (await admin.ask("PUT", "/keys/default/ann", {"spec": both})).status == 422


async def test_of_two_keys_with_one_name_the_first_stays(admin):
    first = await admin.ask("POST", "/keys", {"name": "ann"})
    second = await admin.ask("POST", "/keys", {"name": "ann"})
    assert (second.status, second.code) == (409, "exists")
    assert (await admin.get("/keys/default/ann"))["version"] == first.json["version"]
    assert (await admin.ask("POST", "/keys", {"name": "ann", "namespace": "red"})).status == 201


async def test_replacing_the_fields_of_a_key_keeps_the_key(admin):
    made = await admin.ask("POST", "/keys", {"name": "ann", "labels": {"team": "red"}, "spec": {"owner": "Ann"}})
    changed = await admin.ask("PUT", "/keys/default/ann", {"spec": {"owner": "Ben"}})
    assert changed.json["spec"] == {"owner": "Ben", "sha256": made.json["spec"]["sha256"]}
    assert changed.json["labels"] == {"team": "red"}
    own = await admin.ask("PUT", "/keys/default/ann", {"spec": {"sha256": "b" * 64}, "labels": {}})
    assert (own.json["spec"], own.json["labels"]) == ({"sha256": "b" * 64}, {})


async def test_tp_24_deleting_a_key_disables_it(admin):
    await admin.ask("POST", "/keys", {"name": "ann"})
    gone = await admin.ask("DELETE", "/keys/default/ann")
    assert (gone.status, gone.json["spec"]["disabled"]) == (200, True)
    assert stored(admin, "ann")["spec"]["disabled"] is True
    assert (await admin.get("/keys"))["total_count"] == 1


async def test_tp_24_a_regenerated_key_is_another_one(admin):
    made = await admin.ask("POST", "/keys", {"name": "ann", "spec": {"owner": "Ann"}})
    again = await admin.ask("POST", "/keys/default/ann/regenerate")
    assert (again.status, again.json["overlap_seconds"]) == (200, 0)
    assert again.json["key"] != made.json["key"]
    assert stored(admin, "ann")["spec"] == {"owner": "Ann", "sha256": hashlib.sha256(again.json["key"].encode()).hexdigest()}


async def test_a_key_that_nobody_makes_values_for_gets_one_here(admin):
    await admin.ask("POST", "/keys", {"name": "ann", "spec": {"generate": {}, "rotation": {"intervalSeconds": 3600}}})
    again = await admin.ask("POST", "/keys/default/ann/regenerate")
    assert stored(admin, "ann")["spec"] == {"sha256": hashlib.sha256(again.json["key"].encode()).hexdigest()}


async def test_a_key_in_a_secret_is_not_replaced_here(admin):
    await admin.ask("POST", "/keys", {"name": "ann", "spec": {"secretRef": {"name": "mine", "key": "key"}}})
    refused = await admin.ask("POST", "/keys/default/ann/regenerate")
    assert (refused.status, refused.code) == (409, "key_elsewhere")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_nobody_overwrites_what_they_have_not_seen(admin, method):
    made = await admin.ask("POST", "/keys", {"name": "ann", "spec": {"owner": "Ann"}})
    seen = {"If-Match": made.headers["ETag"]}
    await admin.ask("PUT", "/keys/default/ann", {"spec": {"owner": "Ben"}}, headers=seen)
    body = {"spec": {"owner": "Cyd"}} if method == "PUT" else None
    late = await admin.ask(method, "/keys/default/ann", body, headers=seen)
    assert (late.status, late.code) == (412, "changed")
    assert (await admin.ask("POST", "/keys/default/ann/regenerate", headers=seen)).status == 412
    assert stored(admin, "ann")["spec"]["owner"] == "Ben"
    assert "disabled" not in stored(admin, "ann")["spec"]
    assert (await admin.ask(method, "/keys/default/ann", body, headers={"If-Match": "*"})).status == 200


async def test_no_message_quotes_a_value(admin):
    wrong = [{"spec": {"owner": ["sk-secret"]}}, {"spec": {"sha256": "sk-secret"}}, {"spec": {"models": ["sk secret"]}}]
    for body in [*wrong, {"spec": {"expiresAt": "sk-secret"}}, {"name": "SK-SECRET"}, {"spec": {"owner": "sk-secret\n"}}]:
        refused = await admin.ask("POST", "/keys", body)
        assert (refused.status, refused.code) == (422, "invalid")
        assert "secret" not in refused.text.lower().replace("secretref", "")
        assert ("spec." in refused.text) or ("name" in refused.text)
    assert list(admin.manifests.iterdir()) == []
