"""Settings of every Ostiary process: environment `OSTIARY_*` over a YAML file over these defaults (LM 1.6).

One flat list for all processes; each reads what concerns it. The environment name of a field is `OSTIARY_` and its name in
capitals, the YAML key is its name. `.env.example` is generated from this and checked in tests.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import yaml

PREFIX = "OSTIARY_"
_PORT = msgspec.Meta(ge=0, le=65535)
Port = Annotated[int, _PORT]
Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]


def _field(default: Any, doc: str) -> Any:
    """The documentation travels with the field, so that `.env.example` can be printed from it."""
    _DOCS.append(doc)
    return default


_DOCS: list[str] = []


class SettingsError(ValueError):
    """A setting is unknown or has a value that it cannot have."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: str = _field("127.0.0.1", "Address on which the gateway serves.")
    port: Port = _field(8080, "Port on which the gateway serves.")
    sidecar_host: str = _field("127.0.0.1", "Address of the sidecar's /auth, /stats, /healthz, /readyz, /metrics.")
    sidecar_port: Port = _field(8081, "Port of the sidecar.")
    metrics_host: str = _field("0.0.0.0", "Address of the port that serves /metrics, /healthz and /readyz and nothing else.")
    metrics_port: Port = _field(0, "That port; 0 is off.")
    config: str = _field("", "YAML file with any of these settings.")
    manifests: str = _field("hack/quickstart", "Folder of manifests (one machine).")
    run: str = _field(".ostiary/run", "Folder for sockets, the bundle in force and nginx's files. May be lost.")
    data: str = _field(".ostiary/data", "Folder for the spool and the ledger. Must last.")
    nginx: str = _field("", "The nginx program; empty looks in .tools/nginx, then in PATH.")
    workers: NotNegative = _field(0, "nginx worker processes; 0 is one per CPU.")
    resolver: str = _field("", "DNS servers for provider hosts, separated by spaces; empty takes them from /etc/resolv.conf.")
    resolver_seconds: Positive = _field(10, "How long addresses of provider hosts are used before DNS is asked again.")
    cluster_domain: str = _field("cluster.local", "Appended to provider hosts that end in .svc.")
    ca_file: str = _field("", "Certificate authorities for provider hosts; empty takes the system's.")
    decision_seconds: Positive = _field(60, "How long a cached decision of the current generation serves without the sidecar.")
    max_body_bytes: Positive = _field(32 * 1024 * 1024, "Largest request body.")
    upstream_connect_seconds: Positive = _field(5, "Longest wait for a connection to a provider.")
    upstream_read_seconds: Positive = _field(600, "Longest silence of a provider.")
    attempt_seconds: Positive = _field(30, "The same where a Model has a retry policy, unless it sets timeouts itself.")
    retry_budget_percent: NotNegative = _field(20, "Retries in 10 seconds, as a share of the requests that may be retried,")
    retry_budget_minimum: NotNegative = _field(100, "and so many that are always allowed.")
    retry_concurrency: NotNegative = _field(1000, "Requests that may be between their first failure and their end.")
    response_headers: bool = _field(True, "Tell clients x-ostiary-provider, x-ostiary-model and x-ostiary-attempts.")
    shutdown_seconds: Positive = _field(600, "How long a stream may go on after a reload or a graceful stop.")
    spool_rotate_bytes: Positive = _field(64 * 1024 * 1024, "Size at which the spool is rotated.")
    rotate_bytes: Positive = _field(100 * 1024 * 1024, "Size at which a ledger file is rotated; it also is each day (UTC).")
    retention_days: NotNegative = _field(0, "Ledger files older than this are deleted; 0 keeps all.")
    log_level: str = _field("INFO", "DEBUG, INFO, WARNING or ERROR.")
    valkey_url: str = _field("", "Where replicas share what they know of backends: valkey://[user:password@]host:port/db.")
    replicas: Positive = _field(1, "Gateway replicas: without Valkey each one grants so many parts of each limit and budget.")
    prices: str = _field("", "YAML file with prices (version, prices: [{model, price}]), read again when it changes.")
    default_max_output_tokens: Positive = _field(4096, "What a request that names no maximum reserves, if its Model has none.")
    lease_wait_seconds: NotNegative = _field(3, "How long a request waits for others to settle before a budget refuses it.")
    idempotency_seconds: NotNegative = _field(600, "So long an Idempotency-Key or x-request-id is charged once; 0 is off.")
    anonymous_per_minute: NotNegative = _field(300, "Refused requests per minute and source address, then 429; 0 is no limit.")
    trusted_proxies: str = _field("", "Addresses or networks whose X-Forwarded-For tells the source, separated by spaces.")
    limit_headers: bool = _field(True, "Tell clients of their limits: X-RateLimit-*, x-ratelimit-*, anthropic-ratelimit-*.")
    default_limits: str = _field("", "JSON of spec.limits for ApiKeys that have none.")
    admin_host: str = _field("127.0.0.1", "Address of the admin API.")
    admin_port: Port = _field(0, "Port of the admin API; 0 is off.")
    admin_token_file: str = _field("", "File with the bearer token that may read and write the admin API.")
    viewer_token_file: str = _field("", "File with the bearer token that may read it.")
    admin_reviews_tokens: bool = _field(False, "Let Kubernetes say who may use the admin API (TokenReview). Set by the chart.")
    summary_url: str = _field("", "PostgreSQL database for summaries of several replicas: postgresql://...; empty keeps a file.")
    compress_days: NotNegative = _field(0, "Ledger files older than this are compressed (gzip); 0 never.")
    log_export: str = _field("", "Folder for request logs as logs/YYYY/MM/DD/*.jsonl.gz; `valkey` pushes them to gateway:logs.")
    key_store: str = _field("", "SQLite file with keys beside those of custom resources (ostiary keystore import).")
    response_store: str = _field("", "Where responses are kept for previous_response_id: memory, a file or postgresql://...")
    response_days: Positive = _field(30, "How long a kept response can be continued.")
    namespace: str = _field("", "Kubernetes namespace of this installation; set by the chart.")
    pod_name: str = _field("", "Name of this pod; set by the chart.")
    bundle: str = _field("", "Name of the bundle's ConfigMap; empty reads run/bundle only. Set by the chart.")
    bundle_mount: str = _field("", "Folder where the bundle's objects are mounted, to start from without the API server.")
    watch_namespaces: str = _field("", "Namespaces whose resources the operator compiles, separated by commas; empty is all.")
    gateway_selector: str = _field("app.kubernetes.io/component=gateway", "Label selector of the gateway's pods.")


def load(environ: Mapping[str, str], yaml_text: str = "") -> Settings:
    """Settings from a YAML text and an environment; an empty variable counts as not set.

    Raises:
        SettingsError: an unknown name or an impossible value, named.
    """
    try:
        values = yaml.safe_load(yaml_text) or {}
    except yaml.YAMLError as error:
        raise SettingsError(f"configuration file: {error}") from error
    if not isinstance(values, dict):
        raise SettingsError("configuration file: not a mapping of names to values")
    for name, value in environ.items():
        if not name.startswith(PREFIX) or value == "":
            continue
        field = name.removeprefix(PREFIX).lower()
        if field not in Settings.__struct_fields__:
            raise SettingsError(f"{name}: no such setting")
        values[field] = value
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(str(error).replace("`$.", "`").replace("Object contains", "configuration file:")) from error


def example() -> str:
    """`.env.example`: every setting with its default, commented out."""
    lines = ["# Every setting of Ostiary with its default. Copy to .env and uncomment what you change.\n"]
    for name, default, doc in zip(Settings.__struct_fields__, Settings.__struct_defaults__, _DOCS, strict=True):
        lines.append(f"# {doc}\n#{PREFIX}{name.upper()}={default}\n")
    lines.append("# Credentials that the quick start's Providers take from the Secret `env`, if they are here.\n")
    lines += [f"#{name}=\n" for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY")]
    return "\n".join(lines)
