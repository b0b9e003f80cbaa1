"""An order line of its own for each test of the life of a call."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crm_core.db import Database
from tests.ivr.ivr_line import OrderLine, furnish, order_line


@pytest.fixture
async def line(database: Database, tmp_path: Path) -> AsyncIterator[OrderLine]:
    await furnish(database)
    async with order_line(database, tmp_path) as opened:
        yield opened
