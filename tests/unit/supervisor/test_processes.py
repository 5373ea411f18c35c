"""Processes as /proc shows them, and those that nobody else buries."""

import os
import subprocess
import sys
from pathlib import Path

from ostiary_gateway.supervisor import processes

# A process that its own parent leaves to us, a child of our own, and who of them is a corpse in the end.
SCRIPT = """
import ctypes, os, subprocess, sys, time
from ostiary_gateway.supervisor import processes

def dead(pid):
    while open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)

ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: as PID 1 does, take in orphans
started = subprocess.run(["sh", "-c", "sleep 0.1 & echo $!"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
orphan = int(started.stdout)
"""


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", SCRIPT + script], capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()


def test_orphans_are_buried() -> None:
    said = run("dead(orphan); processes.reap_strangers(set()); print(os.path.exists(f'/proc/{orphan}'))")
    assert said == "False"


def test_own_children_are_left_to_who_waits_for_them() -> None:
    said = run("own = subprocess.Popen(['false']); dead(own.pid); processes.reap_strangers({own.pid}); print(own.wait())")
    assert said == "1"


def test_nothing_to_bury_is_fine() -> None:
    assert run("dead(orphan); [processes.reap_strangers(set()) for _ in range(2)]; print('ok')") == "ok"


def test_this_process_is_alive_and_no_nginx() -> None:
    assert processes.alive(os.getpid())
    assert processes.find_master(Path("/nowhere/nginx.conf")) is None
    assert processes.workers(os.getpid()) == []
    assert processes.orphans(os.getsid(0)) == []


def test_a_number_that_nobody_has_is_not_alive() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert not processes.alive(gone.pid)
