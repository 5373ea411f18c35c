"""Whatever stands in the headers: only a listed key gets through, and no key of a client reaches a provider."""

import re
from http.client import HTTPException

from hypothesis import example, given
from hypothesis import strategies as st
from tests.support import sample
from tests.support.client import call, send_raw
from tests.support.fuzzing import bounded
from tests.support.gateway import Gateway
from tests.support.provider import Provider

BODY = b'{"model":"openai/echo","messages":[]}'
LISTED = {sample.ALL, sample.SHORT, sample.ONLY_ECHO}
KEYS = st.sampled_from([*sample.CLIENT_KEYS, sample.SHORT, *sample.CREDENTIALS])
NEARLY = st.builds(
    lambda key, mangle: mangle(key),
    KEYS,
    st.sampled_from([str.upper, str.strip, lambda k: k[:-1], lambda k: k + "\x00", lambda k: f'"{k}"', lambda k: k + " x"]),
)
NOISE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
LONG = st.builds(lambda text, times: (text or "x") * times, NOISE, st.integers(1, 200))
VALUES = st.one_of(KEYS, NEARLY, NOISE, LONG)
SCHEMES = st.sampled_from(["Bearer ", "bearer ", "BEARER  ", "Bearer\t", "Basic ", "Token ", "", "Bearer", "Bearer Bearer "])
AUTHORIZATION = st.builds(lambda scheme, value: ("Authorization", scheme + value), SCHEMES, VALUES)
NAMES = st.sampled_from(["x-api-key", "X-API-KEY", "api-key", "x-goog-api-key", "Cookie", "X-Forwarded-Authorization"])
HEADERS = st.lists(st.one_of(AUTHORIZATION, st.tuples(NAMES, VALUES)), max_size=5)


def callers_key(headers: list[tuple[str, str]]) -> str:
    """LM-02 to LM-08 as they are written: the Bearer credential if there is one, else x-api-key."""
    found = [value for name, value in headers if name.lower() == "authorization"]
    bearer = re.fullmatch(r"(?i:bearer)[ \t]+(.*)", found[0].strip(), re.DOTALL) if found else None
    if bearer:
        return bearer[1].strip()
    return next((value.strip() for name, value in headers if name.lower() == "x-api-key"), "")


@given(headers=HEADERS, surface=st.sampled_from(["/v1/chat/completions", "/openai/v1/chat/completions"]))
@example(headers=[("Authorization", f"Bearer {sample.ALL}")], surface="/v1/chat/completions")
@example(headers=[("x-api-key", sample.ALL)], surface="/openai/v1/chat/completions")
@bounded(120)
def test_only_a_listed_key_gets_through_and_none_leaves(
    gateway: Gateway, provider: Provider, headers: list[tuple[str, str]], surface: str
) -> None:
    provider.reset()
    headers = [(name, value) for name, value in headers if "\x00" not in value]
    lines = [f"POST {surface} HTTP/1.1", "Host: gateway", f"Content-Length: {len(BODY)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    reply = send_raw(gateway.base_url, "\r\n".join([*lines, "", ""]).encode("latin-1") + BODY)
    assert reply is not None
    assert reply.headers["content-type"] == "application/json"
    seen = provider.seen()
    key = callers_key(headers)
    repeated = len({name.lower() for name, _ in headers}) < len(headers)
    if seen:
        candidates = {key} if not repeated else {value.split()[-1] for _, value in headers if value.split()}
        assert candidates & LISTED
    elif not repeated:
        assert key not in LISTED or (key == sample.ONLY_ECHO and surface != "/v1/chat/completions")
        assert 400 <= reply.status < 500
    for arrived in seen:
        assert arrived.all("authorization") == [f"Bearer {sample.OPENAI_CREDENTIAL}"]
        assert not [secret for secret in sample.CLIENT_KEYS if secret in arrived.text]
    assert not [secret for secret in (*sample.CLIENT_KEYS, *sample.CREDENTIALS) if secret in reply.text]


@given(key=st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=300))
@bounded(60)
def test_a_made_up_key_is_refused_on_every_surface(gateway: Gateway, provider: Provider, key: str) -> None:
    provider.reset()
    for path, status in (("/v1/chat/completions", 401), ("/open/v1/chat/completions", 403)):
        try:
            reply = call(gateway.base_url, path, BODY, headers={"Authorization": f"Bearer {key}"})
        except (HTTPException, ValueError):
            return  # not even this client would send it
        assert reply.status in {status, 400}
        assert reply.headers["content-type"] == "application/json"
    assert provider.seen() == []
