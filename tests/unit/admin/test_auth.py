"""Who may: tokens from files, viewers read and admins write, nothing is told to anyone else."""

import pytest
from tests.unit.admin.rig import ADMIN, VIEWER

READS = [
    "/keys",
    "/keys/default/x",
    "/providers",
    "/usage",
    "/usage/records",
    "/postings",
    "/unpriced",
    "/statement",
    "/openapi.json",
]
WRITES = [("POST", "/keys"), ("PUT", "/keys/default/x"), ("DELETE", "/keys/default/x"), ("POST", "/keys/default/x/regenerate")]


@pytest.mark.parametrize("token", ["", "wrong", ADMIN[:-1], f"{ADMIN}x", "\u00e4".encode().decode("latin-1")])
@pytest.mark.parametrize("path", ["/keys", "/openapi.json", "/nothing", ""])
async def test_without_a_token_that_is_known_nothing_is_told(admin, token, path):
    refused = await admin.ask("GET", path, token=token)
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("given", ["Basic YTpi", "Bearer", "Bearer ", ADMIN, f"Token {ADMIN}"])
async def test_only_a_bearer_token_is_one(admin, given):
    assert (await admin.ask("GET", "/keys", token="", headers={"Authorization": given})).status == 401


@pytest.mark.parametrize("path", READS)
async def test_tp_24_a_viewer_reads(admin, path):
    assert (await admin.ask("GET", path, token=VIEWER)).status in {200, 404}


@pytest.mark.parametrize(("method", "path"), [*WRITES, ("POST", "/postings"), ("POST", "/budgets"), ("DELETE", "/models/a/b")])
async def test_tp_24_a_viewer_does_not_write(admin, method, path):
    refused = await admin.ask(method, path, {"name": "x", "spec": {}}, token=VIEWER)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert list(admin.manifests.iterdir()) == []


async def test_a_replaced_token_counts_at_once(admin):
    admin.tokens["admin"].write_text("another")
    assert (await admin.ask("GET", "/keys")).status == 401
    assert (await admin.ask("GET", "/keys", token="another")).status == 200


@pytest.mark.parametrize("left", ["", "\n", None])
async def test_a_file_without_a_token_lets_nobody_in(admin, left):
    for file in admin.tokens.values():
        file.unlink() if left is None else file.write_text(left)
    for given in ("Bearer ", "Bearer  ", "Bearer \t"):
        assert (await admin.ask("GET", "/keys", token="", headers={"Authorization": given})).status == 401


async def test_a_token_that_is_both_is_an_admins(admin):
    admin.tokens["viewer"].write_text(ADMIN)
    assert (await admin.ask("POST", "/keys", {"name": "x"})).status == 201
