"""What a user must tell the gateway under test: where to send, what the models are called, and what they cost."""

from ostiary_gateway.conformance.case import ANTHROPIC_MODEL, CACHE_READ, CACHE_WRITE, INPUT, OPENAI_MODEL, OUTPUT

GATEWAYS = ("ostiary", "litellm", "words")
_OSTIARY = """\
apiVersion: ostiary.dev/v1alpha1
kind: Provider
metadata: {{name: conformance-{dialect}}}
spec:
  type: {dialect}
  baseURL: {url}
  credential: {{secretRef: {{name: conformance, key: credential}}}}
  breaker: {{consecutiveFailures: 1000}}
---
apiVersion: ostiary.dev/v1alpha1
kind: Provider
metadata: {{name: conformance-{dialect}-spare}}
spec:
  type: {dialect}
  baseURL: {url}
  credential: {{secretRef: {{name: conformance, key: credential}}}}
  breaker: {{consecutiveFailures: 1000}}
---
apiVersion: ostiary.dev/v1alpha1
kind: Model
metadata: {{name: {model}}}
spec:
  backends:
    - {{providerRef: {{name: conformance-{dialect}}}}}
    - {{providerRef: {{name: conformance-{dialect}-spare}}}}
  price:
    inputPerMillionTokens: "{input}"
    cachedInputPerMillionTokens: "{cache_read}"
    cacheWritePerMillionTokens: "{cache_write}"
    outputPerMillionTokens: "{output}"
---
"""
_OSTIARY_END = """\
apiVersion: v1
kind: Secret
metadata: {{name: conformance}}
stringData: {{credential: sk-conformance}}
---
apiVersion: ostiary.dev/v1alpha1
kind: ApiKey
metadata: {{name: conformance}}
spec: {{owner: conformance, sha256: {sha256}}}
---
apiVersion: ostiary.dev/v1alpha1
kind: ApiKey
metadata: {{name: conformance-budget}}
spec: {{owner: conformance, sha256: {budget_sha256}, budget: {{amount: "{budget}", period: Total}}}}
"""
_LITELLM = """\
  - model_name: {model}
    litellm_params:
      model: {dialect}/{model}
      api_base: {base}
      api_key: sk-conformance
    model_info:
      input_cost_per_token: {input_each}
      cache_read_input_token_cost: {cache_read_each}
      cache_creation_input_token_cost: {cache_write_each}
      output_cost_per_token: {output_each}
"""
_WORDS = """\
Model {model}: an {dialect} provider at {base}, any credential.
Prices in US dollars per million tokens: input {input}, cached input {cache_read}, cache write {cache_write}, output {output}.
"""
_MODELS = (("openai", OPENAI_MODEL), ("anthropic", ANTHROPIC_MODEL))


def configuration(gateway: str, host: str, port: int, *, sha256: str, budget_sha256: str, budget: str) -> str:
    """The text for one of `GATEWAYS`.

    Args:
        gateway: whose.
        host: where the gateway reaches the scripted provider.
        port: and its port.
        sha256: of the key that the kit calls with.
        budget_sha256: of the key that has a budget.
        budget: that budget, US dollars.
    """
    url = f"http://{host}:{port}"
    prices = {"input": INPUT, "cache_read": CACHE_READ, "cache_write": CACHE_WRITE, "output": OUTPUT}
    each = {f"{name}_each": format(price / 1_000_000, "f") for name, price in prices.items()}
    form, head, end = {
        "ostiary": (_OSTIARY, "", _OSTIARY_END.format(sha256=sha256, budget_sha256=budget_sha256, budget=budget)),
        "litellm": (_LITELLM, "model_list:\n", "router_settings: {num_retries: 1}\n"),
        "words": (
            _WORDS,
            "",
            f"A failed call (503) may be tried once more. A second key with a budget of {budget} US dollars.\n",
        ),
    }[gateway]
    parts = (
        form.format(dialect=dialect, model=model, url=url, base=f"{url}/v1" if dialect == "openai" else url, **prices, **each)
        for dialect, model in _MODELS
    )
    return head + "".join(parts) + end
