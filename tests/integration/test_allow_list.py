"""LMGate's allow-list in the folder of manifests, and what happens when it changes (LM-16 to LM-19)."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support import sample
from tests.support.client import call
from tests.support.gateway import Gateway
from tests.support.manifests import api_key
from tests.support.provider import Provider
from tests.support.wait import until

from ostiary_operator.cli.check import check

HEADER = "id,api_key,owner,added\n"
FIRST = HEADER + "user-1,sk-plain-one,Ann,2026-01-01\nuser-2,sk-plain-two,Ben,2026-01-01\n"
EFFECTIVE_SECONDS = 1.5


@pytest.fixture(scope="module")
def one_for_all(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Gateway]:
    made = Gateway(tmp_path_factory.mktemp("gateway"))
    (made.manifests / "allowlist.csv").write_text(FIRST)
    yield made.start(sample.providers(provider.url))
    made.drop()


@pytest.fixture
def gateway(one_for_all: Gateway, provider: Provider) -> Gateway:
    """With the first list in force and nothing else."""
    (one_for_all.manifests / "allowlist.csv").write_text(FIRST)
    (one_for_all.manifests / "more.yaml").unlink(missing_ok=True)
    one_for_all.write("main", *sample.providers(provider.url))
    one_for_all.await_manifests()
    return one_for_all


def told(gateway: Gateway) -> int:
    """How much it has said so far."""
    return len(gateway.output)


def status(gateway: Gateway, key: str) -> int:
    return call(gateway.base_url, "/open/echo", b"x", key=key).status


def becomes(gateway: Gateway, key: str, wanted: int) -> float:
    """Seconds until the key is answered so."""
    start = time.monotonic()
    until(lambda: status(gateway, key) == wanted, f"{key} gets {wanted}")
    return time.monotonic() - start


def test_lm_16_lmgates_plain_csv_is_taken_as_it_is(gateway: Gateway) -> None:
    assert [status(gateway, key) for key in ("sk-plain-one", "sk-plain-two", "user-1")] == [200, 200, 403]
    call(gateway.base_url, "/open/echo", b"x", key="sk-plain-two", headers={"x-request-id": "ben"})
    record = gateway.record("ben")
    assert (record["key_id"], record["owner"]) == ("user-2", "Ben")
    stored = b"".join(file.read_bytes() for file in gateway.run.rglob("*") if file.is_file())
    assert b"sk-plain" not in stored


def test_lm_16_extra_columns_are_fine_and_a_header_alone_denies_all(gateway: Gateway) -> None:
    (gateway.manifests / "allowlist.csv").write_text("team," + HEADER.strip() + ",more\nx,u,sk-wide,O,2026,y\n")
    assert becomes(gateway, "sk-wide", 200) < EFFECTIVE_SECONDS
    (gateway.manifests / "allowlist.csv").write_text(HEADER)
    assert becomes(gateway, "sk-wide", 403) < EFFECTIVE_SECONDS


def test_lm_17_an_edit_is_effective_without_a_restart(gateway: Gateway) -> None:
    file = gateway.manifests / "allowlist.csv"
    assert status(gateway, "sk-plain-three") == 403
    file.write_text(FIRST + "user-3,sk-plain-three,Cyd,2026-01-01\n")
    assert becomes(gateway, "sk-plain-three", 200) < EFFECTIVE_SECONDS
    file.write_text(HEADER + "user-3,sk-plain-three,Cyd,2026-01-01\n")
    assert becomes(gateway, "sk-plain-one", 403) < EFFECTIVE_SECONDS
    assert status(gateway, "sk-plain-three") == 200


@pytest.mark.parametrize("bad", ["id,owner\nx,y\n", "garbage", None], ids=["column", "garbage", "deleted"])
def test_lm_18_a_bad_edit_leaves_the_old_list_in_force(gateway: Gateway, bad: str | None) -> None:
    file = gateway.manifests / "allowlist.csv"
    before = told(gateway)
    if bad is None:
        file.unlink()
    else:
        file.write_text(bad)
    until(lambda: "allowlist.csv" in gateway.output[before:], "a warning names the file")
    gateway.write("more", api_key("later", "sk-later"))
    becomes(gateway, "sk-later", 200)
    assert [status(gateway, key) for key in ("sk-plain-one", "sk-plain-two")] == [200, 200]
    assert "Traceback" not in gateway.output


def test_lm_18_a_broken_manifest_leaves_what_it_said_in_force(gateway: Gateway) -> None:
    file = gateway.manifests / "main.yaml"
    before = told(gateway)
    file.write_text(file.read_text() + "\n---\nkind: [\n")
    until(lambda: "main.yaml" in gateway.output[before:], "a warning names the file")
    gateway.write("more", api_key("later", "sk-later"))
    becomes(gateway, "sk-later", 200)
    assert status(gateway, "sk-plain-one") == 200


def test_lm_19_match_is_exact_and_the_last_row_wins(gateway: Gateway) -> None:
    rows = "early,sk-same,Ann,2026\nother,sk-other,Bob,2026\nlate,sk-same,Cyd,2026\n"
    (gateway.manifests / "allowlist.csv").write_text(HEADER + rows)
    becomes(gateway, "sk-same", 200)
    assert call(gateway.sidecar_url, "/auth", key="sk-same").headers["x-lmgate-id"] == "late"
    assert [status(gateway, key) for key in ("sk-sam", "sk-same1", "SK-SAME", "k-same")] == [403] * 4


@pytest.mark.parametrize("missing", ["id", "api_key", "owner", "added"])
def test_lm_16_a_missing_column_is_told(tmp_path: Path, missing: str) -> None:
    columns = [column for column in ("id", "api_key", "owner", "added") if column != missing]
    (tmp_path / "allowlist.csv").write_text(",".join(columns) + "\n")
    found = CliRunner().invoke(check, [str(tmp_path)])
    assert found.exit_code == 1
    assert missing in found.output
