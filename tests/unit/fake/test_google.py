"""Google's answers, Vertex's credentials and the endpoint that gives them."""

import base64
import hashlib
from typing import Any
from urllib.parse import urlencode

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ostiary_gateway.fake.dialect import Answer, Stream
from ostiary_gateway.fake.journal import Journal
from ostiary_gateway.fake.reply import THOUGHT, sign_thought
from ostiary_gateway.fake.route import find_answer
from ostiary_gateway.fake.sample import make_sample
from ostiary_gateway.fake.tokens import answer_token
from ostiary_gateway.fake.wire import Request

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = 1_800_000_000
HI = [{"role": "user", "parts": [{"text": "hi"}]}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"functionDeclarations": [{"name": name, "parameters": SCHEMA} for name in ("weather", "news")]}]


def post(target: str, body: object, **headers: str) -> Answer | Stream:
    given = tuple(headers.items()) or (("x-goog-api-key", "k"),)
    return find_answer(Request("POST", target, given, msgspec.json.encode(body)), Journal())


def ask(body: dict[str, Any], model: str = "gemini", verb: str = "generateContent") -> Any:
    answer = post(f"/v1beta/models/{model}:{verb}", {"contents": HI, **body})
    assert isinstance(answer, Answer)
    return msgspec.json.decode(answer.body)


def events(body: dict[str, Any], query: str = "?alt=sse") -> list[Any]:
    stream = post(f"/v1beta/models/gemini:streamGenerateContent{query}", {"contents": HI, **body})
    assert isinstance(stream, Stream)
    text = b"".join(stream.portions)
    if not query:
        return list(msgspec.json.decode(text))
    return [msgspec.json.decode(line.removeprefix(b"data: ")) for line in text.split(b"\n\n") if line]


def parts(reply: Any) -> list[Any]:
    return list(reply["candidates"][0]["content"]["parts"])


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_google_calls_tools_and_quotes_their_results(query: str) -> None:
    called = parts(ask({"tools": TOOLS}))
    assert [part["functionCall"]["name"] for part in called] == ["weather", "news"]
    assert called[0]["functionCall"]["args"] == make_sample(SCHEMA)
    assert [part for reply in events({"tools": TOOLS}, query) for part in parts(reply)] == called
    results = [{"functionResponse": {"name": name, "response": {"output": "sunny"}}} for name in ("weather", "news")]
    turns = [*HI, {"role": "model", "parts": called}, {"role": "user", "parts": results}]
    assert parts(ask({"contents": turns, "tools": TOOLS})) == [{"text": "The tool said: sunny The tool said: sunny"}]


def test_google_thinks_and_knows_its_own_signature() -> None:
    config = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    thought, text = parts(ask(config))
    assert thought == {"text": THOUGHT, "thought": True}
    assert text["thoughtSignature"] == sign_thought(THOUGHT)
    again = [*HI, {"role": "model", "parts": [text]}, *HI]
    assert "candidates" in ask({"contents": again})
    text["thoughtSignature"] = base64.b64encode(b"another's").decode()
    assert ask({"contents": again})["error"]["status"] == "INVALID_ARGUMENT"


def test_google_sees_pictures_and_schemas() -> None:
    content = b"\xff\xfe\xfd"
    picture = {"inlineData": {"mimeType": "image/png", "data": base64.urlsafe_b64encode(content).decode()}}
    (seen,) = parts(ask({"contents": [{"role": "user", "parts": [picture]}]}))
    assert seen["text"] == f"I see image/png, 3 bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}."
    config = {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}},
    }
    assert parts(ask({"generationConfig": config})) == [{"text": '{"n":7}'}]


@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "UNAUTHENTICATED"), (404, "NOT_FOUND"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (503, "UNAVAILABLE")],
)
def test_google_errors_have_their_words(status: int, word: str) -> None:
    error = ask({}, f"status-{status}")["error"]
    assert (error["code"], error["status"]) == (status, word)


def test_google_embeds() -> None:
    one = ask({"contents": None, "content": HI[0]}, verb="embedContent")
    assert "error" in one  # `contents` is not its field
    answer = post("/v1beta/models/e:embedContent", {"content": HI[0]})
    batch = post("/v1beta/models/e:batchEmbedContents", {"requests": [{"model": "models/e", "content": HI[0]}]})
    assert isinstance(answer, Answer)
    assert isinstance(batch, Answer)
    assert msgspec.json.decode(batch.body)["embeddings"] == [msgspec.json.decode(answer.body)["embedding"]]


def assertion(**changes: Any) -> str:
    claims = {"iss": "a@b", "scope": "s", "aud": "u", "iat": NOW, "exp": NOW + 3600, **changes}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, KEY, algorithm="RS256")


def token(signed: str, path: str = "/token", grant: str = "urn:ietf:params:oauth:grant-type:jwt-bearer") -> Any:
    body = urlencode({"grant_type": grant, "assertion": signed}).encode()
    return msgspec.json.decode(answer_token(Request("POST", path, (), body), NOW).body)


def test_vertex_wants_the_token_that_the_endpoint_gives() -> None:
    given = token(assertion())
    path = "/v1/projects/p/locations/global/publishers/google/models/gemini:generateContent"
    right = post(path, {"contents": HI}, authorization=f"Bearer {given['access_token']}")
    wrong = post(path, {"contents": HI}, authorization="Bearer x")
    assert isinstance(right, Answer)
    assert isinstance(wrong, Answer)
    assert (right.status, wrong.status) == (200, 401)
    assert given["expires_in"] == 3599
    assert token(assertion(), "/expires-2/token")["expires_in"] == 2


@pytest.mark.parametrize("changes", [{"scope": None}, {"exp": NOW + 7200}, {"iat": NOW - 9000, "exp": NOW - 5400}])
def test_bad_assertions_are_refused(changes: dict[str, Any]) -> None:
    assert token(assertion(**changes))["error"] == "invalid_grant"
    assert token("x.y")["error"] == "invalid_grant"
    assert token("x", grant="password")["error"] == "unsupported_grant_type"
