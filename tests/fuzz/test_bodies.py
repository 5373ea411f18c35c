"""Whatever stands in the body: no reader of it finds a model there that the key may not use."""

import json
import math
import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from tests.support import sample
from tests.support.client import call
from tests.support.fuzzing import bounded
from tests.support.gateway import Gateway
from tests.support.provider import Provider

CHAT = "/v1/chat/completions"
ALLOWED = '"openai/echo"'
NAMES = ['"model"', '"mod\\u0065l"', '"\\u006dodel"', '"Model"', '"MODEL"', '"mo\\del"', '"model "', '"model\\u0000"', "model"]
MODELS = [
    ALLOWED,
    '"openai\\/echo"',
    '"openai/ech\\u006f"',
    '"openai/other"',
    '"anthropic/echo"',
    '"open/echo"',
    '"openai/echo\\u0000"',
    '"openai/echo\\","model":"openai/other"',
    '"openai/echo\\u0022,\\u0022model\\u0022:\\u0022other"',
    '"openai/echo\\n"',
    '"OPENAI/echo"',
    '"openai//echo"',
    '" openai/echo"',
    '"openai/echo\\ud800"',
    '""',
    "null",
    "1",
    '["openai/echo"]',
    '{"model":"openai/echo"}',
]
OTHERS = [
    '"messages":[{"role":"user","content":"hi"}]',
    '"messages":[{"model":"openai/other"}]',
    '"x":{"model":"openai/other","y":[{"model":"z"}]}',
    '"note":"\\",\\"model\\":\\"openai/other\\""',
    '"stream":false',
    '"n":1e999',
    '"n":123456789012345678901234567890',
    '"n":-0.0E-400',
    '"deep":' + "[" * 2000 + "]" * 2000,
    '"deep":' + '{"model":' * 300 + "1" + "}" * 300,
    '"bad":"\xff\xfe"',
    '"broken":',
    '"__proto__":{"model":"openai/other"}',
    '"constructor":{"prototype":{"model":"x"}}',
    "",
    "/* */",
    "'model':'openai/other'",
]
SPACES = st.sampled_from(["", " ", "\n", "\t\r\n", "\x0b", "\x00", "\u00a0"])
PAIRS = st.builds(
    lambda name, space, model: f"{name}{space}:{space}{model}", st.sampled_from(NAMES), SPACES, st.sampled_from(MODELS)
)
GOOD = st.just(f'"model":{ALLOWED}')
MEMBERS = st.lists(st.one_of(GOOD, PAIRS, st.sampled_from(OTHERS)), min_size=1, max_size=5)
WHOLE = ("{", "}")
ENDS = st.sampled_from(
    [WHOLE, WHOLE, WHOLE, ("{", "}{}"), ("[{", "}]"), ("\xef\xbb\xbf{", "}"), ("{", ""), ("{,", "}"), ("{", ",}")]
)


def joined(ends: tuple[str, str], space: str, members: list[str]) -> bytes:
    return (ends[0] + space + f"{space},{space}".join(members) + space + ends[1]).encode("latin-1")


BODIES = st.builds(joined, ENDS, SPACES, MEMBERS)


def models_in(body: bytes) -> list[Any]:
    """Every value that some reader may take for the model: any spelling, first or last."""
    found: list[Any] = []

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append([value for name, value in members if name.strip(" \0").lower() == "model"])
        return dict(members)

    json.loads(body.decode("utf-8", "replace"), object_pairs_hook=pairs)
    outermost: list[Any] = found[-1]
    return outermost


@given(body=BODIES)
@example(body=b'{"model":"openai/echo","model":"openai/other","messages":[]}')
@example(body=b'{"model":"openai/other","model":"openai/echo","messages":[]}')
@example(body=b'{"mod\\u0065l":"openai/echo","messages":[{"model":"openai/echo"}]}')
@example(body=b'{"model":"openai/echo","messages":[],"Model":"openai/other"}')
@example(body=b'{"model":"openai/echo","messages":[]}')
@bounded(250)
def test_a_request_never_reaches_a_provider_with_a_model_that_the_key_may_not_use(
    gateway: Gateway, provider: Provider, body: bytes
) -> None:
    provider.reset()
    reply = call(gateway.base_url, CHAT, body, key=sample.ONLY_ECHO, headers={"Content-Type": "application/json"})
    assert reply.headers["content-type"] == "application/json"
    assert reply.json
    seen = provider.seen()
    if not seen:
        assert reply.status in {400, 403}
        assert isinstance(reply.json["error"]["message"], str)
    for arrived in seen:
        assert models_in(arrived.body) == ["echo"]
        assert sample.ONLY_ECHO not in arrived.text


@given(body=st.one_of(st.binary(max_size=300), BODIES.map(lambda body: body[: len(body) // 2])))
@bounded(80)
def test_what_is_no_json_is_400_and_stays_here(gateway: Gateway, provider: Provider, body: bytes) -> None:
    provider.reset()
    reply = call(gateway.base_url, CHAT, body, key=sample.ONLY_ECHO)
    assert reply.status in {400, 403}
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert provider.seen() == []


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), FLOATS, st.text(st.characters(codec="utf-8"))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=10), VALUES, max_size=6)


def is_reserved(name: str) -> bool:
    return name.lower() in {"model", "stream", "stream_options", "messages"}


@given(
    before=FIELDS,
    after=FIELDS,
    indent=st.sampled_from([None, 0, 2]),
    escaped=st.booleans(),
)
@bounded(120)
def test_all_but_the_model_arrives_byte_for_byte(
    gateway: Gateway, provider: Provider, before: dict[str, Any], after: dict[str, Any], indent: int | None, *, escaped: bool
) -> None:
    """Numbers of any size and text of any script, as the client wrote them."""
    fields = {name: value for name, value in before.items() if not is_reserved(name)}
    fields |= {"messages": [], "model": "openai/echo"}
    fields |= {name: value for name, value in after.items() if not is_reserved(name) and name not in fields}
    body = json.dumps(fields, indent=indent, ensure_ascii=escaped)
    provider.reset()
    call(gateway.base_url, CHAT, body.encode(), key=sample.ONLY_ECHO)
    (arrived,) = provider.seen()
    if not any("\\" in json.dumps(name) for name in fields):
        expected = re.sub(r'("model": ?)"openai/echo"', r'\1"echo"', body, count=1)
        assert arrived.body == expected.encode()
    else:
        assert rounded(json.loads(arrived.body)) == rounded({**fields, "model": "echo"})


def rounded(value: Any) -> Any:
    """As a reader with IEEE doubles sees it: what is parsed and written again cannot be closer."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        number = float(value) if abs(value) < 1e308 else math.inf
        return 0.0 if number == 0 else number
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return {name: rounded(item) for name, item in value.items()}
