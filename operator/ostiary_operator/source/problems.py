"""What is wrong in a folder, in the words of its author: file, object, field, reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ostiary_operator.graph import BudgetNode, Graph, KeyNode, ModelNode, ProviderNode

ObjectId = tuple[str, str, str]
"""Kind, namespace, name."""
Node = ProviderNode | ModelNode | KeyNode | BudgetNode


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderProblem:
    """`subject` is `Kind/name` or empty, `field` a path or empty. A warning is no mistake."""

    file: str
    subject: str = ""
    field: str = ""
    why: str
    warning: bool = False

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.subject, self.field, self.why) if part)


def of_graph(graph: Graph, files: Mapping[ObjectId, str]) -> tuple[FolderProblem, ...]:
    """The graph's problems, with the file that each object came from."""
    nodes: tuple[Node, ...] = (*graph.providers, *graph.models, *graph.keys, *graph.budgets)
    return tuple(found for node in nodes for found in _of_node(node, files))


def _of_node(node: Node, files: Mapping[ObjectId, str]) -> Iterator[FolderProblem]:
    metadata, kind = node.resource.metadata, node.resource.kind
    for problem in node.problems:
        yield FolderProblem(
            file=files.get((kind, *metadata.ref), ""),
            subject=f"{kind}/{metadata.name}",
            field=problem.field,
            why=problem.message.removeprefix(f"{problem.field}: "),
            warning=not problem.fatal,
        )
