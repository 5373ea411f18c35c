"""What a person needs to know once the gateway serves."""

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_operator.cli.standalone.compiler import Compiler
from ostiary_operator.cli.standalone.plan import Plan

_SAMPLE_KEY = "sk-ostiary-quickstart"  # its hash is in hack/quickstart: a key for trying, not a secret
_SAMPLE_PREFIX = "fake"


def greeting(plan: Plan, compiler: Compiler) -> str:
    """Base URL, where things are, and a curl command if the sample's key and provider are in the manifests."""
    base = f"http://{plan.address}/v1"
    known = hash_key(_SAMPLE_KEY) in compiler.key_hashes
    fake = any(provider.prefix == _SAMPLE_PREFIX and provider.managed for provider in compiler.document.providers)
    lines = [
        f"Ostiary serves on http://{plan.address} (Ctrl-C stops it).",
        "",
        f"  base URL    {base}",
        *([f"  sample key  {_SAMPLE_KEY}"] if known else []),
        f"  manifests   {plan.manifests.absolute()} (a change takes effect at once)",
        f"  ledger      {plan.data / 'ledger'}",
    ]
    if known and fake and plan.fake_port:
        lines += ["", "Try it:", "", _curl(base)]
    return "\n".join([*lines, ""])


def _curl(base: str) -> str:
    return (
        f"  curl -s {base}/chat/completions \\\n"
        f"    -H 'Authorization: Bearer {_SAMPLE_KEY}' -H 'Content-Type: application/json' \\\n"
        f'    -d \'{{"model": "{_SAMPLE_PREFIX}/echo", "messages": [{{"role": "user", "content": "Hello"}}]}}\''
    )
