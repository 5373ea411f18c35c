"""Snapshot -> graph: what refers to what, who has what, and every problem as a value. Pure, without a clock."""

from ostiary_operator.graph.nodes import BudgetNode, Graph, KeyNode, KeyValue, ModelNode, Place, Problem, ProviderNode
from ostiary_operator.graph.resolve import deadlines, resolve, wanted_secrets
from ostiary_operator.graph.snapshot import Policy, Ref, Snapshot

__all__ = [
    "BudgetNode",
    "Graph",
    "KeyNode",
    "KeyValue",
    "ModelNode",
    "Place",
    "Policy",
    "Problem",
    "ProviderNode",
    "Ref",
    "Snapshot",
    "deadlines",
    "resolve",
    "wanted_secrets",
]
