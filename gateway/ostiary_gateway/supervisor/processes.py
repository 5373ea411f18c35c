"""nginx's processes, and guards, as /proc shows them.

nginx writes what a process is into its title: `nginx: master process <command line>`, `nginx: worker process`, and
`nginx: worker process is shutting down` from the moment on at which that worker accepts nothing more.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MASTER = "nginx: master process"
_WORKER = "nginx: worker process"
_GUARD = "ostiary_gateway guard"
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    session: int
    state: str  # Z is a zombie
    title: str

    @property
    def accepts(self) -> bool:
        """A worker that is ready: before, it bears its master's title; at its end, it says that it shuts down."""
        return self.title == _WORKER

    @property
    def is_worker(self) -> bool:
        return self.title.startswith(_WORKER)


def find_master(configuration: Path) -> Process | None:
    """The nginx that runs with this configuration file, whoever started it."""
    for process in _all():
        if process.title.startswith(_MASTER) and str(configuration) in process.title and process.session == process.pid:
            return process
    return None


def workers(master: int) -> list[Process]:
    return [process for process in _all() if process.parent == master and process.is_worker]


def orphans(session: int) -> list[Process]:
    """Workers of a master that is gone: they do not notice its death and would go on accepting."""
    return [process for process in _all() if process.session == session and process.is_worker]


def guards(run: Path) -> set[int]:
    """The guards of one folder, whoever started them."""
    ours = f"--run {run}"
    return {
        process.pid for process in _all() if _GUARD in process.title and process.title.endswith(ours) and process.state != "Z"
    }


def guard_words(listener: int, run: Path) -> list[str]:
    """A guard's command line; the folder is there so that it can be found again."""
    return [*_GUARD.split(), "--listener", str(listener), "--run", str(run)]


def alive(pid: int) -> bool:
    process = _read(pid)
    return process is not None and process.state != "Z"


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process that may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def reap_strangers(own: set[int]) -> None:
    """As PID 1, bury the children that we were left with, but not our own: who started those asks for their end."""
    with contextlib.suppress(ChildProcessError):
        while (dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if dead.si_pid in own:
                return
            os.waitpid(dead.si_pid, 0)


def _all() -> Iterator[Process]:
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (process := _read(int(entry.name))) is not None:
            yield process


def _read(pid: int) -> Process | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
        title = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return None
    state, parent, _, session = stat.rpartition(")")[2].split()[:4]
    text = title.replace(b"\0", b" ").decode(errors="surrogateescape").strip()
    return Process(pid=pid, parent=int(parent), session=int(session), state=state, title=text)
