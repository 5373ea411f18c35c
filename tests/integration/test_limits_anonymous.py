"""Refused requests per source address (GZ-16)."""

from collections.abc import Iterator

import pytest
from tests.support.client import Reply, call
from tests.support.limited import CHAT, Limited, key_of, limited, open_limited

MOST = 5


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    folder, keys = tmp_path_factory.mktemp("anonymous"), [limited("free"), limited("late")]
    with open_limited(folder, keys, anonymous_per_minute=MOST, trusted_proxies="127.0.0.1", decision_seconds=1, workers=2) as bed:
        yield bed


def ask(bed: Limited, address: str, key: str | None = "sk-nobody", path: str = CHAT) -> Reply:
    body = {"model": "openai/x", "messages": []}
    return call(bed.gateway.base_url, path, body, key=key, headers={"X-Forwarded-For": address})


STRANGERS = [("sk-nobody", CHAT, 401), (None, CHAT, 401), (None, "/openai/x", 403), ("sk-nobody", "/openai/x", 403)]


@pytest.mark.parametrize(("key", "path", "status"), STRANGERS)
def test_gz_16_strangers_are_refused_so_often_and_no_more(bed: Limited, key: str | None, path: str, status: int) -> None:
    address = f"198.51.100.{status % 100 + len(path) * 3 + bool(key)}"
    assert [ask(bed, address, key, path).status for _ in range(MOST)] == [status] * MOST
    refused = ask(bed, address, key, path)
    assert (refused.status, "rate limit exceeded" in refused.text) == (429, True)
    assert 1 <= int(refused.headers["retry-after"]) <= 70
    assert ask(bed, f"{address}, 203.0.113.{len(path) + bool(key)}", key, path).status == status, "the last hop is another source"


def test_gz_16_a_key_that_is_known_is_exempt(bed: Limited) -> None:
    address = "192.0.2.7"
    assert ask(bed, address, key_of("free")).status == 200
    assert [ask(bed, address).status for _ in range(MOST + 1)] == [401] * MOST + [429]
    assert ask(bed, address, key_of("free")).status == 200
    assert ask(bed, address, key_of("late")).status == 429, "one that was not seen yet is not even asked for"
    assert ask(bed, "192.0.2.8", key_of("late")).status == 200
    assert ask(bed, address, key_of("late")).status == 200
