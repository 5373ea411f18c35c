"""Every client through the gateway to every provider: text, streams, tools, images, schemas, errors, and leaving in the middle.

One test for each cell; all of them are carried out by one run. `WRITE=1` writes the results to results.json.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from tests.clients import providers, results
from tests.clients.matrix import CLIENTS, OFFICIAL, STATUSES, TEXT, Cell, cells, faults, keys, others, run
from tests.support.gateway import Gateway, Record
from tests.support.provider import Provider
from tests.support.wait import until

COUNTS = ("input_tokens", "output_tokens")
NO_ANSWERS = ("/embeddings", "/count_tokens")
pytestmark = pytest.mark.timeout(400)  # the first test waits for the whole run


@dataclass(frozen=True)
class Ran:
    told: Mapping[Cell, str]
    gateway: Gateway
    fake: Provider


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("matrix")
    fake = Provider(folder / "fake.log")
    gateway = Gateway(folder / "gateway", workers=2)
    try:
        gateway.start(providers.manifests(fake.url), keys())
        yield Ran(run(gateway.base_url), gateway, fake)
    finally:
        gateway.drop()
        fake.stop()


@pytest.fixture(scope="module")
def records(ran: Ran) -> Mapping[str, list[Record]]:
    """By client, when all of them are written."""
    ran.gateway.idle()
    ledger = ran.gateway.ledger()
    return {client: [record for record in ledger if record["key_name"] == client.replace(" ", "-")] for client in CLIENTS}


@pytest.mark.parametrize("cell", list(cells()), ids=str)
def test_pl_24_a_client_works_with_a_provider(ran: Ran, cell: Cell) -> None:
    assert ran.told[cell] == ""


@pytest.mark.parametrize("provider", providers.PROVIDERS)
@pytest.mark.parametrize("client", OFFICIAL)
def test_pl_25_an_error_is_the_class_that_a_user_expects(ran: Ran, client: str, provider: str) -> None:
    """Of every status, and where the provider breaks off a stream with an error."""
    problems = {cell.case: ran.told[cell] for cell in faults() if (cell.client, cell.provider) == (client, provider)}
    assert len(problems) >= len(STATUSES)
    assert {case: problem for case, problem in problems.items() if problem} == {}


@pytest.mark.parametrize("cell", list(others()), ids=str)
def test_tp_16_other_calls_of_the_official_packages_work(ran: Ran, cell: Cell) -> None:
    """Lists of models, embeddings, sizes of prompts."""
    assert ran.told[cell] == ""


def test_pl_24_a_client_that_leaves_is_noticed_by_the_provider(ran: Ran) -> None:
    """Each of those that leave was in the middle of a stream, and nobody else was cut off."""
    leavers = sum(cell.case == "abort" for cell in cells())
    until(lambda: ran.fake.stats().get("abandoned") == leavers, f"{leavers} streams are given up")


@pytest.mark.parametrize("client", CLIENTS)
def test_tp_18_the_ledger_counts_what_the_provider_said(records: Mapping[str, list[Record]], client: str) -> None:
    """Of a plain answer and of a stream, whatever the client and the provider speak."""
    echoed = {providers.models(provider)["echo"] for provider in providers.PROVIDERS}
    counted = Counter(
        (record["requested_model"], record["stream"], record["usage_source"], *map(record["usage"].get, COUNTS))
        for record in records[client]
        if record["requested_model"] in echoed and not record["endpoint"].endswith(NO_ANSWERS)
    )
    said = (11, len(TEXT.split(" ")))
    assert counted == {(model, stream, "provider", *said): 1 for model in echoed for stream in (False, True)}


@pytest.mark.parametrize("client", CLIENTS)
def test_pl_24_a_client_that_leaves_is_in_the_ledger(records: Mapping[str, list[Record]], client: str) -> None:
    ended = Counter((record["requested_model"], record["ended"]) for record in records[client] if record["ended"] != "completed")
    assert ended == {(providers.models(provider)["slow"], "client_closed"): 1 for provider in providers.PROVIDERS}


def test_the_results_are_the_committed_ones(ran: Ran) -> None:
    shown = results.dump(ran.told)
    if os.environ.get("WRITE"):
        results.FILE.write_text(shown)
    assert results.FILE.read_text() == shown


def test_every_cell_has_been_carried_out(ran: Ran) -> None:
    assert {*cells(), *faults(), *others()} - set(ran.told) == set()
