"""Every refusal the gateway can decide on, with the exact words that clients see (behaviour.md, TP- and LM- ids)."""

from ostiary_gateway.contract.decision import Refusal

_NOT_AUTHORIZED = "API key not authorized"
_MAX_NAME = 256

NO_KEY = Refusal(status=401, code="missing_api_key", message="missing or invalid Authorization header")
UNKNOWN_KEY = Refusal(status=401, code="invalid_api_key", message="invalid API key")
DISABLED = Refusal(status=401, code="key_disabled", message="API key disabled")
EXPIRED = Refusal(status=401, code="key_expired", message="API key expired")
MODEL_NOT_ALLOWED = Refusal(status=403, code="model_not_allowed", message="API key not allowed to use this model")
PREFIX_NOT_ALLOWED = Refusal(status=403, code="model_not_allowed", message=_NOT_AUTHORIZED)
UNKNOWN_PREFIX = Refusal(status=404, code="unknown_provider", message="no such provider")
NO_CREDENTIAL = Refusal(status=502, code="no_credential", message="provider error")

NO_TOKEN = Refusal(status=503, code="no_provider_token", message="no access token for this provider yet")
HAS_TO_BE_SIGNED = Refusal(status=400, code="not_passed_through", message="requests to this provider are signed: ask it by /v1")


def not_spoken(provider: str, dialect: str) -> Refusal:
    """A request that can neither go on as it is nor be put into anything that the provider understands."""
    return Refusal(status=400, code="dialect_not_spoken", message=f"provider {provider} does not speak {dialect}")


def unknown_model(name: str, why: str = "") -> Refusal:
    """The client's own name comes back cut to 256 characters and without control characters."""
    return Refusal(status=400, code="unknown_model", message=f"unknown model: {_shown(name)}" + (f" ({why})" if why else ""))


def unpriced(name: str) -> Refusal:
    """A model that must not be used while nobody knows its price (GZ-11)."""
    message = f"no price is known for model {_shown(name)} (model_pricing_missing)"
    return Refusal(status=422, code="model_pricing_missing", message=message)


def is_model_name(name: str) -> bool:
    """Whether a name could be a model's at all: not endless, nothing in it that a log or a header could choke on."""
    return 0 < len(name) <= _MAX_NAME and name.isprintable()


def on_pass_through(refusal: Refusal) -> Refusal:
    """The same refusal of a key as LMGate words it (LM-09): always 403, and the reason is not told."""
    return Refusal(status=403, code=refusal.code, message=_NOT_AUTHORIZED)


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:_MAX_NAME])
