"""Entries of `model_list`: deployments, each a model at an account of a vendor."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from ostiary_operator.importing import litellm_clouds, objects, vendors
from ostiary_operator.importing.located import UnreadableError, Value
from ostiary_operator.importing.objects import Account, Accounts
from ostiary_operator.importing.reading import Reading
from ostiary_operator.importing.vendors import LITELLM, Vendor

_PARAMS = (
    "model", "api_key", "api_base", "base_url", "api_version", "custom_llm_provider", "weight", "order", "rpm", "tpm", "timeout",
    "stream_timeout", "input_cost_per_token", "output_cost_per_token", "organization", "extra_headers", "headers",
)  # fmt: skip
_OF_TYPE = {"bedrock": litellm_clouds.AWS_PARAMS, "vertex": litellm_clouds.VERTEX_PARAMS}
_INFO = (
    "id", "mode", "base_model", "input_cost_per_token", "output_cost_per_token", "description", "max_tokens", "max_input_tokens",
    "max_output_tokens", "litellm_provider", "supports_function_calling", "supports_vision",
)  # fmt: skip
_CHANGES = "Ostiary never changes a request: clients have to send it"
_SENT = ("temperature", "max_tokens", "top_p", "seed", "stop", "user", "extra_body", "reasoning_effort")
_WHY = dict.fromkeys(_SENT, _CHANGES) | {
    "mock_response": "Ostiary makes no answers up",
    "max_retries": "counts for all deployments: num_retries of router_settings",
    "num_retries": "counts for all deployments: num_retries of router_settings",
}
_WITHOUT_V1 = ("anthropic", "google", "ollama")  # LiteLLM's addresses of these have no /v1
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deployment:
    """`group` is its `model_name`; `model` what the vendor calls it, or a pattern with `*`."""

    value: Value
    params: Value
    group: str
    vendor: str
    model: str
    prefix: str
    id: str
    price: Mapping[str, str]

    @property
    def target(self) -> str:
        return f"{self.prefix}/{self.model}"

    @property
    def is_wildcard(self) -> bool:
        return "*" in self.model

    @property
    def is_catalogue(self) -> bool:
        """`vendor/*` by that very name: the Provider's prefix offers it."""
        return self.model == "*" and self.group == f"{self.vendor}/*" == f"{self.prefix}/*"

    @property
    def pattern(self) -> str:
        """What a key must be allowed to use it."""
        return self.group

    def setting(self, key: str) -> Value | None:
        """One that stands with the parameters, or (as of old) beside them."""
        return self.params.get(key) or self.value.get(key)

    def backend(self) -> dict[str, Any]:
        made: dict[str, Any] = {"providerRef": {"name": self.prefix}}
        return made | ({} if self.is_wildcard else {"model": self.model}) | ({"price": dict(self.price)} if self.price else {})


def deployments(section: Value, reading: Reading, accounts: Accounts) -> list[Deployment]:
    """Every deployment that Ostiary can serve, in order; the accounts of wildcards get the vendors' names first."""
    if not section.elements:
        raise UnreadableError("is no configuration of LiteLLM's proxy: its model_list is empty")
    parsed = [(value, *names) for value in section.elements if (names := _names(value, reading)) is not None]
    parsed.sort(key=lambda each: "*" not in each[3])
    reading.reserve(LITELLM[vendor].variable for value, _, vendor, _ in parsed if vendor in LITELLM and _key(value) is None)
    made = [(each, account) for each in parsed if (account := _account(each[0], each[2], each[3], reading)) is not None]
    found = [_deployment(each, accounts.prefix(account), reading) for each, account in made]
    return sorted(found, key=lambda deployment: deployment.value.line)


def _key(value: Value) -> Value | None:
    key = value.items["litellm_params"].get("api_key")
    return None if key is None or key.says_nothing else key


def _names(value: Value, reading: Reading) -> tuple[str, str, str] | None:
    """Group, vendor and model."""
    reading.rest(value, ("model_name", "litellm_params", "model_info", "rpm", "tpm"))
    params = value.get("litellm_params")
    group, name = reading.text(value.get("model_name")), reading.text(params.get("model")) if params else None
    if not group or not name or params is None:
        reading.note(value, "needs model_name and litellm_params.model")
        return None
    if not objects.is_client_name(group) or not objects.is_client_name(name):
        reading.note(value, "has a name with characters that a Model's name cannot have")
        return None
    vendor, model = _vendor(name, reading.text(params.get("custom_llm_provider")) or "", params)
    if not vendor:
        reading.note(params.items["model"], "does not say which vendor it belongs to")
        return None
    return group, vendor, model


def _vendor(name: str, custom: str, params: Value) -> tuple[str, str]:
    vendor, _, model = name.partition("/")
    if model and vendor in LITELLM and custom in ("", vendor):
        return vendor, model
    inferred = custom or vendors.of_bare_model(name)
    has_base = params.get("api_base") is not None or params.get("base_url") is not None
    return inferred or ("openai_like" if has_base else ""), name


def _account(value: Value, vendor: str, model: str, reading: Reading) -> Account | None:
    params = value.items["litellm_params"]
    known = LITELLM.get(vendor, Vendor())
    reading.rest(params, (*_PARAMS, *_OF_TYPE.get(known.type, ())), _WHY)
    account = _at(value, vendor, model, known, reading)
    return None if account is None else replace(account, headers=_headers(params, reading))


def _at(value: Value, vendor: str, model: str, known: Vendor, reading: Reading) -> Account | None:
    """The account itself. Clouds say where by more than an address."""
    params = value.items["litellm_params"]
    if known.type == "bedrock":
        key = _key(value)
        return litellm_clouds.bedrock(model, reading.entry(key, "BEDROCK_API_KEY") if key else "", value, params, reading)
    if known.type == "vertex":
        return litellm_clouds.vertex(model, value, params, known.variable, reading)
    base = _base(value, params, known, reading)
    if base is None:
        return None
    if known.remark:
        reading.note(value, known.remark)
    key = _key(value)
    entry = reading.entry(key, f"{vendor}_API_KEY") if key else known.variable
    if entry:
        reading.variables[entry] = None
    if known.type == "azure-openai":
        return litellm_clouds.azure(base, entry, value, params, reading)
    return Account(vendor=vendor, type=known.type, base_url=base, entry=entry, header=known.header)


def _headers(params: Value, reading: Reading) -> tuple[tuple[str, str], ...]:
    headers = dict(reading.headers(params.get("extra_headers") or params.get("headers")))
    organization = params.get("organization")
    if organization is not None:
        headers |= dict(reading.headers(Value(params.path, organization.line, {"OpenAI-Organization": organization})))
    return tuple(headers.items())


def _base(value: Value, params: Value, vendor: Vendor, reading: Reading) -> str | None:
    """LiteLLM's api_base mostly ends in /v1, which Ostiary appends itself; Anthropic's and Azure's have none."""
    given = params.get("api_base") or params.get("base_url")
    if vendor.why_not or (given is None and not vendor.base):
        reading.note(value, vendor.why_not or "has no api_base, and its vendor's is not known")
        return None
    if given is None:
        return vendor.base + vendor.path
    url = reading.url(given)
    return None if url is None else _without_v1(given, url, vendor, reading)


def _without_v1(given: Value, url: str, vendor: Vendor, reading: Reading) -> str | None:
    url = url.removesuffix("/messages") if vendor.type == "anthropic" else url
    url = url.removesuffix("/v1beta") if vendor.type == "google" else url
    path = urlsplit(url).path
    if path.endswith("/v1"):
        return url.removesuffix("/v1")
    if path and path != vendor.path:
        reading.note(given, "does not end in /v1, which Ostiary always appends")
        return None
    if not path and not vendor.path and vendor.type not in _WITHOUT_V1:
        reading.note(given, "LiteLLM calls <api_base>/chat/completions, Ostiary <api_base>/v1/chat/completions")
    return url if path else url + vendor.path


def _deployment(names: tuple[Value, str, str, str], prefix: str, reading: Reading) -> Deployment:
    value, group, vendor, model = names
    model = litellm_clouds.bedrock_model(model)[1] if LITELLM.get(vendor, Vendor()).type == "bedrock" else model
    params, info = value.items["litellm_params"], value.get("model_info")
    if info is not None:
        reading.rest(info, _INFO)
    return Deployment(
        value=value,
        params=params,
        group=group,
        vendor=vendor,
        model=model,
        prefix=prefix,
        id=(reading.text(info.get("id")) if info else None) or "",
        price=_price(params, info, reading),
    )


def _price(params: Value, info: Value | None, reading: Reading) -> dict[str, str]:
    """Both prices per million tokens, or nothing."""
    prices = {}
    for theirs, ours in (("input_cost_per_token", "inputPerMillionTokens"), ("output_cost_per_token", "outputPerMillionTokens")):
        value = params.get(theirs) or (info.get(theirs) if info else None)
        price = _per_million(reading.text(value))
        if value is not None and price is None:
            reading.note(value, "is no price that Ostiary can hold: up to nine digits before and after the point, per million")
        if price is not None:
            prices[ours] = price
    return prices if len(prices) == 2 else {}  # noqa: PLR2004 - input and output


def _per_million(text: str | None) -> str | None:
    try:
        price = (Decimal(text) * _MILLION).quantize(Decimal("1.000000000")) if text else None
    except InvalidOperation:
        return None
    if price is None or not price.is_finite() or not 0 <= price < 10**9:
        return None
    plain = f"{price:f}"
    return plain.rstrip("0").rstrip(".") or "0"
