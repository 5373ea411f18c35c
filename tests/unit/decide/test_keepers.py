"""Which provider has a client's files and batches where the client names none."""

import msgspec
import pytest
from tests.unit.decide.bundles import ANTHROPIC, OPENAI, SECOND

from ostiary_gateway.contract.document import Provider, Spoken
from ostiary_gateway.decide.keepers import only

CHATTY = msgspec.structs.replace(OPENAI, prefix="chatty", speaks=(Spoken(dialect="chat"),))
KEEPING = msgspec.structs.replace(OPENAI, prefix="keeping", type="mistral", speaks=(Spoken(dialect="files"),))


@pytest.mark.parametrize(
    ("allowed", "providers", "found"),
    [
        ((), (OPENAI, ANTHROPIC, CHATTY), "openai/files"),
        ((), (KEEPING, CHATTY), "keeping/files"),
        (("openai/*",), (OPENAI, SECOND), "openai/files"),
        (("gpt-*", "second/files"), (OPENAI, SECOND), "second/files"),
    ],
)
def test_the_only_one_that_keeps_files_and_that_the_key_may_use(
    allowed: tuple[str, ...], providers: tuple[Provider, ...], found: str
) -> None:
    assert only("files", "files", allowed, providers) == found


@pytest.mark.parametrize(
    ("allowed", "providers", "status", "message"),
    [
        ((), (OPENAI, SECOND), 400, "several providers have files: name one in the header x-ostiary-provider"),
        (("gpt-*",), (OPENAI,), 403, "API key not allowed to use this model"),
        (("openai/batches",), (OPENAI,), 403, "API key not allowed to use this model"),
        ((), (CHATTY, ANTHROPIC), 400, "no provider speaks files"),
        ((), (msgspec.structs.replace(OPENAI, managed=False),), 400, "no provider speaks files"),
    ],
)
def test_why_there_is_none(allowed: tuple[str, ...], providers: tuple[Provider, ...], status: int, message: str) -> None:
    refusal = only("files", "files", allowed, providers)
    assert not isinstance(refusal, str)
    assert (refusal.status, refusal.message) == (status, message)
