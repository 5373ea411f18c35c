"""The quoting printer, and what it prints, read back by crossplane and by nginx itself."""

from pathlib import Path

import pytest
from tests.support import nginx_text

from ostiary_operator.api import baseurl
from ostiary_operator.api.baseurl import BaseUrl
from ostiary_operator.dataplane.upstreams import Upstream, upstream_of
from ostiary_operator.render import Directive, RenderError, to_text, upstreams

URLS = [
    "https://api.openai.com",
    "http://api.openai.com:443",
    "http://127.0.0.1:8090",
    "http://[2001:db8::1]:8000",
    "http://localhost:11434",
    "http://vllm.models.svc:8000",
    "https://host-that-nobody-knows.invalid",
    "https://" + ".".join(["a" * 61] * 4),
]


def ends() -> list[Upstream]:
    found = [baseurl.parse(url) for url in URLS]
    return [upstream_of(url, "cluster.local") for url in found if isinstance(url, BaseUrl)]


def test_every_upstream_is_taken_by_nginx_though_its_host_is_unknown(tmp_path: Path) -> None:
    assert len(ends()) == len(URLS)
    assert nginx_text.refusal(upstreams(ends()), tmp_path) == ""


def test_no_upstreams_is_a_text_that_nginx_takes(tmp_path: Path) -> None:
    assert upstreams([]) == ""
    assert nginx_text.refusal("", tmp_path) == ""


def test_names_are_resolved_by_nginx_and_addresses_are_not(tmp_path: Path) -> None:
    blocks = nginx_text.parsed(upstreams(ends()), tmp_path)
    servers = {block["args"][0]: block["block"][1]["args"] for block in blocks}
    assert servers["os_https_api.openai.com_443"] == ["api.openai.com:443", "resolve"]
    assert servers["os_http_2001-db8--1_8000"] == ["[2001:db8::1]:8000"]
    assert servers["os_http_localhost_11434"] == ["127.0.0.1:11434"]
    assert servers["os_http_vllm.models.svc_8000"] == ["vllm.models.svc.cluster.local:8000", "resolve"]


def test_each_upstream_has_its_own_zone_and_keeps_connections(tmp_path: Path) -> None:
    for block in nginx_text.parsed(upstreams(ends()), tmp_path):
        assert [child["directive"] for child in block["block"]] == ["zone", "server", "keepalive", "keepalive_timeout"]
        assert block["block"][0]["args"][0] == block["args"][0]


@pytest.mark.parametrize("value", ["a b", "a;b", "{", "}", '"', "'", "#a", "", "é", '";}', "a{b}"])
def test_a_quoted_argument_stays_one_argument(value: str, tmp_path: Path) -> None:
    tree = [Directive("server", (value, "last")), Directive("keepalive", ("1",))]
    read = nginx_text.parsed(to_text(tree), tmp_path)
    assert [(each["directive"], each["args"]) for each in read] == [("server", [value, "last"]), ("keepalive", ["1"])]


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\x00", "$host", "a${b}", "\x7f", "\ud800", "\\", "a\\;"])
def test_what_cannot_be_quoted_is_an_error_that_does_not_show_it(value: str) -> None:
    with pytest.raises(RenderError) as error:
        to_text([Directive("server", (value,))])
    assert value not in str(error.value)


@pytest.mark.parametrize("name", ["", "a b", "server;", "Server", "#", "a-b"])
def test_only_names_are_names(name: str) -> None:
    with pytest.raises(RenderError):
        to_text([Directive(name)])
