"""The ledger's lines in pages: by time, key and request, newest or oldest first, with bounded work for each page."""

import gzip
import json
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from ostiary_gateway.admin.pages import Bounds, End, PageError, Wanted, read
from ostiary_gateway.contract.record import Record

DEFAULT = Bounds()


def line(number, key="a/ann", day=21, **fields):
    times = f"2026-11-{day}T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"
    record = {
        "version": 2,
        "id": f"e-{number}",
        "request_id": f"r-{number}",
        "timestamp": times,
        "key_id": key,
        "kind": "request",
    }
    return json.dumps({**record, **fields}).encode() + b"\n"


def posting(number, kind="credit", account="key/a/ann"):
    fields = {
        "version": 2,
        "kind": kind,
        "id": f"p-{number}",
        "timestamp": f"2026-11-21T00:00:{number:02}.000Z",
        "account": account,
    }
    return json.dumps({**fields, "amount": "1", "currency": "USD", "reason": "r", "actor": "a"}).encode() + b"\n"


def write(folder: Path, lines, name="usage-2026-11-21.jsonl"):
    folder.mkdir(parents=True, exist_ok=True)
    data = b"".join(lines)
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return len(data)


def ids(lines):
    return [json.loads(each)["id"] for each in lines]


def walk(folder, wanted, end=None, bounds=DEFAULT):
    """Every page to the end: what is on them."""
    found = []
    while True:
        page = read(folder, wanted, end, bounds)
        assert len(page.lines) <= wanted.size
        found.append(ids(page.lines))
        if not page.next:
            return found
        wanted = wanted._replace(after=page.next)


def flat(pages):
    return [each for page in pages for each in page]


NUMBERS = [f"e-{n}" for n in range(50)]


@pytest.mark.parametrize("size", [1, 7, 50, 200])
@pytest.mark.parametrize("chunk", [1, 150, 1000, 1 << 20])
def test_every_line_is_on_one_page(tmp_path, size, chunk):
    write(tmp_path, map(line, range(20)))
    write(tmp_path, map(line, range(20, 30)), "usage-2026-11-21.1.jsonl.gz")
    write(tmp_path, map(line, range(30, 50)), "usage-2026-11-22.jsonl")
    newest = walk(tmp_path, Wanted(size), bounds=Bounds(chunk=chunk))
    oldest = walk(tmp_path, Wanted(size, order="oldest"), bounds=Bounds(chunk=chunk))
    assert flat(oldest) == NUMBERS
    assert flat(newest) == NUMBERS[::-1]
    assert {len(page) for page in newest[:-1]} <= {size}


def test_a_line_that_is_being_written_is_not_there(tmp_path):
    write(tmp_path, [line(0), line(1), line(2)[:-1]])
    for order in ("newest", "oldest"):
        assert sorted(ids(read(tmp_path, Wanted(9, order=order)).lines)) == ["e-0", "e-1"]


def test_what_was_not_committed_does_not_count(tmp_path):
    length = write(tmp_path, [line(0)])
    write(tmp_path, [line(0), line(1)])
    write(tmp_path, [line(2)], "usage-2026-11-22.jsonl")
    for order in ("newest", "oldest"):
        assert walk(tmp_path, Wanted(9, order=order), End("usage-2026-11-21.jsonl", length)) == [["e-0"]]


def test_lines_are_chosen_by_key_request_and_time(tmp_path):
    write(tmp_path, [line(0), line(1, "b/ben"), posting(2), line(3, request_id="mine"), b"garbage\n", line(4, "b/ben")])

    def found(**wanted):
        return ids(read(tmp_path, Wanted(9, order="oldest", **wanted)).lines)

    assert found() == ["e-0", "e-1", "e-3", "e-4"]
    assert found(key="b/ben") == ["e-1", "e-4"]
    assert found(request_id="mine") == found(request_id="e-3") == ["e-3"]
    assert found(since="2026-11-21T00:00:01.000Z", until="2026-11-21T00:00:04.000Z") == ["e-1", "e-3"]
    assert found(kinds=("credit",)) == found(kinds=("credit",), key="key/a/ann") == ["p-2"]
    assert found(key="c") == []


def test_files_of_other_days_are_not_opened(tmp_path):
    for day in (18, 19, 20, 21, 22):
        write(tmp_path, [line(0, day=day, id=f"d-{day}")], f"usage-2026-11-{day}.jsonl")
    for day in (18, 22):
        (tmp_path / f"usage-2026-11-{day}.jsonl").unlink()
        (tmp_path / f"usage-2026-11-{day}.jsonl").mkdir()
    wanted = Wanted(9, since="2026-11-19T00:00:00.000Z", until="2026-11-20T12:00:00.000Z", order="oldest")
    assert walk(tmp_path, wanted) == [["d-19", "d-20"]]


def test_a_record_that_came_a_day_late_is_found(tmp_path):
    write(tmp_path, [line(0, day=20)], "usage-2026-11-21.jsonl")
    assert walk(tmp_path, Wanted(9, until="2026-11-20T12:00:00.000Z")) == [["e-0"]]


def test_a_page_ends_after_so_many_bytes_and_says_where_to_go_on(tmp_path):
    write(tmp_path, [line(n, "b/ben" if n in {0, 999} else "a/ann") for n in range(1000)])
    found = walk(tmp_path, Wanted(5, key="b/ben"), bounds=Bounds(page=16384, chunk=4096))
    assert (flat(found), found[1]) == (["e-999", "e-0"], [])
    assert found[0] == ["e-999"]
    assert 5 < len(found) < 15


@pytest.mark.parametrize(
    "after", ["x", "usage-2026-11-21.jsonl", "usage-2026-11-21.jsonl@", "usage-2026-11-21.jsonl@-1", "../x@0", "@1"]
)
def test_a_place_that_is_none_is_refused(tmp_path, after):
    write(tmp_path, [line(0)])
    with pytest.raises(PageError):
        read(tmp_path, Wanted(1, after=after))


@pytest.mark.parametrize("offset", [1, 5, 10_000, 10**30])
def test_a_place_in_the_middle_of_a_line_gives_whole_lines_only(tmp_path, offset):
    write(tmp_path, [line(0), line(1)])
    for order in ("newest", "oldest"):
        found = read(tmp_path, Wanted(9, order=order, after=f"usage-2026-11-21.jsonl@{offset}"))
        assert set(ids(found.lines)) <= {"e-0", "e-1"}


def test_a_ledger_that_is_not_there_is_empty(tmp_path):
    assert read(tmp_path / "none", Wanted(1)) == ([], "")


async def test_records_are_told_as_the_ledger_has_them(admin):
    record = Record(
        id="e-1", request_id="mine", timestamp="2026-11-21T00:00:01.000Z", key_id="a/ann", surface="managed", method="POST",
        endpoint="/v1/x", provider="openai", status=200, ended="completed", cost="0.000000001", labels={"team": "red"},
    )  # fmt: skip
    raw = msgspec.json.encode(record)
    write(admin.ledger, [line(0), raw + b"\n", line(2)])
    page = await admin.get("/usage/records?request_id=mine")
    assert page == {"items": [json.loads(raw)], "next": None, "page_size": 50}
    first = await admin.get("/usage/records?page_size=2&order=oldest")
    assert [item["id"] for item in first["items"]] == ["e-0", "e-1"]
    last = await admin.get(f"/usage/records?page_size=2&order=oldest&after={quote(first['next'])}")
    assert ([item["id"] for item in last["items"]], last["next"]) == (["e-2"], None)
    by_key = await admin.get("/usage/records?key=a/ann&since=2026-11-21T00:00:02Z")
    assert [item["id"] for item in by_key["items"]] == ["e-2"]


@pytest.mark.parametrize("query", ["since=yesterday", "until=2026-13-01", "order=best", "after=x", "page=2", "page_size=0"])
async def test_a_question_to_the_ledger_is_checked(admin, query):
    assert (await admin.ask("GET", f"/usage/records?{query}")).status == 400
