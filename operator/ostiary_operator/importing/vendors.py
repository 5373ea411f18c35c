"""Where the vendors are that Plano and LiteLLM know by name, and which of them Ostiary can speak to.

Ostiary appends `/v1/...` to a Provider's baseURL; a vendor whose path has no `/v1` before `/chat/completions` is out of reach.
"""

from dataclasses import dataclass

from ostiary_gateway.contract.document import CredentialHeader, ProviderType


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """`base` is empty where the configuration must say it; `path` is what goes before `/v1`. `why_not`: out of reach."""

    type: ProviderType = "openai-compatible"
    base: str = ""
    path: str = ""
    header: CredentialHeader | None = None
    variable: str = ""  # where LiteLLM looks for the key if the configuration names none
    why_not: str = ""
    remark: str = ""


_NO_V1 = "its OpenAI-compatible address has no /v1 in it, which Ostiary always appends"
_OWN_PROTOCOL = "speaks a protocol of its own, which Ostiary does not translate to"
_AZURE = "goes to Azure's /openai/v1/ by the deployment's name, not to /openai/deployments/ with an api-version"

_OPENAI = Vendor(type="openai", base="https://api.openai.com", variable="OPENAI_API_KEY")
_ANTHROPIC = Vendor(type="anthropic", base="https://api.anthropic.com", variable="ANTHROPIC_API_KEY")
_MISTRAL = Vendor(base="https://api.mistral.ai", variable="MISTRAL_API_KEY")
_DEEPSEEK = Vendor(base="https://api.deepseek.com", variable="DEEPSEEK_API_KEY")
_GROQ = Vendor(base="https://api.groq.com", path="/openai", variable="GROQ_API_KEY")
_XAI = Vendor(base="https://api.x.ai", variable="XAI_API_KEY")
_TOGETHER = Vendor(base="https://api.together.xyz", variable="TOGETHERAI_API_KEY")
_OPENROUTER = Vendor(base="https://openrouter.ai", path="/api", variable="OPENROUTER_API_KEY")
_MOONSHOT = Vendor(base="https://api.moonshot.ai", variable="MOONSHOT_API_KEY")
_GEMINI = Vendor(why_not=_NO_V1)
_BEDROCK = Vendor(why_not=_OWN_PROTOCOL)
_CUSTOM = Vendor()

PLANO: dict[str, Vendor] = {
    "openai": _OPENAI,
    "anthropic": _ANTHROPIC,
    "claude": _ANTHROPIC,
    "deepseek": _DEEPSEEK,
    "groq": _GROQ,
    "mistral": _MISTRAL,
    "xai": _XAI,
    "together_ai": _TOGETHER,
    "together": _TOGETHER,
    "moonshotai": _MOONSHOT,
    "openrouter": _OPENROUTER,
    "xiaomi": Vendor(base="https://api.xiaomimimo.com"),
    "vercel": Vendor(base="https://ai-gateway.vercel.sh"),
    "digitalocean": Vendor(base="https://inference.do-ai.run"),
    "do_ai": Vendor(base="https://inference.do-ai.run"),
    "gemini": _GEMINI,
    "google": _GEMINI,
    "zhipu": _GEMINI,
    "github": _GEMINI,
    "qwen": Vendor(path="/compatible-mode"),
    "azure_openai": Vendor(path="/openai", header="api-key", remark=_AZURE),
    "ollama": _CUSTOM,
    "arch": _CUSTOM,
    "plano": _CUSTOM,
    "amazon_bedrock": _BEDROCK,
    "amazon": _BEDROCK,
    "chatgpt": _BEDROCK,
    "claude-cli": _BEDROCK,
}

LITELLM: dict[str, Vendor] = {
    "openai": _OPENAI,
    "text-completion-openai": _OPENAI,
    "anthropic": _ANTHROPIC,
    "mistral": _MISTRAL,
    "deepseek": _DEEPSEEK,
    "groq": _GROQ,
    "xai": _XAI,
    "together_ai": _TOGETHER,
    "openrouter": _OPENROUTER,
    "moonshot": _MOONSHOT,
    "fireworks_ai": Vendor(base="https://api.fireworks.ai", path="/inference", variable="FIREWORKS_AI_API_KEY"),
    "cerebras": Vendor(base="https://api.cerebras.ai", variable="CEREBRAS_API_KEY"),
    "nvidia_nim": Vendor(base="https://integrate.api.nvidia.com", variable="NVIDIA_NIM_API_KEY"),
    "sambanova": Vendor(base="https://api.sambanova.ai", variable="SAMBANOVA_API_KEY"),
    "ollama": Vendor(base="http://localhost:11434"),
    "ollama_chat": Vendor(base="http://localhost:11434"),
    "hosted_vllm": _CUSTOM,
    "vllm": _CUSTOM,
    "lm_studio": _CUSTOM,
    "llamafile": _CUSTOM,
    "openai_like": _CUSTOM,
    "custom_openai": _CUSTOM,
    "litellm_proxy": _CUSTOM,
    "azure": Vendor(path="/openai", header="api-key", variable="AZURE_API_KEY", remark=_AZURE),
    "gemini": _GEMINI,
    "perplexity": _GEMINI,
    "deepinfra": _GEMINI,
    **dict.fromkeys(
        (
            "ai21", "aleph_alpha", "azure_ai", "azure_text", "baseten", "bedrock", "clarifai", "cloudflare", "codestral",
            "cohere", "cohere_chat", "databricks", "github", "huggingface", "nlp_cloud", "palm", "petals", "predibase",
            "replicate", "sagemaker", "sagemaker_chat", "triton", "vertex_ai", "vertex_ai_beta", "voyage", "watsonx",
            "watsonx_text",
        ),
        _BEDROCK,
    ),
}  # fmt: skip

_BARE = {"gpt-": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "chatgpt-": "openai", "text-embedding-": "openai"}


def of_bare_model(model: str) -> str:
    """The vendor that LiteLLM infers from a model without one; empty if none."""
    if model.startswith("claude-"):
        return "anthropic"
    return next((vendor for start, vendor in _BARE.items() if model.startswith(start)), "")
