"""How hard the fuzz tests try: the same examples each time, few enough for every commit."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

_CHECKS = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.large_base_example)


def bounded(examples: int) -> Callable[[Any], Any]:
    """So many examples, derived from the test alone; requests take as long as they take."""
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=_CHECKS)
