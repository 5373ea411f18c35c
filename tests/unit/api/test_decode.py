"""Kubernetes objects -> values."""

import base64
from pathlib import Path
from typing import Any

import pytest

from ostiary_operator.api import conditions, decode, keys, names, times

SHA256 = "a" * 64


def api_key(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "k"}, "spec": spec}


def test_metadata_is_what_the_api_server_says() -> None:
    metadata = decode.decode_metadata(
        {
            "metadata": {
                "name": "n",
                "namespace": "ns",
                "uid": "u",
                "generation": 3,
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "annotations": {"a": "b"},
                "labels": {"c": "d"},
                "ownerReferences": [{"uid": "not"}, {"uid": "o", "controller": True}],
            }
        }
    )
    assert (metadata.id, metadata.uid, metadata.generation, metadata.owner_uid) == ("ns/n", "u", 3, "o")
    assert (metadata.annotations, metadata.labels) == ({"a": "b"}, {"c": "d"})


def test_a_manifest_without_a_namespace_is_in_default() -> None:
    assert decode.decode_metadata({"metadata": {"name": "n"}}).id == "default/n"


def test_a_secret_shows_no_value() -> None:
    secret = decode.secret({"metadata": {"name": "s"}, "data": {"k": base64.b64encode(b"hush-hush").decode()}})
    assert secret.data == {"k": b"hush-hush"}
    assert "hush" not in repr(secret)


def test_string_data_wins_and_what_is_no_base64_is_left_out() -> None:
    secret = decode.secret({"metadata": {"name": "s"}, "data": {"k": "b25l", "bad": "%%"}, "stringData": {"k": "two"}})
    assert secret.data == {"k": b"two"}


@pytest.mark.parametrize("owner", ["a\n", "a\x00", "a\u2028", "a\ud800", "\x85"])
def test_control_characters_are_refused_wherever_the_pattern_ends(owner: str) -> None:
    key = decode.api_key(api_key(sha256=SHA256, owner=owner))
    assert key.spec is None
    assert str(key.invalid) == "spec.owner: must not contain control characters"


def test_a_control_character_in_the_name_of_a_field_is_refused() -> None:
    assert decode.api_key({"metadata": {"name": "k"}, "spec": {"sha256": SHA256, "x\n": 1}}).spec is None


@pytest.mark.parametrize("spec", [None, [], "text", 3, {"sha256": ["x"]}, {"models": "x", "sha256": SHA256}])
def test_a_spec_of_another_shape_is_a_value_too(spec: object) -> None:
    assert decode.api_key({"metadata": {"name": "k"}, "spec": spec}).invalid is not None
    assert decode.provider({"metadata": {"name": "k"}, "spec": spec}).invalid is not None


def test_a_spec_without_an_end_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert decode.api_key(api_key(sha256=SHA256, models=endless)).spec is None


def test_defaults_are_those_of_the_definition() -> None:
    spec = decode.api_key(api_key(generate={})).spec
    assert spec is not None
    assert (spec.kind, spec.overlap_seconds, spec.disabled, spec.models) == ("generate", 86400, False, ())
    provider = decode.provider({"metadata": {"name": "p"}, "spec": {"type": "openai", "baseURL": "https://a.example"}})
    assert provider.spec is not None
    assert (provider.prefix, provider.spec.pass_through) == ("p", True)


def test_a_status_that_cannot_be_read_counts_as_none() -> None:
    key = decode.api_key({**api_key(sha256=SHA256), "status": {"conditions": 3}})
    assert key.spec is not None
    assert key.status.conditions == ()


def test_a_status_is_read_back_as_it_was_written() -> None:
    condition = {"type": "Ready", "status": "True", "reason": "Ready", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {"keyId": "default/k", "conditions": [condition], "rotation": {"version": "2"}, "secretRef": None}
    read = decode.api_key({**api_key(sha256=SHA256), "status": status}).status
    assert (read.key_id, read.conditions[0].reason) == ("default/k", "Ready")
    assert read.rotation is not None
    assert read.rotation.version == "2"


def test_a_new_key_is_long_and_never_the_same() -> None:
    made = {keys.new_key() for _ in range(100)}
    assert len(made) == 100
    assert all(key.startswith("sk-ost-") and len(key) == 47 and key[7:].isalnum() for key in made)


@pytest.mark.parametrize(
    ("value", "text"),
    [(b" sk-a\n", "sk-a"), (b"a b", None), (b"a\nb", None), (b"\xff", None), (b"", None), ("é".encode(), None)],
)
def test_what_can_stand_in_a_header(value: bytes, text: str | None) -> None:
    assert keys.from_bytes(value) == text


def test_each_reason_is_one_word_and_documented() -> None:
    source = Path(conditions.__file__).read_text().split("\n")
    reasons = {name: value for name, value in vars(conditions).items() if name.startswith("REASON_")}
    assert all(value.isalnum() and value[0].isupper() for value in reasons.values())
    for name in reasons:
        line = next(number for number, text in enumerate(source) if text.startswith(f"{name} = "))
        assert source[line + 1].startswith('"""'), name


def test_the_name_of_a_key_secret_is_always_a_name() -> None:
    assert names.key_secret("k") == "k-key"
    assert len(names.key_secret("a" * 253)) == 253


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_moment_is_none(text: str) -> None:
    assert times.parse(text) is None


def test_moments_are_utc_in_whole_seconds() -> None:
    at = times.parse("2026-01-01T01:00:00.5+01:00")
    assert at is not None
    assert times.to_text(at) == "2026-01-01T00:00:00Z"
