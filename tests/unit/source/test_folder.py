"""A folder of manifests, and LMGate's allow-list in it (LM-16 to LM-19)."""

import os
import stat
from pathlib import Path

import pytest

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_operator.api import keys
from ostiary_operator.dataplane import compile_graph
from ostiary_operator.graph import Graph, Policy, resolve
from ostiary_operator.source import environment, folder
from ostiary_operator.source.folder import FolderError, Loaded

QUICKSTART = Path(__file__).parents[3] / "hack/quickstart"
HEADER = "id,api_key,owner,added\n"
SHA256 = "a" * 64


def key(name: str, spec: str = f'{{sha256: "{SHA256}"}}') -> str:
    return f"apiVersion: ostiary.dev/v1alpha1\nkind: ApiKey\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def provider(name: str, more: str = "") -> str:
    spec = f"{{type: openai, baseURL: 'https://a.example'{more}}}"
    return f"apiVersion: ostiary.dev/v1alpha1\nkind: Provider\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def load(path: Path, previous: Loaded | None = None, **environ: str) -> Loaded:
    return folder.load(path, environ, None, previous)


def graph_of(loaded: Loaded) -> Graph:
    return resolve(loaded.snapshot, Policy(allow_local=True))


def said(loaded: Loaded) -> list[str]:
    return [str(problem) for problem in folder.problems(loaded, graph_of(loaded))]


def test_the_quickstart_has_no_problem_and_its_key_counts() -> None:
    loaded = load(QUICKSTART, OPENAI_API_KEY="sk-real")
    compiled = compile_graph(graph_of(loaded))
    assert said(loaded) == []
    keys = {entry.name: entry.sha256 for entry in compiled.entries}
    assert keys == {name: hash_key(f"sk-ostiary-{name}") for name in ("quickstart", "budget", "limited")}
    assert {entry.name for entry in compiled.entries if entry.terms} == {"budget", "limited"}
    managed = {each.prefix: each.managed for each in compiled.document.providers}
    fakes = dict.fromkeys(("fake", "fake-anthropic", "fake-google", "fake-bedrock", "fake-spare"), True)
    assert managed == {"openai": True, "anthropic": False, "google": False, **fakes}
    (demo,) = (model for model in compiled.document.models if model.name == "demo*")
    assert [(each.provider, each.model) for each in demo.backends] == [("fake", ""), ("fake-spare", "echo")]
    assert compiled.credentials["default/openai"] == ("sk-real",)


def test_the_quickstart_names_the_real_addresses_of_lmgate() -> None:
    hosts = {each.prefix: each.host for each in compile_graph(graph_of(load(QUICKSTART))).document.providers}
    assert hosts["openai"] == "api.openai.com"
    assert hosts["anthropic"] == "api.anthropic.com"
    assert hosts["google"] == "aiplatform.googleapis.com"


def test_the_secret_env_is_made_of_the_variables_unless_the_folder_has_one(tmp_path: Path) -> None:
    reference = ", credential: {secretRef: {name: env, key: KEY}}"
    (tmp_path / "a.yaml").write_text(provider("a", reference))
    assert compile_graph(graph_of(load(tmp_path, KEY="from-env"))).credentials == {"default/a": ("from-env",)}
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: env}\nstringData: {KEY: from-file}\n")
    assert compile_graph(graph_of(load(tmp_path, KEY="from-env"))).credentials == {"default/a": ("from-file",)}


def test_lm_16_a_missing_column_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "allowlist.csv").write_text("id,api_key,owner\na,b,c\n")
    assert said(load(tmp_path)) == ["allowlist.csv: column added is missing"]


def test_lm_16_more_columns_are_fine_and_a_header_alone_admits_nobody(tmp_path: Path) -> None:
    (tmp_path / "allowlist.csv").write_text("note,id,api_key,owner,added\n")
    loaded = load(tmp_path)
    assert (said(loaded), loaded.snapshot.rows) == ([], ())


def test_lm_16_a_plain_list_is_hashed_on_reading(tmp_path: Path) -> None:
    (tmp_path / "allowlist.csv").write_text("\ufeff" + HEADER + "client-1,sk-plain,team,2026-01-01\n")
    loaded = load(tmp_path)
    (row,) = compile_graph(graph_of(loaded)).entries
    assert (row.id, row.sha256, row.owner, row.added) == ("client-1", hash_key("sk-plain"), "team", "2026-01-01")
    assert "sk-plain" not in repr(loaded)


def test_lm_17_the_fingerprint_changes_with_every_edit(tmp_path: Path) -> None:
    seen = [folder.fingerprint(tmp_path)]
    path = tmp_path / "allowlist.csv"
    path.write_text(HEADER)
    seen.append(folder.fingerprint(tmp_path))
    os.utime(path, ns=(1, 1))
    seen.append(folder.fingerprint(tmp_path))
    new = tmp_path / "new"
    new.write_text(HEADER)
    os.utime(new, ns=(1, 1))
    new.rename(path)
    seen.append(folder.fingerprint(tmp_path))
    (tmp_path / "a.yaml").write_text(key("a"))
    seen.append(folder.fingerprint(tmp_path))
    assert len(set(seen)) == len(seen)
    assert folder.fingerprint(tmp_path) == seen[-1]


def test_lm_17_a_folder_that_is_gone_has_an_empty_fingerprint(tmp_path: Path) -> None:
    assert folder.fingerprint(tmp_path / "none") == ()


@pytest.mark.parametrize("broken", ["id,api_key\n", HEADER + "a,\n", HEADER + "a,sha256:xyz,o,\n", HEADER + "a\tb,k,o,\n"])
def test_lm_18_a_broken_list_leaves_the_old_one_in_force(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "allowlist.csv"
    path.write_text(HEADER + "client-1,sk-plain,team,\n")
    first = load(tmp_path)
    path.write_text(broken)
    second = load(tmp_path, first)
    assert second.snapshot.rows == first.snapshot.rows != ()
    assert len(said(second)) == 1
    third = load(tmp_path, second)
    assert third.snapshot.rows == first.snapshot.rows


def test_lm_18_a_list_that_is_gone_stays_in_force_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "allowlist.csv"
    path.write_text(HEADER + "client-1,sk-plain,team,\n")
    first = load(tmp_path)
    path.unlink()
    second = load(tmp_path, first)
    assert second.snapshot.rows == first.snapshot.rows
    assert [problem.warning for problem in second.problems] == [True]


def test_lm_18_a_broken_manifest_leaves_its_objects_in_force(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(key("a") + "---\n" + provider("p"))
    (tmp_path / "b.yaml").write_text(provider("q"))
    first = load(tmp_path)
    (tmp_path / "a.yaml").write_text("a: [")
    second = load(tmp_path, first)
    assert [key.metadata.name for key in second.snapshot.api_keys] == ["a"]
    assert [provider.metadata.name for provider in second.snapshot.providers] == ["p", "q"]
    assert said(second)[0].startswith("a.yaml: line 1: ")
    (tmp_path / "a.yaml").unlink()
    assert load(tmp_path, second).snapshot.api_keys == ()


def test_lm_19_of_rows_with_one_key_the_last_counts_and_an_api_key_before_both(tmp_path: Path) -> None:
    (tmp_path / "allowlist.csv").write_text(HEADER + "one,sk-a,x,\ntwo,sk-a,y,\nthree,sk-b,z,\n")
    (tmp_path / "k.yaml").write_text(key("k", f'{{sha256: "{hash_key("sk-b")}"}}'))
    entries = compile_graph(graph_of(load(tmp_path))).entries
    assert {entry.id for entry in entries} == {"two", "default/k"}


def test_of_two_objects_that_claim_one_thing_the_earlier_in_the_folder_is_older(tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text(key("z"))
    (tmp_path / "2.yaml").write_text(key("a"))
    assert said(load(tmp_path)) == ["2.yaml: ApiKey/a: spec: the key belongs to ApiKey default/z, which is older"]


def test_an_object_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text(key("a") + "---\n" + key("a", "{generate: {}}"))
    loaded = load(tmp_path)
    assert said(loaded) == ["1.yaml: ApiKey/a: is in 1.yaml already, which counts"]
    assert len(loaded.snapshot.api_keys) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "kind: Pod\nmetadata: {name: p}\n",
            "f.yaml: Pod/p: unknown kind: a folder holds Provider, Model, ApiKey, Budget and Secret",
        ),
        ("- a\n", "f.yaml: a document is no object with a kind"),
        ("kind: ApiKey\nmetadata: {}\n", "f.yaml: ApiKey without metadata.name"),
        ("apiVersion: v1\nkind: ApiKey\nmetadata: {name: a}\n", "f.yaml: ApiKey/a: apiVersion: must be ostiary.dev/v1alpha1"),
        (key("A"), "f.yaml: ApiKey/A: metadata: no name that Kubernetes knows"),
        (
            key("k", "{sha256: sk-secret}"),
            "f.yaml: ApiKey/k: spec.sha256: must be 64 lower-case hex digits: the SHA-256 of the key, not the key",
        ),
        (
            provider("p", ", credential: {secretRef: {name: s, key: k}}"),
            "f.yaml: Provider/p: spec.credential.secretRef.name: Secret s does not exist",
        ),
    ],
)  # fmt: skip
def test_a_problem_names_file_object_field_and_reason(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "f.yaml").write_text(text)
    assert said(load(tmp_path)) == [problem]


def test_a_list_is_taken_apart_and_empty_documents_are_passed_over(tmp_path: Path) -> None:
    item = key("a").replace("\n", "\n  ")
    (tmp_path / "f.yaml").write_text(f"---\n---\nkind: List\nitems:\n- {item}\n---\n")
    assert [each.metadata.name for each in load(tmp_path).snapshot.api_keys] == ["a"]


def test_a_moment_without_quotes_is_a_moment(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(key("a", f'{{sha256: "{SHA256}", expiresAt: 2030-01-01T00:00:00Z}}'))
    loaded = load(tmp_path)
    assert said(loaded) == []
    assert compile_graph(graph_of(loaded)).entries[0].expires == "2030-01-01T00:00:00Z"


def test_other_files_are_none_of_our_business(tmp_path: Path) -> None:
    for name in (".a.yaml", "a.yaml~", "a.yaml.swp", "README.md", "b.json"):
        (tmp_path / name).write_text(":::")
    assert said(load(tmp_path)) == []


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="none: No such file or directory"):
        load(tmp_path / "none")


def test_a_generated_key_is_made_once_and_kept_for_its_owner_only(tmp_path: Path) -> None:
    manifests, state = tmp_path / "manifests", tmp_path / "state"
    manifests.mkdir()
    (manifests / "k.yaml").write_text(key("k", "{generate: {}}"))
    first = folder.load(manifests, {}, state)
    second = folder.load(manifests, {}, state)
    kept = state / "secrets/default/k"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text().startswith(keys.PREFIX)
    assert [each.sha256 for each in compile_graph(graph_of(first)).entries] == [hash_key(kept.read_text().strip())]
    assert compile_graph(graph_of(second)).entries == compile_graph(graph_of(first)).entries


def test_a_check_makes_no_key(tmp_path: Path) -> None:
    (tmp_path / "k.yaml").write_text(key("k", "{generate: {}}"))
    assert said(load(tmp_path)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["k.yaml"]


def test_a_state_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "k.yaml").write_text(key("k", "{generate: {}}"))
    (tmp_path / "state").write_text("a file")
    with pytest.raises(FolderError, match="state"):
        folder.load(tmp_path, {}, tmp_path / "state")


def test_dotenv_is_under_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# a comment\nA=1\nexport B = 'two words'\nC=\"x=y\"\nnothing\n#D=4\n")
    assert environment.read({"A": "0"}, tmp_path / ".env") == {"A": "0", "B": "two words", "C": "x=y"}
    assert environment.read({"A": "0"}, tmp_path / "none") == {"A": "0"}
