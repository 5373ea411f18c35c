"""What `ostiary run` does between a folder of manifests and a bundle."""

from pathlib import Path

from ostiary_gateway.contract.bundle import Bundle
from ostiary_operator.dataplane import compile_graph
from ostiary_operator.graph import Policy, resolve
from ostiary_operator.render import bundle
from ostiary_operator.source import folder


def compile_folder(manifests: Path, data: Path) -> Bundle:
    """The bundle of a folder; a test fails on any problem in it."""
    loaded = folder.load(manifests, {}, data)
    graph = resolve(loaded.snapshot, Policy(allow_local=True))
    problems = [problem for problem in folder.problems(loaded, graph) if not problem.warning]
    assert not problems, [str(problem) for problem in problems]
    return bundle(compile_graph(graph))
