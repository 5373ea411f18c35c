"""A day of faults at five backends in seconds: nothing is lost, nothing becomes a storm, nothing is counted twice.

The timetable follows from a seed. At any moment of it one backend at least has been well for as long as the gateway needs
to know that; in the evening all five are full and say so without a Retry-After, which only the retry budget can answer.
"""

import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.support.client import call, stream
from tests.support.gateway import Gateway, Record
from tests.support.load import Seen, assert_recorded_once
from tests.support.manifests import Manifest, api_key, model, provider
from tests.support.weather import RETRY_AFTER, Kind, Spell, Station, Weather

SEED = 2817  # a day with every kind of fault, twice at least
NAMES = ("north", "east", "south", "west", "centre")
FAULTS: tuple[Kind, ...] = ("limited", "broken", "slow", "dead", "refusing", "flapping")
KEY = "sk-test-day"
DAY, EVENING, WATCH = 15.0, 2.5, 3.0  # WATCH: how long one backend stays the one that is surely well
ATTEMPT, OPEN, FAILURES = 1, 1, 3
KNOWN = ATTEMPT + max(OPEN, RETRY_AFTER) + 0.7  # so long after a fault the gateway has surely found the backend well
CLIENTS, PAUSE, BUDGET_PERCENT, BUDGET_MINIMUM = 8, 0.12, 20, 50
RETRIES = 4
MODELS = ("day-weighted", "day-latency", "day-priority")


@dataclass(frozen=True)
class Outcome:
    """`begin` and `end` in seconds of the day; `status` 0 is no answer, `whole` an answer to its end."""

    request_id: str
    begin: float
    end: float
    status: int
    whole: bool
    provider: str
    attempts: int
    error: dict[str, Any]


@dataclass(frozen=True)
class Diary:
    """What everybody saw of the day."""

    stations: dict[str, Station]
    outcomes: list[Outcome]
    records: dict[str, Record]
    morning: int  # status of a request on the day after


def timetable(rng: random.Random) -> dict[str, list[Spell]]:
    """Faults of each backend; those that would fall into its own watch are left out."""
    watches: dict[str, list[float]] = {name: [] for name in NAMES}
    order = rng.sample(NAMES, len(NAMES))
    for number in range(math.ceil(DAY / WATCH)):
        watches[order[number % len(order)]].append(number * WATCH)
    return {name: [*_faults(rng, watches[name]), Spell("crowded", DAY, DAY + EVENING)] for name in NAMES}


def _faults(rng: random.Random, watches: list[float]) -> Iterator[Spell]:
    at = rng.uniform(0, 1)
    while at < DAY - 0.5:
        end = min(at + rng.uniform(0.7, 2.5), DAY)
        if not any(at < watch + WATCH + 2 and watch - KNOWN < end for watch in watches):
            yield Spell(rng.choice(FAULTS), at, end)
        at = end + rng.uniform(0.2, 1)


def manifests(stations: list[Station]) -> Iterator[Manifest]:
    breaker = {"consecutiveFailures": FAILURES, "openSeconds": OPEN, "warmUpSeconds": OPEN}
    for station in stations:
        yield from provider(station.name, station.url, credential="sk-credential", breaker=breaker)
    policy = {"defaultStrategy": "DifferentProvider", "defaultMaxAttempts": RETRIES}
    even = [f"{name}/day" for name in NAMES]
    yield model("day-weighted", *even, selection="Weighted", retryPolicy=policy)
    yield model("day-latency", *even, selection="Latency", retryPolicy=policy)
    ranked = [{"providerRef": {"name": name}, "model": "day", "priority": place // 2} for place, name in enumerate(NAMES)]
    yield model("day-priority", *ranked, selection="Priority", retryPolicy=policy)
    yield api_key("day", KEY)


class Client(threading.Thread):
    """One request after the other until the day is over, in an order that the seed decides."""

    def __init__(self, gateway: Gateway, began: float, number: int) -> None:
        super().__init__()
        self._gateway, self._began, self._number = gateway, began, number
        self._rng = random.Random(SEED + number)  # noqa: S311 - the same order each time
        self.outcomes: list[Outcome] = []

    def run(self) -> None:
        pause = threading.Event()  # never set: the clients' own pace
        while self._now() < DAY + EVENING:
            self.outcomes.append(self._ask(f"day-{self._number}-{len(self.outcomes)}"))
            pause.wait(self._rng.uniform(0.5, 1.5) * PAUSE)

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _ask(self, request_id: str) -> Outcome:
        streamed = self._rng.random() < 0.5
        body = {"model": self._rng.choice(MODELS), "messages": [{"role": "user", "content": "how is it?"}], "stream": streamed}
        begin, status, text, headers = self._now(), 0, b"", {}
        given = {"x-request-id": request_id}
        try:
            with stream(self._gateway.base_url, "/v1/chat/completions", body, key=KEY, headers=given, seconds=30) as response:
                status, headers = response.status, {name.lower(): value for name, value in response.getheaders()}
                text = response.read()
        except (HTTPException, OSError):
            return Outcome(request_id, begin, self._now(), status, False, "", 0, {})
        whole = text.endswith(b"data: [DONE]\n\n") if streamed and status == 200 else text.endswith(b"}")
        tried = int(headers.get("x-ostiary-attempts", 0))
        error = {} if status == 200 else json.loads(text)["error"]
        return Outcome(request_id, begin, self._now(), status, whole, headers.get("x-ostiary-provider", ""), tried, error)


@pytest.fixture(scope="module")
def diary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diary]:
    """The day, lived once."""
    spells = timetable(random.Random(SEED))  # noqa: S311 - the same day each time
    stations = [Station(name, spells[name]) for name in NAMES]
    settings = {"attempt_seconds": ATTEMPT, "retry_budget_percent": BUDGET_PERCENT, "retry_budget_minimum": BUDGET_MINIMUM}
    gateway = Gateway(Path(tmp_path_factory.mktemp("day")), **settings)
    try:
        with Weather(stations) as weather:
            gateway.start(manifests(stations))
            began = weather.begin()
            clients = [Client(gateway, began, number) for number in range(CLIENTS)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            body = {"model": MODELS[0], "messages": [{"role": "user", "content": "good morning"}]}
            morning = call(gateway.base_url, "/v1/chat/completions", body, key=KEY, headers={"x-request-id": "morning"})
            outcomes = [outcome for client in clients for outcome in client.outcomes]
            seen = [Seen(outcome.request_id, outcome.status, outcome.whole) for outcome in outcomes]
            records = assert_recorded_once(gateway, seen)
            yield Diary(
                {station.name: station for station in stations},
                outcomes,
                {record["request_id"]: record for record in records},
                morning.status,
            )
    finally:
        gateway.stop()


def test_the_day_is_a_bad_one(diary: Diary) -> None:
    """What the other tests say would say little of a quiet day."""
    faults = [spell for station in diary.stations.values() for spell in station.spells if spell.kind != "crowded"]
    assert {spell.kind for spell in faults} == set(FAULTS)
    assert sum(spell.end - spell.begin for spell in faults) > 0.25 * DAY * len(NAMES)
    assert len(diary.outcomes) > 300
    for at in range(int(DAY * 10)):
        assert any(station.well_throughout(at / 10 - KNOWN, at / 10 + 0.1) for station in diary.stations.values())
    kinds = Counter(one.kind for station in diary.stations.values() for one in station.calls)
    assert min(kinds[kind] for kind in ("well", "limited", "broken", "slow", "dead", "crowded")) >= 2
    errors = Counter(attempt["error_type"] for record in diary.records.values() for attempt in record["attempts"])
    assert sum(count for error, count in errors.items() if error.startswith("timeout")) >= 2
    assert sum(count for error, count in errors.items() if error.startswith("connection")) >= 2


def test_no_answer_is_lost_that_a_healthy_backend_could_have_given(diary: Diary) -> None:
    lost = [outcome for outcome in diary.outcomes if outcome.status != 200 or not outcome.whole]
    avoidable = [
        (outcome, station.name)
        for outcome in lost
        for station in diary.stations.values()
        if station.well_throughout(outcome.begin - KNOWN, outcome.end)
    ]
    assert avoidable == []
    assert [outcome for outcome in lost if outcome.end < DAY] == []


def test_what_nobody_could_answer_is_told_as_exhausted(diary: Diary) -> None:
    lost = [outcome for outcome in diary.outcomes if outcome.status != 200]
    for outcome in lost:
        assert outcome.error["type"] == "retry_exhausted"
        assert outcome.error["total_attempts"] == outcome.attempts == len(outcome.error["attempts"])
        assert outcome.attempts <= RETRIES or not outcome.error["retry_budget_exhausted"]
    storm = [outcome for outcome in lost if outcome.begin >= DAY]
    assert {outcome.status for outcome in storm} == {429}
    assert any(outcome.error["retry_budget_exhausted"] for outcome in storm)


def test_the_extra_load_stays_within_the_retry_budget(diary: Diary) -> None:
    requests = [record for record in diary.records.values() if record["attempts"]]
    retries = sum(len(record["attempts"]) - 1 for record in requests)
    periods = math.ceil((DAY + EVENING) / 10) + 1
    assert retries <= BUDGET_MINIMUM * periods + len(requests) * BUDGET_PERCENT / 100
    storm = [outcome for outcome in diary.outcomes if outcome.begin >= DAY and outcome.status != 200]
    assert sum(outcome.attempts for outcome in storm) < 3 * len(storm), "five each without a budget"


def test_every_answer_is_in_the_ledger_as_its_client_saw_it(diary: Diary) -> None:
    for outcome in diary.outcomes:
        record = diary.records[outcome.request_id]
        assert record["status"] == outcome.status
        assert len(record["attempts"]) == outcome.attempts
        if outcome.status == 200:
            last = record["attempts"][-1]
            assert (last["provider"], last["error_type"], record["ended"]) == (outcome.provider, "", "completed")
            assert record["usage"]["output_tokens"] == 4
    assert set(diary.records) == {outcome.request_id for outcome in diary.outcomes} | {"morning"}


def test_the_attempts_of_the_ledger_are_the_calls_that_the_providers_saw(diary: Diary) -> None:
    """But for those that never reached one: nobody listened, or the connection was cut just then."""
    for request_id, record in diary.records.items():
        told = Counter(attempt["provider"] for attempt in record["attempts"])
        answered = Counter(each["provider"] for each in record["attempts"] if not each["error_type"].startswith("connection"))
        seen = Counter({name: _count(station, request_id) for name, station in diary.stations.items()})
        assert seen <= told, request_id
        assert answered <= seen, request_id
        assert max(told.values()) == 1, "each backend is tried once at most"
    for before, after in pairwise(sorted(one.at for station in diary.stations.values() for one in station.calls)):
        assert after - before < 2, "the day has no gap in which nobody was asked"


def _count(station: Station, request_id: str) -> int:
    return sum(one.request_id == request_id for one in station.calls)


def test_gz_15_the_breaker_keeps_requests_from_a_backend_that_is_broken(diary: Diary) -> None:
    for station in diary.stations.values():
        for spell in station.spells:
            if spell.kind in {"broken", "slow", "dead"}:
                calls = sum(spell.begin <= one.at < spell.end for one in station.calls)
                under_way, probes = CLIENTS, math.ceil((spell.end - spell.begin) / OPEN)
                assert calls <= FAILURES + under_way + probes, (station.name, spell)


def test_the_morning_after_all_is_well(diary: Diary) -> None:
    assert diary.morning == 200
