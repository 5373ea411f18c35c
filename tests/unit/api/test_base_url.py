"""Base URLs taken apart."""

import pytest

from ostiary_operator.api import baseurl
from ostiary_operator.api.baseurl import BaseUrl
from ostiary_operator.api.metadata import Invalid


def parsed(text: str) -> BaseUrl:
    url = baseurl.parse(text)
    assert isinstance(url, BaseUrl)
    return url


@pytest.mark.parametrize(
    ("text", "authority", "port", "path"),
    [
        ("https://api.openai.com", "api.openai.com", 443, ""),
        ("https://API.OpenAI.com:443/", "api.openai.com", 443, ""),
        ("http://a.example:8080/base/", "a.example:8080", 8080, "/base"),
        ("https://a.example:80", "a.example:80", 80, ""),
        ("http://[2001:DB8::1]", "[2001:db8::1]", 80, ""),
        ("http://[::1]:8000/x/y", "[::1]:8000", 8000, "/x/y"),
    ],
)
def test_the_port_is_named_if_it_is_not_the_schemes_own(text: str, authority: str, port: int, path: str) -> None:
    url = parsed(text)
    assert (url.authority, url.port, url.path) == (authority, port, path)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.255.255.254", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:7f00:1]", "169.254.169.254", "[fe80::1]",
        "[::ffff:169.254.169.254]", "0.0.0.0", "[::]", "224.0.0.1", "[fd00:ec2::254]", "localhost", "LocalHost", "x.localhost",
    ],
)  # fmt: skip
def test_addresses_of_the_machine_itself_are_known_however_they_are_written(host: str) -> None:
    assert parsed(f"http://{host}").is_local


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "[fd00::1]", "8.8.8.8", "a.example", "localhost.example"])
def test_other_addresses_may_be_providers(host: str) -> None:
    assert not parsed(f"http://{host}").is_local


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0x7f.1", "127.0.0.1.", "256.0.0.1", "1.2.3", "[:::]"])
def test_what_only_looks_like_an_address_is_refused(host: str) -> None:
    assert isinstance(baseurl.parse(f"http://{host}"), Invalid)


def test_a_host_longer_than_dns_allows_is_refused() -> None:
    host = ".".join(["a" * 63] * 4)
    assert isinstance(baseurl.parse(f"https://{host}"), Invalid)
    assert parsed(f"https://{host[:253]}").host == host[:253]


@pytest.mark.parametrize("path", ["/..", "/a/../b", "/./a", "/a/."])
def test_dot_segments_are_refused(path: str) -> None:
    assert isinstance(baseurl.parse(f"https://a.example{path}"), Invalid)
