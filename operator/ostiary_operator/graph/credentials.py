"""Credentials of Providers, as the gateway gets them: texts, whatever they consist of."""

import json
from dataclasses import replace
from typing import assert_never

import msgspec

from ostiary_operator.api import keys
from ostiary_operator.api.credential import AWS_ENTRIES, CredentialRef, Kind
from ostiary_operator.graph import references
from ostiary_operator.graph.nodes import Problem
from ostiary_operator.graph.snapshot import Ref, Snapshot


class _ServiceAccount(msgspec.Struct):
    """What a token cannot be asked for without."""

    client_email: str
    private_key: str


def find(snapshot: Snapshot, namespace: str, ref: CredentialRef, kind: Kind, field: str) -> str | Problem:
    """What a reference means, or why there is nothing.

    An API key is itself. A key of AWS is `<access key id>:<secret access key>[:<session token>]`. A service account is its
    JSON on one line of ASCII.
    """
    name = (namespace, ref.name)
    match kind:
        case "APIKey":
            return references.value_of(snapshot, name, ref.key or "", field)
        case "AWS":
            return _aws(snapshot, name, field)
        case "ServiceAccount":
            return _service_account(snapshot, name, ref.key or "", field)
        case _:
            assert_never(kind)


def _aws(snapshot: Snapshot, ref: Ref, field: str) -> str | Problem:
    parts = []
    *needed, token = AWS_ENTRIES
    for entries in (*needed, token):
        value = references.bytes_of(snapshot, ref, entries, field)
        if isinstance(value, Problem):
            if entries is token and references.is_absent(value):
                continue
            return replace(value, field=f"{field}.name")
        text = keys.from_bytes(value)
        if text is None or ":" in text:
            return references.unusable(f"{entries[0]} of Secret {ref[1]} is no part of a key of AWS", f"{field}.name")
        parts.append(text)
    return ":".join(parts)


def _service_account(snapshot: Snapshot, ref: Ref, entry: str, field: str) -> str | Problem:
    value = references.bytes_of(snapshot, ref, (entry,), field)
    if isinstance(value, Problem):
        return value
    try:
        account = msgspec.json.decode(value)
        msgspec.convert(account, _ServiceAccount)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        why = f"{entry} of Secret {ref[1]} is not the JSON of a service account, with client_email and private_key"
        return references.unusable(why, f"{field}.key")
    return json.dumps(account, sort_keys=True)
