"""No secret of an input is ever in an output, wherever it stands."""

import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary_operator.importing import Imported, Surroundings, UnreadableError, litellm, lmgate, plano, text

secrets = st.text(string.ascii_letters + string.digits + "-_.:/@ $#", max_size=30).map(lambda tail: "SECRETofsome1" + tail)
plain = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)


def said(made: Imported) -> str:
    return text.manifests(made) + text.notes(made) + text.dotenv(made) + repr(made) + repr(made.notes)


def parts(secret: str) -> list[str]:
    """The secret, and the words of it that YAML may have put on lines of their own."""
    return [secret, *(word for word in secret.split() if word.startswith("SECRET") and len(word) > 10)]


def assert_hidden(made: Imported, *hidden: str) -> None:
    output = said(made)
    for secret in hidden:
        assert not [part for part in parts(secret) if part in output]


@settings(max_examples=40, deadline=None)
@given(secrets, secrets, secrets, plain, st.booleans())
def test_a_secret_in_a_configuration_of_plano_is_in_no_output(a: str, b: str, c: str, model: str, passthrough: bool) -> None:
    config = {
        "version": "v0.4.0",
        "listeners": [{"type": "model", "name": "m", "port": 12000}],
        "model_providers": [
            {"model": f"openai/{model}", "access_key": a, "headers": {"Authorization": f"Bearer {b}", "X-Note": c}},
            {"model": f"mistral/{model}", "access_key": a, "passthrough_auth": passthrough},
            {"model": f"custom/{model}", "base_url": f"https://user:{b}@host/v1", "access_key": c},
            {"model": f"custom/{model}-2", "base_url": f"https://host/v1?key={b}", "access_key": {"nested": c}},
        ],
        "state_storage": {"type": "postgres", "connection_string": c},
        "prompt_targets": [{"endpoint": {"http_headers": {"Authorization": b}}}],
    }
    assert_hidden(plano(yaml.safe_dump(config), Surroundings()), a, b, c)


@settings(max_examples=40, deadline=None)
@given(secrets, secrets, secrets, secrets, plain)
def test_a_secret_in_a_configuration_of_litellm_is_in_no_output(a: str, b: str, c: str, d: str, model: str) -> None:
    headers = {"x-api-key": b, "X-Note": c}
    params = {"model": f"openai/{model}", "api_key": a, "extra_headers": headers, "aws_secret_access_key": d}
    config = {
        "environment_variables": {"OPENAI_API_KEY": b},
        "model_list": [
            {"model_name": "one", "litellm_params": params},
            {"model_name": "one", "litellm_params": {"model": f"groq/{model}", "api_key": c, "api_base": f"https://x/{d}/v1?a"}},
            {"model_name": "two", "litellm_params": {"model": f"mistral/{model}"}},
        ],
        "router_settings": {"redis_host": "redis", "redis_password": c, "redis_url": d},
        "litellm_settings": {"cache_params": {"password": d}},
        "general_settings": {"master_key": a, "database_url": f"postgres://u:{b}@h/d"},
    }
    assert_hidden(litellm(yaml.safe_dump(config), Surroundings()), a, b, c, d)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(string.ascii_letters + string.digits + "-_", min_size=12, max_size=40), min_size=1, unique=True))
def test_a_key_of_lmgate_is_in_no_output(keys: list[str]) -> None:
    keys = [f"SECRET{key}" for key in keys]
    rows = "".join(f"key-{place},{key},someone,2025-01-01\n" for place, key in enumerate(keys))
    made = lmgate("id,api_key,owner,added\n" + rows, Surroundings())
    assert_hidden(made, *keys)
    assert len([manifest for manifest in made.manifests if manifest["kind"] == "ApiKey"]) == len(keys)


@settings(max_examples=40, deadline=None)
@given(secrets)
def test_the_callers_key_is_in_no_output(key: str) -> None:
    around = Surroundings(key=key)
    assert_hidden(plano("model_providers: [{model: openai/x, access_key: $A}]", around), key)
    assert_hidden(litellm("model_list: [{model_name: x, litellm_params: {model: openai/x}}]", around), key)
    assert_hidden(lmgate("id,api_key,owner,added\n", around), key)


@settings(max_examples=40, deadline=None)
@given(secrets)
def test_a_file_that_is_no_yaml_is_not_quoted(secret: str) -> None:
    tag = secret.split(maxsplit=1)[0]
    for broken in (f"a: [{secret}", f"a: b: {secret}", f"'{secret}", f"!!int {secret}", f"a: !{tag} b", f"- {secret}\nb: c"):
        for source in (plano, litellm, lmgate):
            with pytest.raises(UnreadableError) as caught:
                source(broken, Surroundings())
            assert "SECRET" not in str(caught.value)


def test_secrets_in_plain_text_are_kept_for_ostiary_run_alone() -> None:
    config = "model_providers: [{model: openai/x, access_key: SECRET-1}, {model: openai/y, access_key: SECRET-1}]"
    made = plano(config, Surroundings())
    assert made.secrets == {"OPENAI_API_KEY": "SECRET-1"}
    assert made.variables == ("OPENAI_API_KEY",)
    assert_hidden(made, "SECRET-1")
