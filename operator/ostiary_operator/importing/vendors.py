"""Where the vendors are that Plano and LiteLLM know by name, and which of them Ostiary can speak to.

Ostiary appends `/v1/...` to a Provider's baseURL; a vendor whose path has no `/v1` before `/chat/completions` is out of reach.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

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
_MISTRAL = Vendor(type="mistral", base="https://api.mistral.ai", variable="MISTRAL_API_KEY")
_DEEPSEEK = Vendor(type="deepseek", base="https://api.deepseek.com", variable="DEEPSEEK_API_KEY")
_GROQ = Vendor(type="groq", base="https://api.groq.com", path="/openai", variable="GROQ_API_KEY")
_XAI = Vendor(type="xai", base="https://api.x.ai", variable="XAI_API_KEY")
_TOGETHER = Vendor(type="together", base="https://api.together.xyz", variable="TOGETHERAI_API_KEY")
_OPENROUTER = Vendor(type="openrouter", base="https://openrouter.ai", path="/api", variable="OPENROUTER_API_KEY")
_MOONSHOT = Vendor(base="https://api.moonshot.ai", variable="MOONSHOT_API_KEY")
_GEMINI = Vendor(type="google", base="https://generativelanguage.googleapis.com", variable="GEMINI_API_KEY")
_OLLAMA = Vendor(type="ollama", base="http://localhost:11434")
_VLLM = Vendor(type="vllm")
_BEDROCK = Vendor(type="bedrock")
_VERTEX = Vendor(type="vertex", variable="GOOGLE_SERVICE_ACCOUNT")
_WITHOUT_V1 = Vendor(why_not=_NO_V1)
_OTHER = Vendor(why_not=_OWN_PROTOCOL)
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
    "zhipu": _WITHOUT_V1,
    "github": _WITHOUT_V1,
    "qwen": Vendor(path="/compatible-mode"),
    "azure_openai": Vendor(type="azure-openai", path="/openai", remark=_AZURE),
    "ollama": Vendor(type="ollama"),
    "arch": _CUSTOM,
    "plano": _CUSTOM,
    "amazon_bedrock": _BEDROCK,
    "amazon": _BEDROCK,
    "chatgpt": _OTHER,
    "claude-cli": _OTHER,
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
    "ollama": _OLLAMA,
    "ollama_chat": _OLLAMA,
    "hosted_vllm": _VLLM,
    "vllm": _VLLM,
    "lm_studio": _CUSTOM,
    "llamafile": _CUSTOM,
    "openai_like": _CUSTOM,
    "custom_openai": _CUSTOM,
    "litellm_proxy": _CUSTOM,
    "azure": Vendor(type="azure-openai", path="/openai", variable="AZURE_API_KEY"),
    "bedrock": _BEDROCK,
    "bedrock_converse": _BEDROCK,
    "vertex_ai": _VERTEX,
    "vertex_ai_beta": _VERTEX,
    "gemini": _GEMINI,
    "perplexity": _WITHOUT_V1,
    "deepinfra": _WITHOUT_V1,
    **dict.fromkeys(
        (
            "ai21", "aleph_alpha", "azure_ai", "azure_text", "baseten", "clarifai", "cloudflare", "codestral",
            "cohere", "cohere_chat", "databricks", "github", "huggingface", "nlp_cloud", "palm", "petals", "predibase",
            "replicate", "sagemaker", "sagemaker_chat", "triton", "voyage", "watsonx",
            "watsonx_text",
        ),
        _OTHER,
    ),
}  # fmt: skip

_BARE = {"gpt-": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "chatgpt-": "openai", "text-embedding-": "openai"}


def of_bare_model(model: str) -> str:
    """The vendor that LiteLLM infers from a model without one; empty if none."""
    if model.startswith("claude-"):
        return "anthropic"
    return next((vendor for start, vendor in _BARE.items() if model.startswith(start)), "")


def region_of_bedrock(url: str) -> str:
    """The region in the address of Bedrock's runtime; empty if it is another one."""
    found = re.fullmatch(r"bedrock-runtime\.([-a-z0-9]+)\.amazonaws\.com", urlsplit(url).hostname or "")
    return found[1] if found else ""
