"""Labels from closed lists: whatever is not on the list is `other`, so that no client can make endless series."""

from collections.abc import Mapping

OTHER = "other"
SURFACES = ("managed", "pass_through", "external")
CODES = (
    "missing_api_key",
    "invalid_api_key",
    "key_disabled",
    "key_expired",
    "model_not_allowed",
    "unknown_model",
    "unknown_provider",
    "no_credential",
    "no_provider_token",
    "dialect_not_spoken",
    "not_passed_through",
    "rate_limit_exceeded",
    "concurrency_exceeded",
    "budget_exceeded",
    "budget_reserved",
    "model_pricing_missing",
)
VENDORS: Mapping[str, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "gcp.gen_ai",
    "azure-openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "groq": "groq",
    "deepseek": "deepseek",
    "xai": "x_ai",
    "together": "together",
    "openrouter": "openrouter",
    "ollama": "ollama",
    "vllm": "vllm",
}
"""`gen_ai.provider.name` of OpenTelemetry by provider type; the last four are no names of its list."""

_OPERATIONS = (
    ("/chat/completions", "chat"),
    ("/messages", "chat"),
    ("/responses", "chat"),
    ("/completions", "text_completion"),
    ("/embeddings", "embeddings"),
    (":generateContent", "generate_content"),
    (":streamGenerateContent", "generate_content"),
)


def operation(endpoint: str) -> str:
    """`gen_ai.operation.name` of a request by the end of its path."""
    path = endpoint.partition("?")[0]
    return next((name for end, name in _OPERATIONS if path.endswith(end)), OTHER)


def status_class(status: int) -> str:
    """`2xx` and so on; `none` where there was no answer."""
    return f"{status // 100}xx" if 100 <= status < 600 else "none"  # noqa: PLR2004 - HTTP's own range
