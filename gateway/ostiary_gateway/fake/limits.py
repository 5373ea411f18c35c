"""The headers in which vendors tell of their limits, on errors 429 and where the script says `rates`."""

from ostiary_gateway.fake.script import TOO_MANY_REQUESTS, Script

_RESET_AT = "2030-01-01T00:00:00Z"


def openai_limits(script: Script) -> dict[str, str]:
    """OpenAI, "Rate limits: rate limits in headers"."""
    if not _told(script):
        return {}
    wait = f"{script.retry_after or 1}s"
    return {
        **_each("x-ratelimit-limit-{}", requests="60", tokens="150000"),
        **_each("x-ratelimit-remaining-{}", requests=_left(script, 59), tokens=_left(script, 149_984)),
        **_each("x-ratelimit-reset-{}", requests=wait, tokens="6m0s"),
    }


def anthropic_limits(script: Script) -> dict[str, str]:
    """Anthropic, "Rate limits: response headers"."""
    if not _told(script):
        return {}
    kinds = ("requests", "tokens", "input-tokens", "output-tokens")
    return {
        f"anthropic-ratelimit-{kind}-{name}": value
        for kind, limit, left in zip(kinds, (50, 80_000, 64_000, 16_000), (49, 79_000, 63_500, 15_500), strict=True)
        for name, value in (("limit", str(limit)), ("remaining", _left(script, left)), ("reset", _RESET_AT))
    }


def _told(script: Script) -> bool:
    return script.rates or script.status == TOO_MANY_REQUESTS


def _left(script: Script, left: int) -> str:
    return "0" if script.status == TOO_MANY_REQUESTS else str(left)


def _each(name: str, **values: str) -> dict[str, str]:
    return {name.format(kind): value for kind, value in values.items()}
