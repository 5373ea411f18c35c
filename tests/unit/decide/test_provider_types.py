"""Each type of Provider, from its sample to what the gateway does with requests in every dialect."""

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from ostiary_gateway.contract.decision import Ask, Plan
from ostiary_gateway.contract.document import ProviderType
from ostiary_gateway.decide.index import Index, Sources
from ostiary_operator.api.vendors import VENDORS
from ostiary_operator.cli.check import check
from ostiary_operator.dataplane import compile_graph
from ostiary_operator.graph import Policy, resolve
from ostiary_operator.render import bundle
from ostiary_operator.source import folder

SAMPLES = Path(__file__).parents[3] / "hack/samples/providers"
SAMPLE_KEY = "sk-sample"
KEY = hashlib.sha256(SAMPLE_KEY.encode()).hexdigest()
TYPES = ProviderType.__args__
ENTRIES = {
    **{
        f"{name}_API_KEY": "secret"
        for name in (
            "OPENAI", "ANTHROPIC", "GOOGLE", "COMPATIBLE", "AZURE_OPENAI", "MISTRAL", "GROQ", "DEEPSEEK", "XAI", "TOGETHER",
            "OPENROUTER", "VLLM",
        )
    },
    "AWS_ACCESS_KEY_ID": "AKIA1",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "GOOGLE_SERVICE_ACCOUNT": '{"client_email": "a@b", "private_key": "secret"}',
}  # fmt: skip
CHATS = ("chat", "responses", "messages", "generate")
NATIVE, ESTIMATED = "", "count_tokens"

# What a client's chat, responses, messages and generate become, then embeddings and count_tokens; None is refused.
SPOKEN = {
    "openai": ((NATIVE, NATIVE, "chat", "chat"), NATIVE, ESTIMATED),
    "anthropic": (("messages", "messages", NATIVE, "messages"), None, NATIVE),
    "google": (("generate", "generate", "generate", NATIVE), "embed", ESTIMATED),
    "openai-compatible": ((NATIVE, "chat", "chat", "chat"), NATIVE, ESTIMATED),
    "azure-openai": ((NATIVE, NATIVE, "chat", "chat"), NATIVE, ESTIMATED),
    "bedrock": (("converse", "converse", "converse", "converse"), None, ESTIMATED),
    "vertex": (("generate", "generate", "generate", NATIVE), None, ESTIMATED),
    "mistral": (("chat", "chat", "chat", "chat"), NATIVE, ESTIMATED),  # chat too: it refuses what it does not know
    "groq": ((NATIVE, NATIVE, "chat", "chat"), None, ESTIMATED),
    "deepseek": ((NATIVE, "chat", "chat", "chat"), None, ESTIMATED),
    "xai": ((NATIVE, NATIVE, "chat", "chat"), None, ESTIMATED),
    "together": ((NATIVE, "chat", "chat", "chat"), NATIVE, ESTIMATED),
    "openrouter": ((NATIVE, NATIVE, NATIVE, "chat"), NATIVE, ESTIMATED),
    "ollama": ((NATIVE, NATIVE, NATIVE, "chat"), NATIVE, ESTIMATED),
    "vllm": ((NATIVE, NATIVE, NATIVE, "chat"), NATIVE, NATIVE),
}
HOSTS = {
    "openai": ("api.openai.com", ""),
    "anthropic": ("api.anthropic.com", ""),
    "google": ("generativelanguage.googleapis.com", ""),
    "openai-compatible": ("llm.example.com", ""),
    "azure-openai": ("my-resource.openai.azure.com", "/openai"),
    "bedrock": ("bedrock-runtime.eu-central-1.amazonaws.com", ""),
    "vertex": ("europe-west4-aiplatform.googleapis.com", ""),
    "mistral": ("api.mistral.ai", ""),
    "groq": ("api.groq.com", "/openai"),
    "deepseek": ("api.deepseek.com", ""),
    "xai": ("api.x.ai", ""),
    "together": ("api.together.xyz", ""),
    "openrouter": ("openrouter.ai", "/api"),
    "ollama": ("ollama.ollama.svc:11434", ""),
    "vllm": ("vllm.models.svc:8000", ""),
}
SHOWN = {
    "anthropic": ("x-api-key", "secret"),
    "google": ("x-goog-api-key", "secret"),
    "azure-openai": ("api-key", "secret"),
    "bedrock": ("authorization", "AKIA1:secret"),
    "vertex": ("authorization", "Bearer token"),
    "ollama": ("authorization", "Bearer none"),
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """All samples at once, with a key that may use everything."""
    manifests = tmp_path_factory.mktemp("samples")
    for path in SAMPLES.glob("*.yaml"):
        (manifests / path.name).write_text(path.read_text())
    (manifests / "allowlist.csv").write_text(f"id,api_key,owner,added\nsample,{SAMPLE_KEY},me,2026-01-01\n")
    loaded = folder.load(manifests, ENTRIES, manifests)
    graph = resolve(loaded.snapshot, Policy())
    assert [str(problem) for problem in folder.problems(loaded, graph)] == []
    account = ENTRIES["GOOGLE_SERVICE_ACCOUNT"]
    return Index.build(bundle(compile_graph(graph)), sources=Sources(tokens={account: ("token", 1)}.get))


def model_of(samples, kind):
    (found,) = (model for model in samples.document.models if model.id == f"default/{kind}-sample")
    return found.name


def way(samples, kind, dialect):
    ask = Ask(key=KEY, surface="managed", target=model_of(samples, kind), dialect=dialect)
    decision = samples.decide(ask, 0)
    if decision.refusal:
        assert decision.refusal.code == "dialect_not_spoken"
        return None
    return decision.plan or decision.backends[0]


def translation(found):
    return found and place_of(found).translate


def place_of(found):
    return found.targets[0] if isinstance(found, Plan) else found


def test_every_type_has_its_sample_and_no_other_has():
    assert {path.stem for path in SAMPLES.glob("*.yaml")} == set(TYPES) == set(VENDORS) == set(SPOKEN)


@pytest.mark.parametrize("kind", TYPES)
def test_ostiary_check_finds_nothing_wrong_with_a_sample(kind, tmp_path):
    (tmp_path / "sample.yaml").write_text((SAMPLES / f"{kind}.yaml").read_text())
    result = CliRunner(env=ENTRIES).invoke(check, [str(tmp_path)])
    assert (result.exit_code, result.output) == (0, "ok: 1 providers, 1 models, 0 keys, 0 budgets, 0 rows of allowlist.csv\n")


@pytest.mark.parametrize("kind", TYPES)
def test_tp_16_a_request_reaches_each_type_in_what_it_speaks(samples, kind):
    chats, embeddings, count_tokens = SPOKEN[kind]
    assert tuple(translation(way(samples, kind, dialect)) for dialect in CHATS) == chats
    assert translation(way(samples, kind, "embeddings")) == embeddings
    assert translation(way(samples, kind, "count_tokens")) == count_tokens


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_is_where_its_vendor_is_and_is_shown_the_credential_in_its_way(samples, kind):
    found = way(samples, kind, "chat")
    place = place_of(found)
    assert (place.host, place.base_path) == HOSTS[kind]
    credential = place.credentials[0] if isinstance(found, Plan) else place.credential
    assert (place.credential_header, credential) == SHOWN.get(kind, ("authorization", "Bearer secret"))
    assert place.provider_type == kind


def test_paths_that_are_none_of_the_dialects_own_are_the_vendors(samples):
    vertex = place_of(way(samples, "vertex", "messages"))
    assert vertex.path == (
        "/v1/projects/my-project/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent"
    )
    bedrock = place_of(way(samples, "bedrock", "messages"))
    assert bedrock.path == "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    assert (bedrock.signing, bedrock.region) == ("aws", "eu-central-1")


@pytest.mark.parametrize("kind", TYPES)
def test_nobody_but_googles_clients_has_a_plan_in_the_way(samples, kind):
    """Their model is in the path. What else is translated needs none where there is one place to go."""
    assert [dialect for dialect in CHATS if isinstance(way(samples, kind, dialect), Plan)] == ["generate"]
