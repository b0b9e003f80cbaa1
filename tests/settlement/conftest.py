import pytest

from crm_core.db import Database
from tests.settlement.counting_house import CountingHouse, open_house


@pytest.fixture(scope="module")
async def house(database: Database) -> CountingHouse:
    return await open_house(database)
