"""The process: its settings, its lock, its signals."""

import asyncio
import fcntl
import os
import signal
from pathlib import Path

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.supervisor.errors import StartError
from ostiary_gateway.supervisor.folders import Folders
from ostiary_gateway.supervisor.keeper import Keeper, Orders
from ostiary_gateway.supervisor.machine import inspect

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main(settings: Settings, *, signals: int = 0) -> None:
    """Keep nginx until SIGTERM or SIGINT; a second signal does not wait for open requests.

    With `signals`, as if that many had come already: an nginx that was left behind is ended, none is started.

    Raises:
        StartError: nothing can be served here.
    """
    os.umask(0o077)  # sockets, spool and bundle are nobody else's business
    folders = Folders(run=Path(settings.run).absolute(), data=Path(settings.data).absolute())
    machine = inspect(settings)
    folders.make()
    lock = _lock(folders.lock)
    try:
        asyncio.run(_keep(Keeper(settings, machine, folders), signals))
    finally:
        os.close(lock)


async def _keep(keeper: Keeper, signals: int) -> None:
    orders = Orders(stop=asyncio.Event(), hurry=asyncio.Event())
    for _ in range(signals):
        orders.signalled()
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, orders.signalled)
    await keeper.run(orders)


def _lock(path: Path) -> int:
    """Two supervisors of one folder would fight over nginx; the system gives the lock back when its holder dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StartError(f"another supervisor uses {path.parent}") from error
    return descriptor
