"""LiteLLM's proxy configuration: `model_list`, `router_settings`, `litellm_settings`, `general_settings`.

What follows from it here:

* Entries of one `model_name` are the backends of one Model; `weight` (or rpm, tpm) are weights, `order` is the priority.
* Retries, fallbacks and cooldowns become the Model's retry policy and the Providers' breakers, with LiteLLM's defaults.
* `vendor/*` by its own name is the Provider alone: its whole catalogue is offered by its prefix.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_gateway.contract.settings import PREFIX
from ostiary_operator.api import names
from ostiary_operator.importing import litellm_models, objects
from ostiary_operator.importing.litellm_deployments import Deployment, deployments
from ostiary_operator.importing.located import UnreadableError, Value, read
from ostiary_operator.importing.objects import Accounts
from ostiary_operator.importing.outcome import Imported, Manifest, Surroundings
from ostiary_operator.importing.reading import Reading

VARIABLE = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
_PORT = "4000"
_REQUEST_SECONDS = 6000  # LiteLLM's own default
_ALLOWED_FAILS, _COOLDOWN_SECONDS = 3, 5.0  # the same
_MOST_FAILURES = 1000
_TAKEN = ("model_list", "router_settings", "litellm_settings", "general_settings", "environment_variables")
_SETTINGS = (
    "num_retries", "timeout", "stream_timeout", "request_timeout", "retry_after", "allowed_fails", "cooldown_time",
    "disable_cooldowns", "fallbacks", "default_fallbacks", "model_group_alias", "retry_policy", "model_group_retry_policy",
    "routing_strategy", "redis_host", "redis_port", "redis_password", "redis_url", "enable_pre_call_checks", "set_verbose",
    "json_logs", "telemetry",
)  # fmt: skip
_WHY: Mapping[str, str] = {
    "context_window_fallbacks": "depends on the text of the error; Ostiary goes by the status alone",
    "content_policy_fallbacks": "depends on the text of the error; Ostiary goes by the status alone",
    "allowed_fails_policy": "Ostiary's breaker counts 5xx, timeouts and failed connections alike, and nothing else",
    "cache": "Ostiary does not cache answers",
    "cache_params": "Ostiary does not cache answers",
    "drop_params": "Ostiary passes parameters on as they are; what a translation has to leave out x-ostiary-dropped tells",
    "callbacks": "Ostiary calls nobody; it has metrics and a ledger",
    "success_callback": "Ostiary calls nobody; it has metrics and a ledger",
    "failure_callback": "Ostiary calls nobody; it has metrics and a ledger",
    "database_url": "keys, teams and budgets in LiteLLM's database are not read: make an ApiKey for each caller",
    "alerting": "Ostiary sends no alerts; it has metrics",
    "guardrails": "LiteLLM's are not read: spec.filters of a Model has Ostiary's",
    "mcp_servers": "Ostiary serves models only",
    "include": "other files are not read: import each",
}
_NO_KEY = "without a master_key LiteLLM lets everyone in: make keys with `ostiary key new`, or import again with --key"
_PASSWORD = "set OSTIARY_VALKEY_URL in .env: it holds a secret"  # noqa: S105 - no password


def litellm(text: str, around: Surroundings) -> Imported:
    """Read a configuration of LiteLLM's proxy.

    Raises:
        UnreadableError: it is no YAML, or not LiteLLM's.
    """
    root = read(text)
    if root.get("model_list") is None:
        raise UnreadableError("is no configuration of LiteLLM's proxy: it has no model_list")
    reading = Reading(text, VARIABLE, around)
    _declare(root.get("environment_variables"), reading)
    router = _merged(root, reading)
    reading.rest(root, _TAKEN, _WHY)
    accounts = Accounts()
    found = deployments(root.items["model_list"], reading, accounts)
    models = litellm_models.models(found, router, reading)
    manifests = [*accounts.manifests(_breaker(router, reading)), *models, *_keys(root, found, reading)]
    return Imported(
        source="litellm",
        manifests=tuple(manifests),
        settings=_environment(router, reading),
        variables=tuple(reading.variables),
        notes=tuple(sorted(reading.notes)),
        secrets=reading.secrets,
    )


def _declare(section: Value | None, reading: Reading) -> None:
    for name, value in (section.items if section else {}).items():
        if not value.says_nothing and not VARIABLE.search(str(value.content)) and not name.startswith(PREFIX):
            reading.declare(name, str(value.content))
            reading.note(value, "sets a variable, which belongs into the Secret env (on one machine: .env)")


def _merged(root: Value, reading: Reading) -> Mapping[str, Value]:
    """`router_settings` over `litellm_settings`, as LiteLLM has it; what neither can say here is noted."""
    merged: dict[str, Value] = {}
    for name in ("litellm_settings", "router_settings"):
        section = root.get(name)
        if section is not None:
            reading.rest(section, _SETTINGS, _WHY)
            merged |= {key: value for key, value in section.items.items() if value.content is not None}
    return merged


def _environment(router: Mapping[str, Value], reading: Reading) -> dict[str, str]:
    asked = reading.number(router.get("timeout")) or reading.number(router.get("request_timeout"))
    seconds = str(max(1, math.ceil(asked or _REQUEST_SECONDS)))
    settings = {
        "OSTIARY_HOST": "0.0.0.0",
        "OSTIARY_PORT": _PORT,
        "OSTIARY_ATTEMPT_SECONDS": seconds,
        "OSTIARY_UPSTREAM_READ_SECONDS": seconds,
    }
    host, password = router.get("redis_host"), router.get("redis_password") or router.get("redis_url")
    if password is not None and not password.says_nothing:
        reading.note(password, _PASSWORD)
    elif name := reading.text(host):
        port = reading.whole(router.get("redis_port"), 1, 65535) or 6379
        settings["OSTIARY_VALKEY_URL"] = f"valkey://{name}:{port}/0"
    if (verbose := router.get("set_verbose")) is not None and verbose.content is True:
        settings["OSTIARY_LOG_LEVEL"] = "DEBUG"
    return settings


def _breaker(router: Mapping[str, Value], reading: Reading) -> dict[str, int]:
    """LiteLLM counts failures in a minute, Ostiary failures in a row."""
    fails = reading.whole(router.get("allowed_fails"), 0, _MOST_FAILURES - 1)
    if fails is not None:
        reading.note(router["allowed_fails"], "counts failures in a row here, not in a minute, and neither 429 nor other 4xx")
    seconds = reading.number(router.get("cooldown_time"))
    disabled = router.get("disable_cooldowns")
    failures = (_ALLOWED_FAILS if fails is None else fails) + 1
    failures = _MOST_FAILURES if disabled is not None and disabled.content is True else failures
    return {
        "consecutiveFailures": failures,
        "openSeconds": min(86_400, max(1, math.ceil(_COOLDOWN_SECONDS if seconds is None else seconds))),
        "warmUpSeconds": 0,
    }


def _keys(root: Value, found: list[Deployment], reading: Reading) -> Iterator[Manifest]:
    general = root.get("general_settings")
    master = general.get("master_key") if general else None
    if general is not None:
        reading.rest(general, ("master_key",), _WHY)
    if master is not None and not master.says_nothing:
        yield objects.manifest(names.API_KEY, "master", _key(master, reading))
    elif not reading.around.key:
        reading.note(general or Value("", root.line, None), _NO_KEY)
    if reading.around.key:
        yield objects.key_of(reading.around.key, (deployment.pattern for deployment in found))


def _key(master: Value, reading: Reading) -> dict[str, Any]:
    text = str(master.content).strip()
    owner = {"owner": "LiteLLM master key"}
    if VARIABLE.fullmatch(text):
        return owner | {"secretRef": {"name": objects.ENV, "key": reading.entry(master, "LITELLM_MASTER_KEY")}}
    return owner | {"sha256": hash_key(text)}
