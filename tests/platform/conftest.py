"""One PBX with its carrier for all tests of this folder; each test finds it without calls."""

import os
from collections.abc import AsyncIterator

import pytest

from tests.platform.exchange import Exchange, exchange


@pytest.fixture(scope="session")
async def running_exchange(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    number = os.getpid() % 60_000
    high, low = number // 250, number % 250 + 1
    addresses = (f"127.70.{high}.{low}", f"127.71.{high}.{low}")
    async with exchange(tmp_path_factory.mktemp("exchange"), addresses) as opened:
        yield opened


@pytest.fixture
async def pbx(running_exchange: Exchange) -> Exchange:
    await running_exchange.clear()
    return running_exchange
