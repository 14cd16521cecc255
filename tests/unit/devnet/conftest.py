from collections.abc import AsyncIterator

import pytest

from tests.unit.devnet.support import DevNet, running_devnet


@pytest.fixture
async def devnet() -> AsyncIterator[DevNet]:
    async with running_devnet() as running:
        yield running
