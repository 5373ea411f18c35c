"""OpenAI's "Embeddings: create embeddings" of the API reference."""

from typing import Annotated, Literal

from msgspec import Meta

from ostiary_gateway.fake.strict.shape import Form, Problem, Refused, fit, need

_MOST = 2048


class Request(Form):
    model: str
    input: str | list[str | int | list[int]]
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None


def check(body: object) -> Problem | None:
    """What the API would refuse."""
    try:
        given = fit(body, Request).input
        need(given, "input", "Invalid 'input': empty. Expected at least one text.")
        need(isinstance(given, str) or len(given) <= _MOST, "input", "Invalid 'input': array too long. Expected at most 2048.")
        need(isinstance(given, str) or "" not in given, "input", "Invalid 'input': input cannot be an empty string.")
    except Refused as refused:
        return refused.problem
    return None
