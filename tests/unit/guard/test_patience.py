"""Limits of an order as moments."""

import math

import pytest

from ostiary_gateway.guard.order import Order
from ostiary_gateway.guard.patience import Patience

NOW, SILENCE = 1000.0, 600.0


def of(**limits: float | bool) -> Patience:
    return Patience.of(Order(target="http://a", **limits), NOW, SILENCE)


def test_without_limits_only_silence_counts() -> None:
    assert of() == Patience(head=1600, body=math.inf, end=math.inf, silence=600, comment=math.inf)


def test_each_limit_has_its_place() -> None:
    patience = of(first_byte_ms=1000, attempt_ms=2000, deadline_ms=3000, between_bytes_ms=400, keep_alive_ms=500, stream=True)
    assert patience == Patience(head=1001, body=1002, end=1003, silence=0.4, comment=0.5)
    assert patience.may_give_up_before_body


@pytest.mark.parametrize("limits", [{"attempt_ms": 9000, "deadline_ms": 100}, {"deadline_ms": 100, "first_byte_ms": 9000}])
def test_nothing_outlasts_the_deadline(limits: dict[str, float]) -> None:
    patience = of(**limits)
    assert patience.head == patience.body == patience.end == NOW + 0.1
    assert not patience.may_give_up_before_body


def test_a_deadline_may_be_over_already() -> None:
    assert of(deadline_ms=-5).head < NOW


def test_comments_are_for_streams() -> None:
    assert of(keep_alive_ms=500).comment == math.inf
