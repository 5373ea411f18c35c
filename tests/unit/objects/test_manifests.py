"""The manifests that the operator writes."""

import base64
import json
from collections.abc import Callable

import pytest

from ostiary_gateway.contract import bundle as contract
from ostiary_operator.objects.bundle import Place, build_bundle, build_empty_head, merged, read_digest, same_content
from ostiary_operator.objects.keysecret import Rotation, belongs_to, build_key_secret, read_rotation

PLACE = Place("ostiary", "gate")
BUNDLE = contract.build(
    {
        "document.json": b"{}",
        "upstreams.conf": b"",
        "credentials.json": b'{"team/a": ["sk-secret"]}',
        "allowlist-000.csv": b"id\n",
    }
)
APIKEY = {"apiVersion": "ostiary.dev/v1alpha1", "kind": "ApiKey", "metadata": {"name": "app", "namespace": "team", "uid": "u1"}}


def test_credentials_are_in_the_secret_and_nowhere_else() -> None:
    objects = build_bundle(BUNDLE, PLACE, "uid")
    assert "sk-secret" not in json.dumps([*objects.shards, objects.head])
    assert base64.b64encode(b"sk-secret").decode() not in json.dumps([*objects.shards, objects.head])
    assert base64.b64decode(objects.credentials["data"]["credentials.json"]) == BUNDLE.files["credentials.json"]


def test_the_objects_are_the_bundle_again() -> None:
    objects = build_bundle(BUNDLE, PLACE, "uid")
    files = {name: text.encode() for item in (*objects.shards, objects.head) for name, text in item["data"].items()}
    files["credentials.json"] = BUNDLE.files["credentials.json"]
    assert contract.assemble(files.pop("manifest.json"), files) == BUNDLE
    assert read_digest(objects.head) == BUNDLE.digest
    assert read_digest(build_empty_head(PLACE)) == ""


def test_a_document_larger_than_an_object_may_be_is_packed_and_comes_out_the_same() -> None:
    document = json.dumps([{"provider": f"p{number % 10}", "model": f"model-{number}"} for number in range(40_000)]).encode()
    large = contract.build(dict(BUNDLE.files) | {"document.json": document})
    head = build_bundle(large, PLACE, "uid").head
    assert len(document) > 1024**2
    assert len(json.dumps(head)) < 512 * 1024
    assert "document.json" not in head["data"]
    packed = {name: base64.b64decode(text) for name, text in head["binaryData"].items()}
    files = dict(BUNDLE.files) | packed
    del files["document.json"]
    assert contract.assemble(head["data"]["manifest.json"].encode(), files) == large
    assert same_content(head, build_bundle(large, PLACE, "uid").head)
    assert not same_content(head, build_bundle(BUNDLE, PLACE, "uid").head)


@pytest.mark.parametrize("damage", [lambda packed: packed[:-20], lambda packed: b"\x00" + packed, lambda _: b""])
def test_a_packed_file_that_is_damaged_is_no_bundle(damage: Callable[[bytes], bytes]) -> None:
    files = dict(BUNDLE.files)
    files["document.json.gz"] = damage(contract.pack(files.pop("document.json")))
    with pytest.raises(contract.BundleError, match=r"document\.json\.gz"):
        contract.assemble(BUNDLE.manifest, files)


def test_a_file_that_has_no_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no object for surprise"):
        build_bundle(contract.build({"surprise": b""}), PLACE, "uid")


def test_what_others_put_into_metadata_stays_theirs() -> None:
    head = build_bundle(BUNDLE, PLACE, "uid").head
    meta = {"name": "gate", "namespace": "ostiary", "resourceVersion": "7", "annotations": {"helm": "x"}}
    found = {"metadata": meta | {"labels": {"app.kubernetes.io/managed-by": "Helm", "ostiary.dev/bundle": "gate"}}}
    assert not same_content(head, found)
    written = merged(head, found)
    assert written["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert written["metadata"]["annotations"] == {"helm": "x"}
    assert written["metadata"]["resourceVersion"] == "7"
    assert same_content(head, written)


@pytest.mark.parametrize("generated", [True, False])
def test_a_key_secret_says_what_was_put_into_it(generated: bool) -> None:
    rotation = Rotation("sk-now", 3, "2026-11-21T12:00:00Z", "sk-then", "2026-11-22T12:00:00Z", "again")
    secret = build_key_secret(APIKEY, rotation, generated=generated)
    assert read_rotation(secret, generated=generated) == rotation
    assert read_rotation(secret, generated=not generated) is None
    assert belongs_to(secret, APIKEY)
    assert not belongs_to(secret, APIKEY | {"metadata": APIKEY["metadata"] | {"uid": "u2"}})


def test_plaintext_never_gets_into_metadata() -> None:
    rotation = Rotation("sk-now", 3, "2026-11-21T12:00:00Z", "sk-then", "2026-11-22T12:00:00Z")
    text = json.dumps(build_key_secret(APIKEY, rotation, generated=True)["metadata"])
    assert "sk-now" not in text
    assert "sk-then" not in text


def test_an_ended_overlap_leaves_no_trace_in_the_secret() -> None:
    before = build_key_secret(APIKEY, Rotation("b", 2, "t", "a", "t2"), generated=True)
    before["metadata"]["resourceVersion"] = "5"
    after = build_key_secret(APIKEY, Rotation("b", 2, "t"), generated=True, replacing=before)
    assert set(after["data"]) == {"api-key"}
    assert "ostiary.dev/retiring-until" not in after["metadata"]["annotations"]
    assert after["metadata"]["resourceVersion"] == "5"
