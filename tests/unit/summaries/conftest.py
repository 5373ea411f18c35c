"""A ledger in a folder of its own, and one PostgreSQL for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.ledger_folder import LedgerFolder
from tests.support.postgres import Postgres


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerFolder:
    return LedgerFolder(tmp_path / "ledger")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres().start()
    yield server
    server.stop()
