"""The caller's key in a request's headers: `Authorization: Bearer` decides over `x-api-key` (LM-02 to LM-08)."""

_BEARER = "bearer"


def key_in(authorization: str | None, x_api_key: str | None) -> str:
    """The key, or an empty string. `Bearer` without a token is no key, whatever `x-api-key` says (LM-05, LM-06)."""
    scheme, _, value = (authorization or "").strip().partition(" ")
    if scheme.lower() == _BEARER:
        return value.strip()
    return (x_api_key or "").strip()
