"""Compiled values -> bundle."""

import msgspec

from ostiary_gateway.contract import bundle as contract
from ostiary_gateway.contract import document
from ostiary_operator.dataplane import Compiled
from ostiary_operator.render.shards import shards
from ostiary_operator.render.upstreams import upstreams


def bundle(compiled: Compiled) -> contract.Bundle:
    """The files; the same values are always the same bytes, hence the same digest."""
    files = {
        contract.DOCUMENT: document.encode(compiled.document),
        contract.UPSTREAMS: upstreams(compiled.upstreams).encode(),
        contract.CREDENTIALS: msgspec.json.encode(compiled.credentials, order="deterministic"),
    }
    for number, text in enumerate(shards(compiled.entries)):
        files[contract.ALLOWLIST.format(number)] = text.encode()
    return contract.build(files)
