"""OpenAI's "Completions: create completion" of the API reference."""

from typing import Annotated

from msgspec import Meta

from ostiary_gateway.fake.strict.chat import Penalty, Share, StreamOptions, Temperature
from ostiary_gateway.fake.strict.shape import Form, Problem, Refused, fit, need


class Request(Form):
    model: str
    prompt: str | list[str | int | list[int]] | None
    best_of: Annotated[int, Meta(ge=1, le=20)] | None = None
    echo: bool | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None
    max_tokens: Annotated[int, Meta(ge=0)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    presence_penalty: Penalty | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    suffix: str | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    user: str | None = None


def check(body: object) -> Problem | None:
    """What the API would refuse."""
    try:
        request = fit(body, Request)
        text = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        need(request.stream or request.stream_options is None, "stream_options", text)
        best = request.best_of or request.n or 1
        need(best >= (request.n or 1), "best_of", "'best_of' must be greater than or equal to 'n'")
    except Refused as refused:
        return refused.problem
    return None
