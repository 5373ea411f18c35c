"""`ostiary usage` and its export."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.support.spool_lines import REPLY, line, lost

from ostiary_gateway.cli.usage import usage
from ostiary_gateway.contract.record import Record
from ostiary_gateway.usage import REPLY_LIMIT

LMGATE = [
    "timestamp", "lmgate_id", "provider", "endpoint", "model", "status", "input_tokens", "output_tokens", "masked_key",
    "error_type",
]  # fmt: skip
SCHEMA = json.loads((Path(__file__).parents[3] / "gateway/ledger-record.schema.json").read_text())


def _usage(desk: Any, *arguments: str) -> Result:
    desk.drain()
    return CliRunner().invoke(usage, [*arguments[:1], "--ledger", str(desk.ledger), *arguments[1:]])


def _exported(desk: Any) -> list[dict[str, Any]]:
    result = _usage(desk, "export", "--format", "lmgate")
    assert result.exit_code == 0, result.output
    return [json.loads(text) for text in result.output.splitlines()]


@pytest.fixture
def busy(desk: Any) -> Any:
    desk.append(line(1) + line(2, t=1763808800.5))
    desk.append(line(3, s={"key_id": "team/bob", "owner": "Bob", "provider": "anthropic"}, status=500, us="500", u=""))
    return desk


def test_lm_20_the_export_has_lmgates_ten_fields(desk: Any) -> None:
    desk.append(line(1))
    (exported,) = _exported(desk)
    assert list(exported) == LMGATE
    assert exported == {
        "timestamp": "2025-11-21T10:53:20.123Z",
        "lmgate_id": "team/alice",
        "provider": "openai",
        "endpoint": "/v1/chat/completions",
        "model": "gpt-4o-2024-08-06",
        "status": 200,
        "input_tokens": 19,
        "output_tokens": 10,
        "masked_key": "abcdef",
        "error_type": None,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", exported["timestamp"])


@pytest.mark.parametrize(("extra", "known"), [(0, True), (1, False)])
def test_lm_15_of_replies_over_2_mib_lmgate_knew_no_tokens(desk: Any, extra: int, known: bool) -> None:
    desk.append(line(1, out=REPLY_LIMIT + extra))
    (exported,) = _exported(desk)
    assert [exported[name] is not None for name in ("model", "input_tokens", "output_tokens")] == [known] * 3
    assert desk.records()[0]["usage"]["input_tokens"] == 19


def test_lm_20_zero_tokens_stay_zero_in_the_export(desk: Any) -> None:
    desk.append(line(1, u=REPLY | {"usage": [{"prompt_tokens": 0, "completion_tokens": 0}]}))
    (exported,) = _exported(desk)
    assert (exported["input_tokens"], exported["output_tokens"]) == (0, 0)


def test_lm_24_a_failed_request_is_exported_with_its_status_and_nulls(desk: Any) -> None:
    desk.append(line(1, status=500, us="500", u={"last": True, "stream": False, "model": None, "usage": []}))
    (exported,) = _exported(desk)
    assert (exported["status"], exported["model"], exported["input_tokens"]) == (500, None, None)
    assert exported["error_type"] == "provider_error"


def test_lm_23_the_ledger_holds_a_mask_of_six_characters(desk: Any) -> None:
    desk.append(line(1))
    assert _exported(desk)[0]["masked_key"] == "abcdef"


def test_by_key_is_the_default(busy: Any) -> None:
    result = _usage(busy, "--json")
    alice, bob = json.loads(result.output)
    assert (alice["name"], alice["requests"], alice["input_tokens"], alice["errors"]) == ("team/alice", 2, 38, 0)
    assert (bob["name"], bob["requests"], bob["uncounted"], bob["errors"]) == ("team/bob", 1, 1, 1)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("owner", ["Alice", "Bob"]),
        ("provider", ["openai", "anthropic"]),
        ("model", ["gpt-4o-2024-08-06", "openai/gpt-4o"]),
    ],
)
def test_by_other_fields(busy: Any, by: str, names: list[str]) -> None:
    assert [total["name"] for total in json.loads(_usage(busy, "--json", "--by", by).output)] == names


def test_since_leaves_earlier_records_out(busy: Any) -> None:
    (alice,) = json.loads(_usage(busy, "--json", "--since", "2025-11-22").output)
    assert alice["requests"] == 1
    assert json.loads(_usage(busy, "--json", "--since", "2025-11-22T10:53:20.500Z").output)[0]["requests"] == 1
    assert json.loads(_usage(busy, "--json", "--since", "2025-11-22T10:53:20.501Z").output) == []


def test_since_takes_a_span(busy: Any) -> None:
    assert len(json.loads(_usage(busy, "--json", "--since", "99999d").output)) == 2
    assert _usage(busy, "--json", "--since", "soon").exit_code == 2


def test_the_table_is_for_people(busy: Any) -> None:
    head, alice, bob = _usage(busy).output.splitlines()
    assert head.split()[:3] == ["KEY", "REQUESTS", "ERRORS"]
    assert alice.split()[:5] == ["team/alice", "2", "0", "38", "20"]
    assert len(head) == len(alice) == len(bob)


def test_nothing_there_is_said_plainly(desk: Any) -> None:
    result = CliRunner().invoke(usage, ["--ledger", str(desk.ledger)])
    assert (result.exit_code, "no ledger there" in result.output) == (1, True)
    desk.drain()
    result = CliRunner().invoke(usage, ["--ledger", str(desk.ledger)])
    assert (result.exit_code, result.output) == (0, "No requests yet.\n")


def test_the_ledger_of_the_settings_is_the_default(desk: Any) -> None:
    desk.append(line(1))
    desk.drain()
    result = CliRunner().invoke(usage, ["--json"], env={"OSTIARY_DATA": str(desk.data)})
    assert json.loads(result.output)[0]["requests"] == 1
    wrong = CliRunner().invoke(usage, ["--json"], env={"OSTIARY_DATTA": "x"})
    assert (wrong.exit_code, "OSTIARY_DATTA: no such setting" in wrong.output) == (1, True)


def test_a_line_being_written_is_left_out(busy: Any) -> None:
    busy.drain()
    with next(busy.ledger.glob("*.jsonl")).open("ab") as file:
        file.write(b'{"timestamp":"2026')
    assert len(_exported(busy)) == 3


def test_records_follow_their_schema(desk: Any) -> None:
    desk.append(line(1) + lost(2) + line(3, status=502, us="502", uh="-", u=""))
    desk.drain()
    assert len(desk.records()) == 3
    for record in desk.records():
        jsonschema.validate(record, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(desk.records()[0] | {"ended": "somehow"}, SCHEMA)


def test_the_schema_names_the_fields_of_a_record() -> None:
    assert list(SCHEMA["properties"]) == [field.encode_name for field in msgspec.structs.fields(Record)]
