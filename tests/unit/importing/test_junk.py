"""Configurations with anything anywhere: an import says what is wrong, and what it writes Ostiary takes."""

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary_operator.api import decode
from ostiary_operator.api.metadata import Metadata
from ostiary_operator.api.secret import Secret
from ostiary_operator.graph import Policy, Snapshot, resolve
from ostiary_operator.importing import Imported, Surroundings, UnreadableError, litellm, lmgate, plano, text

SOURCES = {"plano": plano, "litellm": litellm, "lmgate": lmgate}
GOLDEN = Path(__file__).parents[2] / "golden/import"
INPUTS = [(file.parent.name.partition("-")[0], yaml.safe_load(file.read_text())) for file in sorted(GOLDEN.glob("*/input.yaml"))]
JUNK = st.sampled_from(
    [None, True, False, -1, 0, 1, 3.7, 10**30, float("nan"), float("inf"), "", "x", "*", "a/b", "a b", "ü\u2028", "$X", "${X}",
     "os.environ/X", "http://h", "https://[::1]:8443/v1", "30s", "1e400", [], {}, [[]], [{}], {"": None}, {"model": {}},
     ["a", 1, None], {"*": ["*"]}]
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


def with_junk(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    return value


def accounts(made: Imported) -> dict[str, bytes]:
    """What the manifests take to be service accounts, as such."""
    found = (each["spec"]["credential"] for each in made.manifests if each["kind"] == "Provider" and "credential" in each["spec"])
    kinds = {each["secretRef"]["key"]: each.get("kind") for each in found if "key" in each["secretRef"]}
    return {name: b'{"client_email": "a@b", "private_key": "x"}' for name, kind in kinds.items() if kind == "ServiceAccount"}


def assert_taken(made: Imported) -> None:
    """What `ostiary check` does, without files."""
    objects = list(yaml.safe_load_all(text.manifests(made))) if made.manifests else []
    by_kind: dict[str, list[Any]] = {}
    for each in objects:
        by_kind.setdefault(each["kind"], []).append(each)
    secrets = {secret.metadata.ref: secret for secret in map(decode.secret, by_kind.get("Secret", []))}
    env = Secret(metadata=Metadata(name="env", namespace="default"), data=dict.fromkeys(made.variables, b"sk-x") | accounts(made))
    snapshot = Snapshot(
        providers=tuple(map(decode.provider, by_kind.get("Provider", []))),
        models=tuple(map(decode.model, by_kind.get("Model", []))),
        api_keys=tuple(map(decode.api_key, by_kind.get("ApiKey", []))),
        secrets={**secrets, env.metadata.ref: env},
    )
    graph = resolve(snapshot, Policy(allow_local=True))
    nodes = (*graph.providers, *graph.models, *graph.keys)
    assert [problem for node in nodes for problem in node.problems if problem.fatal] == []


def said(source: str, content: str) -> None:
    try:
        made = SOURCES[source](content, Surroundings(environ={"X": "x"}))
    except UnreadableError as error:
        lines = [str(error)]
    else:
        assert_taken(made)
        lines = [str(note) for note in made.notes]
    assert [line for line in lines if not line.isprintable()] == []


@settings(max_examples=int(os.environ.get("JUNK", "150")), deadline=None)
@given(st.sampled_from(INPUTS), st.data())
def test_anything_anywhere_is_noted_or_taken(given_: tuple[str, Any], data: st.DataObject) -> None:
    source, config = given_[0], copy.deepcopy(given_[1])
    for _ in range(data.draw(st.integers(1, 3))):
        config = with_junk(config, data.draw(st.sampled_from(places(config))), copy.deepcopy(data.draw(JUNK)))
    said(source, yaml.safe_dump(config, allow_unicode=True))


@pytest.mark.parametrize("source", SOURCES)
@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused_in_one_line(source: str, content: str) -> None:
    said(source, content)


@pytest.mark.parametrize(
    "content",
    [
        "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n" + "".join(
            f"{after}: &{after} [{', '.join(['*' + before] * 9)}]\n" for before, after in zip("bcdefgh", "cdefghi", strict=True)
        ),
        "[" * 5000,
        "a: &a {b: *a}",
        "? [a]\n: b",
        "a: \x00",
    ],
    ids=["bomb", "deep", "loop", "key", "control"],
)  # fmt: skip
def test_what_is_beyond_reason_is_refused(content: str) -> None:
    for source in SOURCES.values():
        with pytest.raises(UnreadableError):
            source(content, Surroundings())
