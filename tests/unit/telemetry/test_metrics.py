import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.decide.bundles import ANTHROPIC, OPENAI

from ostiary_gateway.contract.decision import Refusal
from ostiary_gateway.contract.record import Record, Usage
from ostiary_gateway.telemetry.collectors import LedgerNumbers, NginxNumbers
from ostiary_gateway.telemetry.labels import operation, status_class
from ostiary_gateway.telemetry.metrics import Metrics

RECORD = {
    "id": "e-1",
    "request_id": "r",
    "timestamp": "2026-11-20T10:00:00.000Z",
    "key_id": "k",
    "surface": "managed",
    "method": "POST",
    "endpoint": "/v1/chat/completions",
    "provider": "openai",
    "status": 200,
    "ended": "completed",
    "duration_ms": 1500.0,
}


@pytest.fixture
def metrics():
    made = Metrics()
    made.bundle_in_use("d1", 2, (OPENAI, ANTHROPIC))
    return made


def samples(metrics, name):
    """Values of one sample name by the values of its labels, in the order of their names."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    every = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(value for _, value in sorted(sample.labels.items())): sample.value for sample in every}


def test_a_record_is_counted_by_its_outcome(metrics):
    for status, error in [(200, None), (200, None), (429, "provider_rejected")]:
        metrics.committed(Record(**{**RECORD, "status": status, "error_type": error}))
    assert samples(metrics, "ostiary_requests_total") == {
        ("completed", "", "openai", "2xx", "managed"): 2,
        ("completed", "provider_rejected", "openai", "4xx", "managed"): 1,
    }
    assert samples(metrics, "ostiary_ledger_records_total") == {(): 3}


def test_tokens_are_counted_and_unknown_is_not_zero(metrics):
    metrics.committed(Record(**RECORD, usage_source="provider", usage=Usage(input_tokens=7, output_tokens=0)))
    metrics.committed(Record(**RECORD))
    assert samples(metrics, "ostiary_tokens_total")[("input", "openai", "provider")] == 7
    counts = samples(metrics, "gen_ai_client_token_usage_count")
    assert counts[("chat", "openai", "input", "openai")] == 1
    assert counts[("chat", "openai", "output", "openai")] == 1


def test_times_are_seconds(metrics):
    metrics.committed(Record(**RECORD, stream=True, first_byte_ms=250.0))
    duration = samples(metrics, "gen_ai_client_operation_duration_seconds_sum")
    assert duration == {("", "chat", "openai", "openai"): 1.5}
    assert samples(metrics, "gen_ai_server_time_to_first_token_seconds_sum") == {("chat", "openai", "openai"): 0.25}


def test_labels_are_closed(metrics):
    for number in range(50):
        made_up = {"provider": f"p{number}", "surface": f"s{number}", "endpoint": f"/x/{number}", "status": 0}
        metrics.committed(Record(**{**RECORD, **made_up}, requested_model=f"m{number}", model=f"m{number}"))
        metrics.decided(Refusal(status=403, code=f"c{number}", message="no"))
    assert samples(metrics, "ostiary_requests_total") == {("completed", "", "other", "none", "other"): 50}
    assert samples(metrics, "ostiary_decisions_total") == {("other", "refused"): 50}


def test_a_new_provider_gets_its_label_with_the_bundle(metrics):
    metrics.bundle_in_use("d2", 2, (ANTHROPIC,))
    metrics.committed(Record(**RECORD))
    metrics.committed(Record(**{**RECORD, "provider": "anthropic"}))
    providers = {labels[2] for labels in samples(metrics, "ostiary_requests_total")}
    assert providers == {"other", "anthropic"}
    assert samples(metrics, "ostiary_bundle_info") == {("d2",): 1}


def test_decisions_are_counted(metrics):
    metrics.decided(None)
    metrics.decided(Refusal(status=401, code="key_expired", message="API key expired"))
    expected = {("", "allowed"): 1, ("key_expired", "refused"): 1}
    assert samples(metrics, "ostiary_decisions_total") == expected


def test_the_ledgers_own_numbers_are_read_at_each_scrape(metrics):
    numbers = [LedgerNumbers(1, 2, 3.5, has_problem=True), LedgerNumbers(4, 5, 0.0, has_problem=False)]
    metrics.watch_ledger(lambda: numbers[0])
    assert samples(metrics, "ostiary_ledger_records_lost_total") == {(): 1}
    numbers.pop(0)
    assert samples(metrics, "ostiary_ledger_records_lost_total") == {(): 4}
    assert samples(metrics, "ostiary_spool_malformed_total") == {(): 5}
    assert samples(metrics, "ostiary_ledger_problem") == {(): 0}


def test_an_nginx_that_is_away_has_no_numbers(metrics):
    numbers = [None, NginxNumbers("e1", in_flight=2, issued=7, workers=1)]
    metrics.watch_nginx(lambda: numbers[0])
    assert samples(metrics, "ostiary_nginx_up") == {(): 0}
    assert samples(metrics, "ostiary_in_flight_requests") == {}
    numbers.pop(0)
    assert samples(metrics, "ostiary_nginx_up") == {(): 1}
    assert samples(metrics, "ostiary_in_flight_requests") == {(): 2}
    assert samples(metrics, "ostiary_requests_accepted_total") == {(): 7}
    assert samples(metrics, "ostiary_nginx_info") == {("e1",): 1}


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("/v1/messages?beta=true", "chat"),
        ("/openai/v1/completions", "text_completion"),
        ("/openai/v1/responses", "chat"),
        ("/v1/embeddings", "embeddings"),
        ("/google/v1/models/gemini:streamGenerateContent?alt=sse", "generate_content"),
        ("/openai/v1/files", "other"),
    ],
)
def test_operations(endpoint, name):
    assert operation(endpoint) == name


@pytest.mark.parametrize(("status", "name"), [(200, "2xx"), (599, "5xx"), (0, "none"), (999, "none")])
def test_status_classes(status, name):
    assert status_class(status) == name
