"""A PostgreSQL of the tests' own: the real server on a unix socket, with nothing kept on disk for long."""

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from tests.support.process import REPOSITORY
from tests.support.wait import until

PROGRAMS = Path(os.environ.get("OSTIARY_TEST_POSTGRES") or REPOSITORY / ".tools/postgres/usr/lib/postgresql/18/bin")
_NOBODY = 65534  # the server refuses to run as root
_FAST = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "shared_buffers=16MB",
    "listen_addresses=",
    "max_connections=20",
)
_STOP_SECONDS = 10


class Postgres:
    """`start` makes a new cluster; each `url` is a schema of its own in it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ostiary-pg-", dir="/tmp"))  # a socket's path must be short
        self._user = _NOBODY if os.geteuid() == 0 else None
        self._log = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    def start(self) -> "Postgres":
        self._log.touch()
        if self._user is not None:
            for path in (self._folder, self._log):
                os.chown(path, self._user, self._user)
        data = self._folder / "data"
        self._run("initdb", "-D", str(data), "--no-sync", "--no-locale", "-E", "UTF8", "-A", "trust", "-U", "ostiary").wait()
        options = (word for setting in _FAST for word in ("-c", setting))
        self._process = self._run("postgres", "-D", str(data), "-k", str(self._folder), *options)
        until(self._answers, "PostgreSQL answers")
        return self

    def url(self) -> str:
        """A place where no tables are yet."""
        schema = f"t{next(self._numbers)}"
        with psycopg.connect(self._base(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
        return f"{self._base()}&options={quote(f'-csearch_path={schema}')}"

    def break_connections(self) -> None:
        """End every other session, as a failover does."""
        with psycopg.connect(self._base(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'ostiary'"
            )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_SECONDS)
        shutil.rmtree(self._folder)

    def _base(self) -> str:
        return f"postgresql:///postgres?host={quote(str(self._folder), safe='')}&user=ostiary"

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        environ = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        with self._log.open("ab") as output:
            return subprocess.Popen(
                (PROGRAMS / program, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environ,
                cwd=self._folder,
                user=self._user,
                group=self._user,
            )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            psycopg.connect(self._base()).close()
        except psycopg.OperationalError:
            return False
        return True
