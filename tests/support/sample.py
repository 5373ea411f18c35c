"""What the tests' gateway serves: a provider of each kind and a key of each kind."""

from tests.support.manifests import Manifest, api_key, provider

ALL = "sk-test-may-use-everything"
ONLY_ECHO = "sk-test-only-one-model"
ONLY_OPEN = "sk-test-only-one-provider"
DISABLED = "sk-test-disabled"
EXPIRED = "sk-test-expired"
SHORT = "k5tst"
UNKNOWN = "sk-test-nobody-knows-me"
OPENAI_CREDENTIAL = "sk-credential-of-openai"
ANTHROPIC_CREDENTIAL = "sk-credential-of-anthropic"
GOOGLE_CREDENTIAL = "credential-of-google"
CREDENTIALS = (OPENAI_CREDENTIAL, ANTHROPIC_CREDENTIAL, GOOGLE_CREDENTIAL)
CLIENT_KEYS = (ALL, ONLY_ECHO, ONLY_OPEN, DISABLED, EXPIRED, UNKNOWN)


def providers(url: str, dead_url: str = "http://127.0.0.1:1") -> list[Manifest]:
    """`open` sends the caller's own credential on; the others hold one. `gone` has no address, `dead` no listener."""
    return [
        *provider("open", url),
        *provider("openai", url, credential=OPENAI_CREDENTIAL),
        *provider("anthropic", url, "anthropic", credential=ANTHROPIC_CREDENTIAL),
        *provider("google", url, "google", credential=GOOGLE_CREDENTIAL),
        *provider("compat", f"{url}/base/path", "openai-compatible", credential=OPENAI_CREDENTIAL),
        *provider("gone", "http://no-such-host.invalid", credential=OPENAI_CREDENTIAL),
        *provider("dead", dead_url, credential=OPENAI_CREDENTIAL),
    ]


def keys() -> list[Manifest]:
    return [
        api_key("all", ALL),
        api_key("only-echo", ONLY_ECHO, models=["openai/echo"]),
        api_key("only-open", ONLY_OPEN, models=["open/*"]),
        api_key("disabled", DISABLED, disabled=True),
        api_key("expired", EXPIRED, expiresAt="2020-01-01T00:00:00Z"),
        api_key("short", SHORT),
    ]
