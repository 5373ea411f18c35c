"""Keys in a SQLite file, and the commands that fill it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from ostiary_gateway.cli.keystore import keystore
from ostiary_gateway.contract.allowlist import Entry, hash_key, write
from ostiary_gateway.contract.limits import Budget, Rate, Terms
from ostiary_gateway.contract.settings import Settings, SettingsError
from ostiary_gateway.keystore import KeyStore, KeyStoreError, configured

TERMS = Terms(rates=(Rate(unit="requests", window="minute", most=5),), budget=Budget(amount="10"), labels={"team": "red"})
FULL = Entry(
    id="tenant/7", sha256=hash_key("sk-7"), owner="Ann", name="seven", namespace="tenant", version="3", state="retiring",
    models=("openai/*", "anthropic/claude"), expires="2030-01-01T00:00:00Z", terms=msgspec.json.encode(TERMS).decode(),
)  # fmt: skip


def entry(number: int, **fields: str) -> Entry:
    return msgspec.structs.replace(Entry(id=f"k{number}", sha256=hash_key(f"sk-{number}"), owner="o", added="2026"), **fields)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[KeyStore]:
    with closing(KeyStore.open(path)) as store:
        yield store


def test_a_key_comes_back_as_it_was_put(store: KeyStore) -> None:
    store.put([FULL])
    key = store.find(FULL.sha256)
    assert key is not None
    assert (key.identity.key_id, key.identity.key_version, key.identity.namespace, key.state) == (
        "tenant/7",
        "3",
        "tenant",
        "retiring",
    )
    assert (key.models, key.expires_ms, key.terms, key.volatile) == (FULL.models, 1_893_456_000_000, TERMS, True)
    assert store.named("tenant/7") == key


def test_what_is_not_there_is_nobodys(store: KeyStore) -> None:
    assert (store.find(hash_key("sk-9")), store.find("no hash"), store.find(""), store.named("x")) == (None, None, None, None)


def test_the_value_that_counts_is_told_by_name(store: KeyStore) -> None:
    old, new = entry(1, state="retiring", version="1"), entry(2, id="k1", version="2")
    store.put([old, new])
    key = store.named("k1")
    assert key is not None
    assert key.identity.key_version == "2"


def test_another_process_sees_a_revocation_at_once(store: KeyStore, path: Path) -> None:
    store.put([entry(1), entry(2), entry(3, id="k1")])
    with closing(KeyStore.open(path)) as reader:
        assert store.revoke(["k1", "nobody"]) == 2
        assert store.revoke(["k1"]) == 0
        found = [reader.find(hash_key(f"sk-{n}")) for n in (1, 2, 3)]
    assert [key.state for key in found if key] == ["disabled", "current", "disabled"]


@pytest.mark.parametrize("wrong", [{"state": "curent"}, {"expires": "soon"}, {"terms": '{"rate":1}'}])
def test_all_or_none_are_taken(store: KeyStore, wrong: dict[str, str]) -> None:
    store.put([entry(1)])
    with pytest.raises(KeyStoreError, match="k3"):
        store.put([entry(2), entry(3, **wrong)], replace=True)
    assert (store.count(), store.find(hash_key("sk-1")) is not None) == (1, True)


def test_a_broken_row_or_file_gives_nobody_access_and_says_so(store: KeyStore, path: Path) -> None:
    store.put([entry(1), entry(2)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE key SET expires = 'soon' WHERE id = 'k1'")
    assert store.find(hash_key("sk-1")) is None
    assert "expires" in store.problem
    assert store.find(hash_key("sk-2")) is not None
    assert store.problem == ""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DROP TABLE key")
    assert store.find(hash_key("sk-2")) is None
    assert "no such table" in store.problem


def test_a_store_that_cannot_be_opened_is_a_wrong_setting(tmp_path: Path) -> None:
    assert configured(Settings()) is None
    with pytest.raises(SettingsError, match="key_store"):
        configured(Settings(key_store=str(tmp_path / "no/such/folder")))
    (tmp_path / "text").write_text("no database, but long enough to be looked at " * 50)
    with pytest.raises(SettingsError, match="not a database"):
        configured(Settings(key_store=str(tmp_path / "text")))


def run(*arguments: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(keystore, arguments, env=environ)


def test_an_allow_list_is_imported_and_a_key_revoked(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys.csv"
    file.write_text(write([entry(1), entry(2)]))
    assert run("import", "--store", str(path), str(file)).output == "2 taken, 2 there.\n"
    file.write_text(write([entry(3)]))
    assert run("import", "--store", str(path), str(file)).output == "1 taken, 3 there.\n"
    assert run("import", "--replace", str(file), environ={"OSTIARY_KEY_STORE": str(path)}).output == "1 taken, 1 there.\n"
    assert run("revoke", "--store", str(path), "k3").output == "1 disabled.\n"
    assert run("revoke", "--store", str(path), "k3").exit_code == 1


def test_keys_that_are_no_hashes_are_taken_only_where_that_is_said(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys.csv"
    file.write_text("id,api_key,owner,added\nu,sk-plain,Ann,2026\n")
    refused = run("import", "--store", str(path), str(file))
    assert (refused.exit_code, "sha256" in refused.output) == (1, True)
    assert run("import", "--store", str(path), "--plaintext", str(file)).exit_code == 0
    assert b"sk-plain" not in b"".join(part.read_bytes() for part in path.parent.glob("keys.sqlite*"))


def test_no_store_is_said_plainly(tmp_path: Path) -> None:
    result = run("revoke", "k")
    assert (result.exit_code, "OSTIARY_KEY_STORE" in result.output) == (1, True)
