"""One gateway and one fake provider for all tests that do not break them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from tests.support import sample
from tests.support.gateway import Gateway, Parts
from tests.support.planned import Bed, open_bed
from tests.support.provider import Provider

Kind = TypeVar("Kind", bound=Gateway)


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    fake = Provider(tmp_path_factory.mktemp("provider") / "log")
    yield fake
    fake.stop()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Gateway]:
    """Silent providers are given up after 2 s here."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), upstream_read_seconds=2, upstream_connect_seconds=2)
    gateway.start(sample.providers(provider.url), sample.keys())
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def session_bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """4 workers before three mocks; modules apply their Models to it, each under a name of its own."""
    with open_bed(tmp_path_factory.mktemp("bed")) as bed:
        yield bed


@pytest.fixture
def bed(session_bed: Bed) -> Bed:
    """The same, with mocks that answer with 200 and have seen nothing."""
    session_bed.answer()
    return session_bed


@pytest.fixture
def new_gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Makes gateways (not started) that a test may break; they are stopped with what is left of them."""
    yield from _maker(tmp_path, Gateway)


@pytest.fixture
def new_parts(tmp_path: Path) -> Iterator[Callable[..., Parts]]:
    """The same, of parts of which any can be killed for good."""
    yield from _maker(tmp_path, Parts)


def _maker(folder: Path, kind: type[Kind]) -> Iterator[Callable[..., Kind]]:
    made: list[Kind] = []

    def make(**settings: object) -> Kind:
        made.append(kind(folder / f"gateway-{len(made)}", **settings))
        return made[-1]

    yield make
    for gateway in made:
        gateway.drop()
