from collections.abc import AsyncIterator

import pytest
from tests.unit.admin.rig import Rig, serving


@pytest.fixture
async def admin(tmp_path) -> AsyncIterator[Rig]:
    """Over a folder of manifests."""
    async with serving(Rig(tmp_path)) as rig:
        yield rig
