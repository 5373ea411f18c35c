"""Whatever stands in a custom resource: nginx gets `upstream` blocks of ours and not one directive of a value."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.support import nginx_text

from ostiary_gateway.contract import allowlist, document
from ostiary_gateway.contract import bundle as contract
from ostiary_operator.api import decode, patterns
from ostiary_operator.dataplane import compile_graph
from ostiary_operator.graph import Policy, Snapshot, resolve
from ostiary_operator.render import Directive, RenderError, bundle, to_text

NASTY = [
    "\n",
    "\r\n",
    ";",
    "{",
    "}",
    '"',
    "'",
    "\\",
    "$host",
    "${x}",
    "#",
    " ",
    "\t",
    "\x00",
    "/../",
    "%0a",
    "|",
    ",",
    "é",
    "\ud800",
    "@",
]
texts = st.text(max_size=12) | st.lists(st.sampled_from([*NASTY, "a", "api.example", "443", ":", "/"]), max_size=8).map("".join)
urls = st.one_of(
    st.from_regex(patterns.BASE_URL),
    st.builds("https://{}{}".format, st.from_regex("^[a-z0-9.-]{1,20}$", fullmatch=True), texts),
    st.builds("http://{}/".format, texts),
    texts,
)
names = st.from_regex("^[a-z0-9]([-.a-z0-9]{0,20}[a-z0-9])?$", fullmatch=True)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def providers(draw: st.DrawFn) -> dict[str, Any]:
    spec = {
        "type": draw(st.sampled_from(["openai", "anthropic", "google", "openai-compatible"]) | texts),
        "baseURL": draw(urls),
        "prefix": draw(st.none() | names | texts),
        "credential": draw(
            st.none() | st.fixed_dictionaries({"secretRef": st.fixed_dictionaries({"name": texts, "key": texts})})
        ),
    }
    kept = {name: value for name, value in spec.items() if value is not None}
    return {
        "metadata": {"name": draw(names), "namespace": "d"},
        "spec": kept | draw(st.dictionaries(texts, anything, max_size=1)),
    }


@st.composite
def api_keys(draw: st.DrawFn) -> dict[str, Any]:
    digest = draw(st.integers(0, 3).map(lambda number: f"{number:064x}") | texts)
    spec = {
        "sha256": digest,
        "owner": draw(texts),
        "models": draw(st.lists(texts, max_size=3)),
        "expiresAt": draw(texts | st.none()),
    }
    return {"metadata": {"name": draw(names), "namespace": "d"}, "spec": {k: v for k, v in spec.items() if v is not None}}


def compiled(providers: list[dict[str, Any]], keys: list[dict[str, Any]]) -> contract.Bundle:
    snapshot = Snapshot(
        providers=tuple(decode.provider(obj) for obj in providers), api_keys=tuple(decode.api_key(obj) for obj in keys)
    )
    return bundle(compile_graph(resolve(snapshot, Policy(allow_local=True))))


@SLOW
@given(st.lists(providers(), max_size=4))
def test_no_value_of_a_provider_becomes_a_directive(tmp_path: Path, objects: list[dict[str, Any]]) -> None:
    files = compiled(objects, []).files
    text = files[contract.UPSTREAMS].decode()
    blocks = nginx_text.parsed(text, tmp_path)
    known = {provider.upstream for provider in document.decode(files[contract.DOCUMENT]).providers}
    assert {block["args"][0] for block in blocks} == known
    for block in blocks:
        assert (block["directive"], len(block["args"])) == ("upstream", 1)
        assert [child["directive"] for child in block["block"]] == ["zone", "server", "keepalive", "keepalive_timeout"]
        assert re.fullmatch(r"[a-z0-9.:\[\]-]+", block["block"][1]["args"][0])


@settings(parent=SLOW, max_examples=25)
@given(st.lists(providers(), min_size=1, max_size=8))
def test_nginx_takes_whatever_comes_out(tmp_path: Path, objects: list[dict[str, Any]]) -> None:
    assert nginx_text.refusal(compiled(objects, []).files[contract.UPSTREAMS].decode(), tmp_path) == ""


@SLOW
@given(urls)
@example("http://[:::]")
@example("http://[1]")
@example("https://a.example:0443")
def test_a_base_url_that_is_taken_has_no_way_out_of_the_document(url: str) -> None:
    spec = decode.provider({"metadata": {"name": "p"}, "spec": {"type": "openai", "baseURL": url}}).spec
    if spec is None:
        return
    provider = document.decode(
        compiled([{"metadata": {"name": "p"}, "spec": {"type": "openai", "baseURL": url}}], []).files[contract.DOCUMENT]
    ).providers[0]
    assert re.fullmatch(r"[a-z0-9.:\[\]-]+", provider.host)
    assert re.fullmatch(r"[-A-Za-z0-9._~:@+,=/]*", provider.base_path)
    assert re.fullmatch(r"os_https?_[a-z0-9.-]+_[0-9]{1,5}", provider.upstream)


@SLOW
@given(st.lists(api_keys(), max_size=4))
def test_no_value_of_a_key_becomes_a_row_or_a_column(objects: list[dict[str, Any]]) -> None:
    taken = [decode.api_key(obj) for obj in objects]
    specs = {key.spec.sha256: key.spec for key in taken if key.spec}
    rows = list(allowlist.read(compiled([], objects).files[contract.ALLOWLIST.format(0)].decode()))
    assert {row.sha256 for row in rows} == set(specs)
    for row in rows:
        assert row.state == "current"
        assert (row.owner, row.models) in {(spec.owner, spec.models) for key in taken if (spec := key.spec)}
        assert not re.search(r"[\t\r\n\x00]", "".join((row.owner, row.id, *row.models)))


@SLOW
@given(st.lists(texts, max_size=4))
@example(['";}', "\\"])
@example(["\\", '"'])
def test_an_argument_stays_the_argument_that_it_was(tmp_path: Path, args: list[str]) -> None:
    try:
        text = to_text([Directive("server", tuple(args)), Directive("keepalive", ("1",))])
    except RenderError:
        return
    read = nginx_text.parsed(text, tmp_path)
    assert [(each["directive"], each["args"]) for each in read] == [("server", args), ("keepalive", ["1"])]


@pytest.mark.parametrize("nasty", NASTY)
def test_each_nasty_text_is_refused_in_each_field_that_reaches_nginx(nasty: str) -> None:
    if nasty in {"/../", "é", "@"}:
        fields: list[dict[str, str]] = [{"baseURL": f"https://a{nasty}.example"}, {"prefix": f"a{nasty}b"}]
    else:
        fields = [{"baseURL": f"https://a.example{nasty}"}, {"baseURL": f"https://a.example/{nasty}x"}, {"prefix": f"a{nasty}b"}]
    for change in fields:
        spec = {"type": "openai", "baseURL": "https://a.example", **change}
        if nasty == "," and "baseURL" in change and change["baseURL"].endswith("/,x"):
            continue  # a comma may stand in a path, which is data to the gateway and never nginx text
        assert decode.provider({"metadata": {"name": "p"}, "spec": spec}).spec is None, change
