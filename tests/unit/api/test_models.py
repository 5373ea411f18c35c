"""A Model's fields, and every default of behaviour.md 2.2."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary_operator.api import decode
from ostiary_operator.api.model import ModelSpec

BACKENDS = [{"providerRef": {"name": "openai"}}]
LATENCY = {"thresholdMilliseconds": 2000, "strategy": "DifferentProvider", "maxAttempts": 2}
POLICY = {"retryPolicy": {"onHighLatency": LATENCY, "backoff": {"applyTo": "Global"}, "retryAfterHandling": {}}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [field.encode_name for field in msgspec.structs.fields(ModelSpec)]


def spec_of(**fields: object) -> ModelSpec:
    model = decode.model({"metadata": {"name": "m"}, "spec": {"backends": BACKENDS, **fields}})
    assert model.spec is not None, model.invalid
    return model.spec


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("retryPolicy.fallbackModels", ()),
        ("retryPolicy.defaultStrategy", "DifferentProvider"),
        ("retryPolicy.defaultMaxAttempts", 2),
        ("retryPolicy.onStatusCodes", ()),
        ("retryPolicy.onTimeout", None),
        ("retryPolicy.onHighLatency.measure", "TimeToFirstByte"),
        ("retryPolicy.onHighLatency.blockDurationSeconds", 300),
        ("retryPolicy.onHighLatency.scope", "Model"),
        ("retryPolicy.onHighLatency.applyTo", "Global"),
        ("retryPolicy.onHighLatency.minTriggers", 1),
        ("retryPolicy.onHighLatency.triggerWindowSeconds", None),
        ("retryPolicy.backoff.baseMilliseconds", 100),
        ("retryPolicy.backoff.maxMilliseconds", 5000),
        ("retryPolicy.backoff.jitter", True),
        ("retryPolicy.retryAfterHandling.scope", "Model"),
        ("retryPolicy.retryAfterHandling.applyTo", "Global"),
        ("retryPolicy.retryAfterHandling.maxRetryAfterSeconds", 300),
        ("retryPolicy.maxRetryDurationMilliseconds", None),
        ("selection", "Priority"),
    ],
)
def test_pl_the_default_is_that_of_the_schema(path: str, default: object) -> None:
    value: object = msgspec.to_builtins(spec_of(**POLICY))
    for name in path.split("."):
        assert isinstance(value, dict)
        value = value[name]
    assert value == default


def test_pl_09_without_a_policy_there_is_none() -> None:
    assert spec_of().retry_policy is None


@pytest.mark.parametrize(
    "spec", [None, [], "text", 3, {"backends": {}}, {"backends": [3]}, {"backends": BACKENDS, "retryPolicy": []}]
)
def test_a_spec_of_another_shape_is_a_value_too(spec: object) -> None:
    model = decode.model({"metadata": {"name": "m"}, "spec": spec})
    assert model.spec is None
    assert model.invalid is not None


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_whatever_stands_in_a_field_the_answer_is_a_value(fields: dict[str, object]) -> None:
    model = decode.model({"metadata": {"name": "m"}, "spec": {"backends": BACKENDS, **fields}})
    assert (model.spec is None) == (model.invalid is not None)


@given(st.integers(0, 700), st.integers(0, 700))
def test_a_range_of_statuses_is_taken_if_it_is_one(first: int, last: int) -> None:
    rule = {"codes": [f"{first}-{last}"], "strategy": "SameModel", "maxAttempts": 1}
    model = decode.model({"metadata": {"name": "m"}, "spec": {"backends": BACKENDS, "retryPolicy": {"onStatusCodes": [rule]}}})
    assert (model.spec is not None) == (100 <= first <= last <= 599)


def test_a_status_that_cannot_be_read_counts_as_none() -> None:
    model = decode.model({"metadata": {"name": "m"}, "spec": {"backends": BACKENDS}, "status": {"backends": 3}})
    assert model.spec is not None
    assert model.status.backends == ""
