"""What a person needs to know once the gateway serves."""

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_operator.cli.standalone.compiler import Compiler
from ostiary_operator.cli.standalone.plan import Plan

_SAMPLE_KEY = "sk-ostiary-quickstart"  # its hash is in hack/quickstart: a key for trying, not a secret
_HELLO = '"messages": [{"role": "user", "content": "Hello"}]'
_PROVIDER = "fake"
_CLAUDE = "fake-anthropic"
_OTHERS = ("fake-google", "fake-bedrock")


def greeting(plan: Plan, compiler: Compiler) -> str:
    """Base URL, where things are, and curl commands if the sample's key and providers are in the manifests."""
    base = f"http://{plan.address}/v1"
    known = hash_key(_SAMPLE_KEY) in compiler.key_hashes
    served = {provider.prefix for provider in compiler.document.providers if provider.managed}
    lines = [
        f"Ostiary serves on http://{plan.address} (Ctrl-C stops it).",
        "",
        f"  base URL    {base}",
        *([f"  sample key  {_SAMPLE_KEY}"] if known else []),
        f"  manifests   {plan.manifests.absolute()} (a change takes effect at once)",
        f"  ledger      {plan.data / 'ledger'}",
    ]
    if known and _PROVIDER in served and plan.fake_port:
        lines += ["", "Try it:", "", _chat(base, _PROVIDER)]
        lines += _either_way(base, served)
    return "\n".join([*lines, ""])


def _either_way(base: str, served: set[str]) -> list[str]:
    """Clients of one dialect on providers of the other."""
    if _CLAUDE not in served:
        return []
    others = " and ".join(f"{name}/echo" for name in _OTHERS if name in served)
    return [
        "",
        "Any client, any provider: Anthropic's API answered by an OpenAI provider, and the reverse:",
        "",
        _messages(base, _PROVIDER),
        "",
        _chat(base, _CLAUDE),
        *(["", f"{others} answer both, too."] if others else []),
    ]


def _chat(base: str, provider: str) -> str:
    return (
        f"  curl -s {base}/chat/completions \\\n"
        f"    -H 'Authorization: Bearer {_SAMPLE_KEY}' -H 'Content-Type: application/json' \\\n"
        f'    -d \'{{"model": "{provider}/echo", {_HELLO}}}\''
    )


def _messages(base: str, provider: str) -> str:
    return (
        f"  curl -s {base}/messages \\\n"
        f"    -H 'x-api-key: {_SAMPLE_KEY}' -H 'anthropic-version: 2023-06-01' -H 'Content-Type: application/json' \\\n"
        f'    -d \'{{"model": "{provider}/echo", "max_tokens": 100, {_HELLO}}}\''
    )
