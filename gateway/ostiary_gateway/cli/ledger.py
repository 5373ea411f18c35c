"""`ostiary ledger`: prove the counters, make them anew, give or take money."""

import fcntl
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import get_args

import click
import msgspec

from ostiary_gateway.cli import configured
from ostiary_gateway.contract.record import Posting, PostingKind
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.ledger import postings
from ostiary_gateway.ledger.names import Name, listed, packed
from ostiary_gateway.ledger.pump import SCRATCH, STATE, LedgerError, Pump, remove
from ostiary_gateway.ledger.recount import Recount
from ostiary_gateway.ledger.verify import Verdict, snapshot, verify
from ostiary_gateway.store import Place, State, committed

_SOCKET = "sidecar.sock"
_SECONDS = 60.0
_NEAR = 256 * 1024  # bytes: what is left to the sidecar, which goes on writing meanwhile
_ROUNDS = 20


@click.group("ledger")
def ledger() -> None:
    """Prove the counters, make them anew, give or take money."""


@ledger.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_(*, as_json: bool) -> None:
    """Count everything anew from the ledger and compare; exit code 1 on a difference. Changes nothing."""
    folder = configured.ledger_of(configured.settings())
    copy, scratch = folder / f"verify-{os.getpid()}.sqlite", folder / f"verify-{os.getpid()}-count.sqlite"
    started = time.monotonic()
    try:
        snapshot(folder / STATE, copy)
        with _bar(folder, "verify") as progress:
            verdict = verify(folder, copy, scratch, _now_ms(), progress)
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(str(error)) from error
    finally:
        remove(copy)
        remove(scratch)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(verdict), indent=2).decode())
    else:
        _tell(verdict, time.monotonic() - started)
    if not verdict.is_true:
        raise SystemExit(1)


@ledger.command("rebuild")
def rebuild() -> None:
    """Make the counters anew from the ledger: while the sidecar serves, or without it."""
    settings = configured.settings()
    folder = configured.ledger_of(settings)
    try:
        with _lock(folder) as is_alone:
            if is_alone:
                remove(folder / SCRATCH)
                _rebuild_alone(settings, folder)
            else:
                _rebuild_beside(settings, folder)
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(str(error)) from error
    finally:
        remove(folder / SCRATCH)
    click.echo("The counters are those of the ledger.")


@ledger.command("post", context_settings={"ignore_unknown_options": True})  # an amount may begin with a minus
@click.argument("kind", type=click.Choice(get_args(PostingKind)))
@click.argument("account")
@click.argument("amount")
@click.option("--reason", required=True, help="Why, in one line.")
@click.option("--actor", required=True, help="Who says so.")
def post(kind: PostingKind, account: str, amount: str, reason: str, actor: str) -> None:
    """Write money that is given (or, by an adjustment of less than nothing, taken) into the ledger.

    ACCOUNT is key/<key id> or budget/<namespace>/<name>, AMOUNT decimal US dollars.
    """
    settings = configured.settings()
    try:
        posting = postings.new(kind, account, amount, reason=reason, actor=actor)
        _post(settings, posting)
    except (postings.PostingError, LedgerError, OSError, sqlite3.Error) as error:
        raise click.ClickException(str(error)) from error
    click.echo(posting.id)


def _rebuild_alone(settings: Settings, folder: Path) -> None:
    with closing(State.open(folder / STATE)) as state:
        _count(settings, folder, state.place)
        state.replace(folder / SCRATCH)


def _rebuild_beside(settings: Settings, folder: Path) -> None:
    """All but the last lines are counted here; the sidecar counts those while it takes the counters over."""
    remove(folder / SCRATCH)
    _count(settings, folder, lambda: committed(folder / STATE))
    _ask(settings, "/ledger/rebuild", b"")


def _count(settings: Settings, folder: Path, end: Callable[[], Place | None]) -> None:
    counted: Place | None = None
    with _bar(folder, "rebuild") as progress:
        for _ in range(_ROUNDS):
            place = end()
            with closing(Recount.open(folder, folder / SCRATCH, _now_ms(), settings.idempotency_seconds * 1000)) as recount:
                recount.run(place, progress)
            if place is None or (counted and counted.name == place.name and place.length - counted.length < _NEAR):
                return
            counted = place


def _post(settings: Settings, posting: Posting) -> None:
    data = Path(settings.data)
    try:
        pump = Pump(data, rotate_bytes=settings.rotate_bytes, retention_days=0, grace=0.0, now=time.time)
    except BlockingIOError:
        _ask(settings, "/ledger/post", msgspec.json.encode(posting))
        return
    with closing(pump):
        pump.step([posting], accounting=None)


@contextmanager
def _lock(folder: Path) -> Iterator[bool]:
    """Whether no sidecar writes this ledger; then none can begin to."""
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(fd)


def _ask(settings: Settings, path: str, body: bytes) -> None:
    """Ask the sidecar that writes the ledger."""
    connection = _UnixConnection(Path(settings.run) / _SOCKET)
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        raise click.ClickException(f"the sidecar that writes this ledger does not answer: {error}") from error
    finally:
        connection.close()
    if answer.status >= 300:  # noqa: PLR2004 - HTTP's own
        raise click.ClickException(f"sidecar: {answer.status} {said}")


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("sidecar", timeout=_SECONDS)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket(AF_UNIX, SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@contextmanager
def _bar(folder: Path, label: str) -> Iterator[Callable[[int], None]]:
    """A progress bar over the bytes of all files, on a terminal."""
    sizes = [_size(folder, name) for name in listed(folder)]
    file = at = 0
    with click.progressbar(length=sum(sizes), label=label, file=sys.stderr) as bar:

        def progress(offset: int) -> None:
            """Told of an offset in the file that is being read; -1 is its end."""
            nonlocal file, at
            now = sum(sizes[:file]) + (sizes[file] if file < len(sizes) and offset < 0 else max(offset, 0))
            file += offset < 0
            bar.update(max(0, now - at))
            at = max(at, now)

        yield progress


def _size(folder: Path, name: Name) -> int:
    path = folder / str(name)
    return path.stat().st_size if path.exists() else (folder / packed(name)).stat().st_size


def _tell(verdict: Verdict, seconds: float) -> None:
    for each in verdict.differences:
        click.echo(f"{each.what}: counters say {each.told or 'nothing'}, the ledger {each.counted or 'nothing'}")
    took = str(timedelta(seconds=round(seconds)))
    click.echo(f"{verdict.lines:,} lines in {took}, {verdict.doubled:,} doubled, {verdict.unread:,} unreadable.")
    click.echo("The counters are those of the ledger." if verdict.is_true else "The counters are wrong: ostiary ledger rebuild")


def _now_ms() -> int:
    return int(time.time() * 1000)
