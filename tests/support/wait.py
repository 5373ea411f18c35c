"""Waiting for something to become true, with a deadline instead of hope."""

import time
from collections.abc import Callable
from typing import TypeVar

_STEP_SECONDS = 0.01
Result = TypeVar("Result")


def until(found: Callable[[], Result | None], what: str, seconds: float = 10.0) -> Result:
    """The first true value of `found`; a test fails, saying `what` never came, when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        result = found()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(_STEP_SECONDS)
