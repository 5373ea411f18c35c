"""Rules of names and backends, where a golden case shows one example and every one is meant."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary_gateway.contract import bundle as contract
from ostiary_gateway.contract import document
from ostiary_operator.api import decode
from ostiary_operator.dataplane import compile_graph
from ostiary_operator.graph import Graph, Snapshot, resolve
from ostiary_operator.render import bundle

PREFIXES = ("openai", "azure", "mistral", "nobody")
NAMES = st.sampled_from(["gpt-4o", "GPT-4o", "fast", "openai/gpt-4o", "openai/*", "*", "gpt-*"])
ALIASES = st.lists(st.sampled_from(["fast", "FAST", "gpt-4o", "R1", "openai/x"]), max_size=3)
BACKENDS = st.lists(st.sampled_from(PREFIXES), min_size=1, max_size=4)
FALLBACKS = st.lists(st.sampled_from([f"{prefix}/{model}" for prefix in PREFIXES for model in ("a", "gpt-4o")]), max_size=4)
MODELS = st.lists(st.tuples(NAMES, ALIASES, BACKENDS, FALLBACKS), max_size=5)


def meta(name: str, day: int = 1) -> dict[str, Any]:
    return {"name": name, "namespace": "team", "uid": name, "creationTimestamp": f"2026-01-{day:02}T00:00:00Z"}


def provider(name: str) -> dict[str, Any]:
    return {"metadata": meta(name), "spec": {"type": "openai", "baseURL": f"https://{name}.example", "passthroughAuth": True}}


def model(number: int, name: str, aliases: list[str], backends: list[str], fallbacks: list[str]) -> dict[str, Any]:
    spec = {"name": name, "aliases": aliases, "retryPolicy": {"fallbackModels": fallbacks}}
    spec["backends"] = [{"providerRef": {"name": each}} for each in backends]
    return {"metadata": meta(f"m{number}", number + 2), "spec": spec}


def graph_of(models: list[tuple[str, list[str], list[str], list[str]]], *, backwards: bool = False) -> Graph:
    objects = [decode.model(model(number, *each)) for number, each in enumerate(models)]
    providers = [decode.provider(provider(prefix)) for prefix in PREFIXES[:-1]]
    step = -1 if backwards else 1
    return resolve(Snapshot(providers=tuple(providers[::step]), models=tuple(objects[::step])))


def document_of(graph: Graph) -> document.Document:
    """As the gateway reads it, which checks every place in it."""
    return document.decode(bundle(compile_graph(graph)).files[contract.DOCUMENT])


@given(MODELS)
@settings(max_examples=200)
def test_gz_13_no_two_models_have_a_name_or_alias_in_common_whatever_its_case(models: list[Any]) -> None:
    names = [name.lower() for each in document_of(graph_of(models)).models for name in {each.name.lower(), *each.aliases}]
    assert len(set(names)) == len(names)


@given(MODELS)
@settings(max_examples=200)
def test_the_order_of_objects_does_not_matter(models: list[Any]) -> None:
    assert document_of(graph_of(models)) == document_of(graph_of(models, backwards=True))


@given(MODELS)
@settings(max_examples=200)
def test_pl_02_fallbacks_are_in_their_order_and_each_backend_is_there_once(models: list[Any]) -> None:
    graph = graph_of(models)
    nodes = {node.resource.metadata.id: node for node in graph.models}
    for built in document_of(graph).models:
        places = [f"{each.provider}/{each.model}" for each in built.backends]
        assert len(set(places)) == len(places)
        assert built.policy is not None
        spec = nodes[built.id].resource.spec
        assert spec is not None
        assert spec.retry_policy is not None
        asked = [each for each in dict.fromkeys(spec.retry_policy.fallback_models) if each in places]
        assert [places[place] for place in built.policy.fallbacks] == asked
        assert all(not each.startswith("nobody/") for each in places)
        firsts = [each for each in built.backends if not each.retry_only]
        assert firsts
        assert built.backends[: len(firsts)] == tuple(firsts)


@given(MODELS)
@settings(max_examples=200)
def test_a_model_that_is_left_out_says_why_and_others_are_in(models: list[Any]) -> None:
    graph = graph_of(models)
    served = {each.id for each in document_of(graph).models}
    for node in graph.models:
        assert (node.resource.metadata.id in served) == (not any(problem.fatal for problem in node.problems))
