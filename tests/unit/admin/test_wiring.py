"""What the settings make of the admin API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import TestClient, TestServer
from tests.unit.admin.rig import ADMIN, Till, Told
from tests.unit.admin.test_records import line, write

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.server.admin import make_admin_app
from ostiary_gateway.store import Place

TOKEN = {"Authorization": f"Bearer {ADMIN}"}


class Ledger(Till):
    place: Place | None = None


@asynccontextmanager
async def client(tmp_path, ledger: Ledger | None = None, **settings: object) -> AsyncIterator[TestClient]:
    token = tmp_path / "token"
    token.write_text(ADMIN)
    (tmp_path / "manifests").mkdir()
    folders = {name: str(tmp_path / name) for name in ("manifests", "run", "data")}
    chosen = Settings(**{"admin_token_file": str(token), **folders, **settings})
    async with TestClient(TestServer(make_admin_app(chosen, ledger or Ledger(), Told()))) as made:
        yield made


async def created(admin: TestClient) -> str:
    answer = await admin.post("/admin/keys", json={"name": "x"}, headers=TOKEN)
    return (await answer.json()).get("id", str(answer.status))


async def test_on_one_machine_objects_are_in_the_folder(tmp_path):
    async with client(tmp_path) as admin:
        assert await created(admin) == "default/x"
    assert [path.name for path in (tmp_path / "manifests").iterdir()] == ["apikey.default.x.yaml"]


async def test_in_a_cluster_they_are_custom_resources(tmp_path):
    async with client(tmp_path, bundle="ostiary-bundle") as admin:
        assert await created(admin) == "503"
    assert list((tmp_path / "manifests").iterdir()) == []


async def test_objects_without_a_namespace_are_in_the_installations_own(tmp_path):
    async with client(tmp_path, namespace="ours") as admin:
        assert await created(admin) == "ours/x"


async def test_a_token_of_no_file_is_shown_to_kubernetes_only_where_settings_say_so(tmp_path):
    for reviews, status in ((False, 401), (True, 503)):
        (tmp_path / str(reviews)).mkdir()
        async with client(tmp_path / str(reviews), admin_reviews_tokens=reviews) as admin:
            assert (await admin.get("/admin/keys", headers={"Authorization": "Bearer other"})).status == status


async def test_only_what_is_committed_is_told(tmp_path):
    ledger = Ledger()
    length = write(tmp_path / "data/ledger", [line(0)])
    write(tmp_path / "data/ledger", [line(0), line(1)])
    async with client(tmp_path, ledger) as admin:
        for place, ids in ((None, ["e-1", "e-0"]), (Place("usage-2026-11-21.jsonl", length), ["e-0"])):
            ledger.place = place
            page = await (await admin.get("/admin/usage/records", headers=TOKEN)).json()
            assert [item["id"] for item in page["items"]] == ids


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"admin_token_file": ""}, "there is no token"),
        ({"viewer_token_file": "/not/there"}, "/not/there cannot be read"),
        ({}, ""),
    ],
)
async def test_a_token_that_nobody_can_have_is_told(tmp_path, caplog, settings, told):
    async with client(tmp_path, **settings):
        warnings = [record.getMessage() for record in caplog.records]
    assert [told in each for each in warnings] == ([True] if told else [])
