"""Deployments at Azure, AWS and Google Cloud: what LiteLLM says of each beside a key."""

import re

from ostiary_operator.api.credential import AWS_ENTRIES
from ostiary_operator.importing.located import Value
from ostiary_operator.importing.objects import Account
from ostiary_operator.importing.reading import Reading

AWS_PARAMS = (
    "aws_region_name", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_bedrock_runtime_endpoint",
)  # fmt: skip
VERTEX_PARAMS = ("vertex_project", "vertex_location", "vertex_credentials")

_ROUTE = re.compile(r"(?:converse/|invoke/)?(?:([a-z]{2}(?:-[a-z]+)+-[0-9])/)?(.+)")
_REGION = re.compile(r"[a-z][-a-z0-9]{0,62}")
_PROJECT = re.compile(r"[a-z][-a-z0-9.:]{0,62}")
_V1 = ("", "v1", "latest")
_NO_VERSION = "has no api_version: Azure's v1 API is asked, by the deployment's name"
_NO_KEY = (
    "LiteLLM finds credentials on its machine; here they are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if there is one, "
    "AWS_SESSION_TOKEN of the Secret env"
)
_OTHER_KEYS = "is expected under the name {}: another account needs a Secret of its own"
_NO_ACCOUNT = "LiteLLM finds credentials on its machine; here it is the JSON of a service account in {} of the Secret env"
_NO_FILE = "has to be the JSON of a service account itself, not the path of a file"
_NOT_GOOGLE = "is no model of Google's: Vertex AI's other publishers have bodies of their own, which Ostiary does not write"


def bedrock_model(name: str) -> tuple[str, str]:
    """Region, if the name says one, and model of `[converse/][<region>/]<model>`."""
    found = _ROUTE.fullmatch(name)
    return (found[1] or "", found[2]) if found else ("", name)


def azure(url: str, entry: str, value: Value, params: Value, reading: Reading) -> Account:
    """The API that the version belongs to; `url` ends in /openai."""
    version = (reading.text(params.get("api_version")) or "").removeprefix("/")
    if params.get("api_version") is None:
        reading.note(value, _NO_VERSION)
    base = url
    place: tuple[tuple[str, str | bool], ...] = ()
    if version == "preview":
        place = (("apiVersion", version),)
    elif version not in _V1:
        base = url.removesuffix("/openai")
        place = (("apiVersion", version), ("deployments", True))
    return Account(vendor="azure", type="azure-openai", base_url=base, entry=entry, place=("azure", place) if place else ("", ()))


def bedrock(name: str, entry: str, value: Value, params: Value, reading: Reading) -> Account | None:
    """With a key of Bedrock (`api_key`), or keys of AWS."""
    region = bedrock_model(name)[0] or reading.text(params.get("aws_region_name")) or ""
    environ = reading.around.environ
    region = region or environ.get("AWS_REGION_NAME", "") or environ.get("AWS_REGION", "")
    if not _REGION.fullmatch(region):
        reading.note(value, "has no aws_region_name")
        return None
    place = ("bedrock", (("region", region),))
    endpoint = params.get("aws_bedrock_runtime_endpoint")
    url = reading.url(endpoint) if endpoint else ""
    if url is None:
        return None
    if entry:
        return Account(vendor="bedrock", type="bedrock", base_url=url, entry=entry, place=place)
    _aws_keys(value, params, reading)
    return Account(vendor="bedrock", type="bedrock", base_url=url, kind="AWS", place=place)


def _aws_keys(value: Value, params: Value, reading: Reading) -> None:
    """There is one set of names in the Secret `env`, which LiteLLM itself falls back to."""
    given = [(params.get(f"aws_{name.lower()[4:]}"), name) for _, name in AWS_ENTRIES]
    if all(each is None for each, _ in given):
        reading.note(value, _NO_KEY)
        reading.variables |= dict.fromkeys(name for _, name in AWS_ENTRIES[:2])
    for each, name in given:
        if each is None or each.says_nothing:
            continue
        if reading.entry(each, name) != name:
            reading.note(each, _OTHER_KEYS.format(name))
        reading.variables[name] = None


def vertex(model: str, value: Value, params: Value, variable: str, reading: Reading) -> Account | None:
    """Google's own models, with a service account."""
    if not model.startswith(("gemini", "*")):
        reading.note(value, _NOT_GOOGLE)
        return None
    project = reading.text(params.get("vertex_project")) or reading.around.environ.get("VERTEXAI_PROJECT", "")
    region = reading.text(params.get("vertex_location")) or reading.around.environ.get("VERTEXAI_LOCATION", "us-central1")
    if not _PROJECT.fullmatch(project) or not _REGION.fullmatch(region):
        reading.note(value, "has no vertex_project, or no vertex_location that Google Cloud could have")
        return None
    return Account(
        vendor="vertex_ai",
        type="vertex",
        base_url="",
        entry=_account_entry(value, params.get("vertex_credentials"), variable, reading),
        kind="ServiceAccount",
        place=("vertex", (("project", project), ("region", region))),
    )


def _account_entry(value: Value, given: Value | None, variable: str, reading: Reading) -> str:
    if given is None or given.says_nothing:
        reading.note(value, _NO_ACCOUNT.format(variable))
        reading.variables[variable] = None
        return variable
    entry = reading.entry(given, variable)
    if not str(given.content).lstrip().startswith("{"):
        reading.note(given, _NO_FILE)
    return entry
