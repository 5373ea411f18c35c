"""Anthropic's "Count Message tokens": a message's request without what only an answer needs."""

from ostiary_gateway.fake.strict import messages
from ostiary_gateway.fake.strict.shape import Problem


def check(body: object, betas: str = "") -> Problem | None:
    return messages.check(body, betas, counted=True)
