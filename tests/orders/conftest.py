import pytest
from order_shop import Shop, open_shop

from crm_core.db import Database


@pytest.fixture(scope="module")
async def shop(database: Database) -> Shop:
    return await open_shop(database)
