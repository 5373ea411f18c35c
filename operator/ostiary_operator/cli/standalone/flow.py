"""`ostiary run`, told once: compile, start, greet, wait, stop."""

import asyncio
import contextlib
import http.client
import signal
from pathlib import Path

import click

from ostiary_operator.cli.standalone.child import Child
from ostiary_operator.cli.standalone.compiler import Compiler
from ostiary_operator.cli.standalone.greeting import greeting
from ostiary_operator.cli.standalone.plan import FAKE_HOST, Plan

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS = 0.05
_READY_SECONDS = 30.0
_QUIET_SECONDS = 2.0  # a stop that takes longer is explained
_TRIALS = 3
_LAST_SECONDS = 30.0  # for what is in the spool


class Flow:
    def __init__(self, plan: Plan, nginx: Path) -> None:
        self._plan = plan
        self._compiler = Compiler(plan, say)
        self._environ = environ = plan.child_environ(nginx)
        self._supervisor = Child("supervisor", ["supervisor"], environ, say)
        self._sidecar = Child("sidecar", ["sidecar"], environ, say)
        fake = ["fake", "--host", FAKE_HOST, "--port", str(plan.fake_port)]
        self._fake = Child("fake provider", fake, environ, say) if plan.fake_port else None
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Until Ctrl-C.

        Raises:
            CannotRunError: the manifests cannot be read.
        """
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        self._compiler.compile()
        children = [child for child in (self._sidecar, self._supervisor, self._fake) if child is not None]
        tasks = [asyncio.create_task(child.keep()) for child in children]
        tasks += [asyncio.create_task(self._compiler.watch()), asyncio.create_task(self._greet())]
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait({stopped, *tasks[:-1]}, return_when=asyncio.FIRST_COMPLETED)
        await self._end()
        for task in (*tasks, stopped):
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _greet(self) -> None:
        """Say that it serves, as soon as it does."""
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        problem = ""
        while asyncio.get_running_loop().time() < deadline:
            problem = await asyncio.to_thread(_not_ready, self._plan)
            if not problem:
                click.echo(greeting(self._plan, self._compiler))
                return
            await asyncio.sleep(_LOOK_SECONDS)
        say(f"not ready after {_READY_SECONDS:.0f} s: {problem}")

    async def _end(self) -> None:
        """In this order no record is lost: nginx writes its last lines, then the sidecar reads them."""
        explain = asyncio.get_running_loop().call_later(_QUIET_SECONDS, _explain)
        await self._supervisor.stop(self._plan.settings.shutdown_seconds + _LAST_SECONDS, self._hurry)
        await self._end_nginx()
        explain.cancel()
        await self._sidecar.stop(_LAST_SECONDS, asyncio.Event())
        if self._fake is not None:
            await self._fake.stop(_LAST_SECONDS, asyncio.Event())

    async def _end_nginx(self) -> None:
        """A supervisor that was dead at that moment, or still starting, has left nginx alone; its report is the proof."""
        for _ in range(_TRIALS):
            if not (self._plan.run / "nginx.json").exists():
                return
            now = ["--now"] if self._hurry.is_set() else []
            ender = Child("supervisor", ["supervisor", "--stop", *now], self._environ, say)
            ending = asyncio.create_task(ender.live())
            hurried = asyncio.create_task(self._hurry.wait())
            await asyncio.wait({ending} if now else {ending, hurried}, return_when=asyncio.FIRST_COMPLETED)
            hurried.cancel()
            await ender.stop(_LAST_SECONDS, asyncio.Event())
            await ending

    def _signalled(self) -> None:
        (self._hurry if self._stop.is_set() else self._stop).set()


def say(line: str) -> None:
    click.echo(f"ostiary: {line}", err=True)


def _explain() -> None:
    say("waiting for open requests to end; Ctrl-C again cuts them off")


def _not_ready(plan: Plan) -> str:
    """Why it does not serve yet; empty if it does."""
    for address, path in ((plan.sidecar_address, "/readyz"), (plan.address, "/healthz")):
        connection = http.client.HTTPConnection(address, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                text = answer.read().decode(errors="replace").strip()
            except (OSError, http.client.HTTPException) as error:
                return f"http://{address}{path}: {error}"
        if answer.status != http.HTTPStatus.OK:
            return f"http://{address}{path}: {text}"
    return ""
