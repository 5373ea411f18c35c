import asyncio
import stat

import pytest
from tests.unit.decide.bundles import entry, make
from tests.unit.server.rig import eventually

from ostiary_gateway.bundle.folder import FolderSource, current, publish, read
from ostiary_gateway.contract.bundle import CREDENTIALS, BundleError


def bundles(count):
    return [make([entry(f"sk-{n}")]) for n in range(count)]


def test_what_is_published_is_read_back(tmp_path):
    bundle = make()
    publish(tmp_path, bundle)
    assert current(tmp_path) == bundle.digest
    assert read(tmp_path / "bundle" / "current") == bundle


def test_no_bundle_is_in_force_at_first(tmp_path):
    assert current(tmp_path) is None


def test_only_the_owner_reads_credentials(tmp_path):
    publish(tmp_path, make())
    folder = tmp_path / "bundle" / make().digest
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / CREDENTIALS)}
    assert modes == {folder.name: 0o700, CREDENTIALS: 0o600}


def test_the_newest_bundles_are_kept(tmp_path):
    made = bundles(6)
    for bundle in made:
        publish(tmp_path, bundle, keep=3)
    kept = {path.name for path in (tmp_path / "bundle").iterdir() if path.name != "current"}
    assert kept == {bundle.digest for bundle in made[-3:]}


def test_going_back_to_an_older_bundle(tmp_path):
    first, second = bundles(2)
    for bundle in (first, second, first):
        publish(tmp_path, bundle)
    assert current(tmp_path) == first.digest


def test_a_half_written_folder_is_written_again(tmp_path):
    bundle = make()
    (tmp_path / "bundle" / bundle.digest).mkdir(parents=True)
    publish(tmp_path, bundle)
    assert read(tmp_path / "bundle" / bundle.digest) == bundle


@pytest.mark.parametrize("damage", ["manifest.json", "document.json"])
def test_a_folder_that_lacks_a_file_is_no_bundle(tmp_path, damage):
    bundle = make()
    publish(tmp_path, bundle)
    folder = tmp_path / "bundle" / bundle.digest
    (folder / damage).unlink()
    with pytest.raises(BundleError, match=f"{damage} is missing"):
        read(folder)


async def test_each_bundle_comes_once_and_the_last_one_always(tmp_path):
    first, second = bundles(2)
    source = FolderSource(tmp_path, poll_seconds=0.005)
    stream = source.bundles()
    waiting = asyncio.ensure_future(anext(stream))
    publish(tmp_path, first)
    assert await waiting == first
    waiting = asyncio.ensure_future(anext(stream))
    publish(tmp_path, first)
    await asyncio.wait([waiting], timeout=0.1)
    assert not waiting.done()
    publish(tmp_path, second)
    assert await waiting == second
    await stream.aclose()


async def test_a_bundle_that_went_and_came_back_comes_again(tmp_path):
    first, second = bundles(2)
    publish(tmp_path, first)
    stream = FolderSource(tmp_path, poll_seconds=0.005).bundles()
    assert await anext(stream) == first
    publish(tmp_path, second)
    publish(tmp_path, first)
    assert await asyncio.wait_for(anext(stream), 5) == first
    await stream.aclose()


async def test_lm_18_a_corrupt_bundle_is_reported_and_left_until_it_is_whole(tmp_path):
    first, second = bundles(2)
    publish(tmp_path, first)
    source = FolderSource(tmp_path, poll_seconds=0.005)
    stream = source.bundles()
    assert await anext(stream) == first
    publish(tmp_path, second)
    document = tmp_path / "bundle" / second.digest / "document.json"
    whole = document.read_bytes()
    document.write_bytes(b"{")
    waiting = asyncio.ensure_future(anext(stream))
    await eventually(lambda: source.problem)
    assert source.problem.endswith(f"document.json is not the one of bundle {second.digest}")
    assert not waiting.done()
    document.write_bytes(whole)
    assert await waiting == second
    assert source.problem == ""
    await stream.aclose()
