"""Which dialect a request speaks, and what is answered outside of all of them.

A path that begins with `/lenient` is served by providers that take fields they do not know, as many small servers do; one that
begins with `/mistral`, by Mistral.
"""

from ostiary_gateway.fake.anthropic import Anthropic
from ostiary_gateway.fake.bedrock import Bedrock
from ostiary_gateway.fake.dialect import Answer, Dialect, Stream, encode, failure
from ostiary_gateway.fake.google import Google
from ostiary_gateway.fake.journal import Journal
from ostiary_gateway.fake.mistral import Mistral
from ostiary_gateway.fake.openai import OpenAI
from ostiary_gateway.fake.script import Script, parse
from ostiary_gateway.fake.tokens import answer_token
from ostiary_gateway.fake.wire import Request

_OPENAI_ENDS = ("/chat/completions", "/completions", "/responses", "/embeddings")
_ANTHROPIC_ENDS = ("/v1/messages", "/v1/messages/count_tokens")
_GOOGLE_CALLS = (":generateContent", ":streamGenerateContent", ":embedContent", ":batchEmbedContents", ":countTokens")
_BEDROCK_ENDS = ("/converse", "/converse-stream")
_OPENAI_PLACES = ("/v1/", "/openai/deployments/", "/openai/responses")
_OWN_PATHS = ("/_log", "/_stats", "/_reset")
_LENIENT, _MISTRAL = "/lenient/", "/mistral/"
_STRICT, _LAX = ({kind: kind(strict=strict) for kind in (OpenAI, Anthropic, Google, Bedrock)} for strict in (True, False))
_MISTRALS = Mistral()


def find_answer(request: Request, journal: Journal) -> Answer | Stream:
    """The reply to a request; paths that begin with an underscore are about the fake provider itself."""
    if request.path in _OWN_PATHS:
        return _about_itself(request.path, journal)
    if request.method == "POST" and request.path.endswith("/token"):
        return answer_token(request)
    dialect = _dialect(request)
    if dialect is None:
        return _elsewhere(request)
    script = parse(request.header("x-fake"))
    if script.hang or script.drop:
        return Answer(200, b"", script=script)
    return dialect.refuse(request) or dialect.answer(request)


def _dialect(request: Request) -> Dialect | None:
    path, posted = request.path, request.method == "POST"
    dialects = _LAX if path.startswith(_LENIENT) else _STRICT
    if posted and path.endswith(_OPENAI_ENDS) and any(place in path for place in _OPENAI_PLACES):
        return _MISTRALS if path.startswith(_MISTRAL) else dialects[OpenAI]
    if posted and path.endswith(_ANTHROPIC_ENDS):
        return dialects[Anthropic]
    if posted and path.endswith(_GOOGLE_CALLS):
        return dialects[Google]
    if posted and path.endswith(_BEDROCK_ENDS) and "/model/" in path:
        return dialects[Bedrock]
    if request.method == "GET" and path.endswith("/v1/models"):
        return dialects[Anthropic if request.header("anthropic-version") else OpenAI]
    return None


def _elsewhere(request: Request) -> Answer:
    """Paths without a model: the first segment is the script, and `echo` sends back what came."""
    openai = _STRICT[OpenAI]
    name = request.path.split("/")[1]
    script = parse(request.header("x-fake") or name)
    if script == Script():
        return Answer(404, encode(openai.error(404, f"Invalid URL ({request.method} {request.path})")))
    if script.status != 200:  # noqa: PLR2004
        return failure(openai, script)
    body = b"x" * (script.big_kib * 1024) if script.big_kib else request.body
    return Answer(200, body, request.header("content-type") or "application/octet-stream", script=script)


def _about_itself(path: str, journal: Journal) -> Answer:
    if path == "/_reset":
        journal.reset()
        return Answer(200, b"{}")
    return Answer(200, journal.log() if path == "/_log" else journal.stats())
