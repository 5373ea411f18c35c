from collections.abc import AsyncIterator

import pytest
from tests.unit.server.rig import Rig, rig


@pytest.fixture
async def sidecar(tmp_path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made
