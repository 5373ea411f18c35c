"""The names that a Model may write are those that there are."""

from typing import get_args

from ostiary_gateway.filters.patterns import NAMES
from ostiary_operator.api.filters import PatternName


def test_pl_29_what_manifests_may_name_is_what_is_found():
    assert set(get_args(PatternName)) == set(NAMES)
