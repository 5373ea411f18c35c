"""Whatever a client names and a key may use: nothing goes where it must not."""

import re

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.decide.bundles import CREDENTIAL, KEY, entry, make, sha

from ostiary_gateway.contract.decision import Ask
from ostiary_gateway.decide.index import Index

SEGMENT = st.one_of(st.sampled_from(["openai", "anthropic", "", "*", "gpt-4o", "OPENAI"]), st.text(max_size=6))
TARGET = st.one_of(st.lists(SEGMENT, max_size=3).map("/".join), st.text(max_size=300))
PATTERNS = st.lists(st.from_regex(r"[a-z*]{0,6}(/[a-z0-9*-]{1,6})?", fullmatch=True).filter(bool), max_size=3)
SURFACE = st.sampled_from(["managed", "pass_through"])


def fits(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


@given(TARGET, PATTERNS, SURFACE)
def test_a_request_never_goes_to_a_model_that_the_key_may_not_use(target, patterns, surface):
    index = Index.build(make([entry(models=tuple(patterns))]))
    decision = index.decide(Ask(key=sha(KEY), surface=surface, target=target), 0)
    assert (decision.refusal is None) != (decision.identity is None)
    for backend in decision.backends:
        if surface == "managed":
            assert f"openai/{backend.model}" == target
            assert backend.credential == f"Bearer {CREDENTIAL}"
            assert not patterns or any(fits(pattern, target) for pattern in patterns)
        else:
            assert target == backend.provider
            assert not patterns or any(fits(pattern, f"{target}/any model at all") for pattern in patterns)
    if decision.refusal:
        assert decision.refusal.message.isprintable()


@given(st.text(max_size=80), TARGET, SURFACE)
def test_nobody_but_a_listed_key_gets_anywhere(key, target, surface):
    index = Index.build(make())
    decision = index.decide(Ask(key=key, surface=surface, target=target), 0)
    assert decision.identity is None
    assert decision.backends == ()
    assert decision.refusal.status == (401 if surface == "managed" else 403)
