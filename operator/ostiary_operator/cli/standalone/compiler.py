"""The folder of manifests, compiled again whenever a file in it changes."""

import asyncio
from collections.abc import Callable, Iterable

from ostiary_gateway.contract.document import VERSION, Document
from ostiary_operator import render
from ostiary_operator.api.limits import LimitsError, parse_limits
from ostiary_operator.cli.standalone.plan import CannotRunError, Plan
from ostiary_operator.cli.standalone.publish import publish, publish_problems
from ostiary_operator.dataplane import compile_graph
from ostiary_operator.graph import Policy, resolve
from ostiary_operator.source import folder

_LOOK_SECONDS = 0.1
_HERE = Policy(allow_local=True)


class Compiler:
    """Keeps `run/bundle/current` as the folder says; what is wrong in it is told once, by `say`.

    Raises:
        CannotRunError: the setting for default limits is none.
    """

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        try:
            self._default_limits = parse_limits(plan.settings.default_limits)
        except LimitsError as error:
            raise CannotRunError(f"OSTIARY_DEFAULT_LIMITS: {error}") from error
        self._plan = plan
        self._say = say
        self._loaded: folder.Loaded | None = None
        self._told: frozenset[str] = frozenset()
        self._fingerprint: object = None
        self.document = Document(version=VERSION)
        self.key_hashes: frozenset[str] = frozenset()

    def compile(self) -> None:
        """Read, resolve, publish. A broken file keeps what it last said, a broken object is left out.

        Raises:
            CannotRunError: the folder cannot be read.
        """
        plan = self._plan
        self._fingerprint = folder.fingerprint(plan.manifests)
        try:
            self._loaded = folder.load(plan.manifests, plan.environ, plan.data, self._loaded)
        except folder.FolderError as error:
            raise CannotRunError(f"{error}; choose another folder of manifests: OSTIARY_MANIFESTS") from error
        graph = resolve(self._loaded.snapshot, _HERE)
        problems = folder.problems(self._loaded, graph)
        self._tell(str(problem) for problem in problems)
        publish_problems(plan.run, problems)
        compiled = compile_graph(graph, cluster_domain=plan.settings.cluster_domain, default_limits=self._default_limits)
        self.document = compiled.document
        self.key_hashes = frozenset(entry.sha256 for entry in compiled.entries)
        publish(plan.run, render.bundle(compiled))

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if folder.fingerprint(self._plan.manifests) == self._fingerprint:
                continue
            try:
                self.compile()
            except (CannotRunError, OSError) as error:
                self._say(f"{error}; the gateway goes on with what it has")

    def _tell(self, problems: Iterable[str]) -> None:
        now = dict.fromkeys(problems)
        for problem in now:
            if problem not in self._told:
                self._say(problem)
        self._told = frozenset(now)
