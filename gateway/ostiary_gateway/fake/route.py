"""Which dialect a request speaks, and what is answered outside of all of them."""

from ostiary_gateway.fake.anthropic import Anthropic
from ostiary_gateway.fake.dialect import Answer, Dialect, Stream, encode, failure
from ostiary_gateway.fake.google import Google
from ostiary_gateway.fake.journal import Journal
from ostiary_gateway.fake.openai import OpenAI
from ostiary_gateway.fake.script import Script, parse
from ostiary_gateway.fake.wire import Request

_OPENAI, _ANTHROPIC, _GOOGLE = OpenAI(), Anthropic(), Google()
_OPENAI_PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings")
_GOOGLE_CALLS = (":generateContent", ":streamGenerateContent")
_OWN_PATHS = ("/_log", "/_stats", "/_reset")


def find_answer(request: Request, journal: Journal) -> Answer | Stream:
    """The reply to a request; paths that begin with an underscore are about the fake provider itself."""
    if request.path in _OWN_PATHS:
        return _about_itself(request.path, journal)
    dialect = _dialect(request)
    if dialect is None:
        return _elsewhere(request)
    script = parse(request.header("x-fake"))
    if script.hang or script.drop:
        return Answer(200, b"", script=script)
    return dialect.refuse(request) or dialect.answer(request)


def _dialect(request: Request) -> Dialect | None:
    path, posted = request.path, request.method == "POST"
    if posted and path.endswith(_OPENAI_PATHS):
        return _OPENAI
    if posted and path.endswith("/v1/messages"):
        return _ANTHROPIC
    if posted and path.endswith(_GOOGLE_CALLS):
        return _GOOGLE
    if request.method == "GET" and path.endswith("/v1/models"):
        return _ANTHROPIC if request.header("anthropic-version") else _OPENAI
    return None


def _elsewhere(request: Request) -> Answer:
    """Paths without a model: the first segment is the script, and `echo` sends back what came."""
    name = request.path.split("/")[1]
    script = parse(request.header("x-fake") or name)
    if script == Script():
        return Answer(404, encode(_OPENAI.error(404, f"Invalid URL ({request.method} {request.path})")))
    if script.status != 200:  # noqa: PLR2004
        return failure(_OPENAI, script)
    body = b"x" * (script.big_kib * 1024) if script.big_kib else request.body
    return Answer(200, body, request.header("content-type") or "application/octet-stream", script=script)


def _about_itself(path: str, journal: Journal) -> Answer:
    if path == "/_reset":
        journal.reset()
        return Answer(200, b"{}")
    return Answer(200, journal.log() if path == "/_log" else journal.stats())
