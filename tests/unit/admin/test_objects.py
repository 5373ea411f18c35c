"""What all kinds have in common: pages, checking by schema, the shape of refusals."""

import pytest

BODIES = {
    "providers": {"type": "openai", "baseURL": "https://a.example"},
    "models": {"backends": [{"providerRef": {"name": "one"}}]},
    "budgets": {"amount": "10", "period": "Monthly", "selector": {"matchLabels": {"team": "red"}}},
    "keys": {"owner": "Ann"},
}


@pytest.mark.parametrize("kind", BODIES)
async def test_tp_24_every_kind_is_created_shown_replaced_and_deleted(admin, kind):
    made = await admin.ask("POST", f"/{kind}", {"name": "one", "spec": BODIES[kind]})
    assert made.status == 201, made
    assert BODIES[kind].items() <= made.json["spec"].items()
    shown = await admin.get(f"/{kind}/default/one")
    assert (shown["id"], shown["name"], shown["namespace"]) == ("default/one", "one", "default")
    replaced = await admin.ask("PUT", f"/{kind}/default/one", {"labels": {"team": "red"}, "spec": BODIES[kind]})
    assert (replaced.status, replaced.json["labels"]) == (200, {"team": "red"})
    assert (await admin.ask("DELETE", f"/{kind}/default/one")).status == (200 if kind == "keys" else 204)
    assert (await admin.ask("GET", f"/{kind}/default/one")).status == (200 if kind == "keys" else 404)
    for method in ("PUT", "DELETE"):
        body = {"spec": BODIES[kind]} if method == "PUT" else None
        missing = await admin.ask(method, f"/{kind}/default/other", body)
        assert (missing.status, missing.code) == (404, "not_found")


async def test_tp_24_lists_come_in_pages(admin):
    for namespace in ("red", "blue"):
        for number in range(3):
            await admin.ask("POST", "/keys", {"name": f"k{number}", "namespace": namespace})
    ids = [f"{namespace}/k{number}" for namespace in ("blue", "red") for number in range(3)]
    whole = await admin.get("/keys")
    assert [item["id"] for item in whole["items"]] == ids
    assert {name: whole[name] for name in whole if name != "items"} == {"total_count": 6, "page": 1, "page_size": 50}
    pages = [await admin.get(f"/keys?page={page}&page_size=4") for page in (1, 2, 3)]
    assert [[item["id"] for item in page["items"]] for page in pages] == [ids[:4], ids[4:], []]
    assert {page["total_count"] for page in pages} == {6}
    red = await admin.get("/keys?namespace=red")
    assert ([item["id"] for item in red["items"]], red["total_count"]) == (ids[3:], 3)


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "page=1.5", "page_size=201", "page_size=-1", "namespace=A", "pagesize=3", "page=1&page=2"]
)
async def test_a_query_is_checked(admin, query):
    refused = await admin.ask("GET", f"/keys?{query}")
    assert (refused.status, refused.code) == (400, "bad_request")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        ([], 422),
        ({"name": "x"}, 422),
        ({"name": "X", "spec": BODIES["providers"]}, 422),
        ({"name": "x", "spec": {**BODIES["providers"], "typo": 1}}, 422),
        ({"name": "x", "spec": {"type": "vllm"}}, 422),
        ({"name": "x", "spec": {**BODIES["providers"], "type": "other"}}, 422),
        ({"name": "x", "spec": {**BODIES["providers"], "credential": {"secretRef": {"name": 5, "key": "k"}}}}, 422),
        ({"name": "x", "labels": {"a b": "c"}, "spec": BODIES["providers"]}, 422),
        ({"name": "x", "namespace": "a.b", "spec": BODIES["providers"]}, 422),
    ],
)
async def test_a_body_is_checked_by_its_schema(admin, body, status):
    refused = await admin.ask("POST", "/providers", body)
    assert refused.status == status, refused
    assert set(refused.json["error"]) == {"message", "type", "code"}
    assert list(admin.manifests.iterdir()) == []


async def test_a_body_is_json_and_not_endless(admin):
    other = await admin.ask("POST", "/keys", b"{}", headers={"Content-Type": "text/plain"})
    assert (other.status, other.code) == (415, "unsupported_media_type")
    long = await admin.ask("POST", "/keys", b'"' + b"x" * 1_100_000 + b'"')
    assert (long.status, long.code) == (413, "too_large")


async def test_a_path_that_is_none_and_a_method_that_is_none(admin):
    assert [(await admin.ask("GET", path)).code for path in ("", "/", "/other", "/keys/x", "/../metrics")] == ["not_found"] * 5
    wrong = await admin.ask("DELETE", "/keys")
    assert (wrong.status, wrong.code, wrong.headers["Allow"]) == (405, "method_not_allowed", "GET,POST".replace(",", ", "))


async def test_a_manifest_that_says_anything_is_shown_all_the_same(admin):
    head = "apiVersion: ostiary.dev/v1alpha1\nkind: ApiKey\n"
    texts = ["metadata: {name: One Two, labels: {n: 5}}\nspec: text\n", "metadata: {name: b, labels: [1]}\nspec: {owner: [1]}\n"]
    (admin.manifests / "any.yaml").write_text("---\n".join(head + text for text in texts) + "---\nkind: ApiKey\n---\n5\n")
    one, two = (await admin.get("/keys"))["items"]
    assert (one["id"], one["labels"], one["spec"]) == ("default/One Two", {"n": "5"}, {})
    assert (two["id"], two["labels"], two["spec"]) == ("default/b", {}, {"owner": [1]})
