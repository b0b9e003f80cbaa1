import pytest

from crm_core.db import Database
from tests.orders.order_shop import Shop, open_shop


@pytest.fixture(scope="module")
async def shop(database: Database) -> Shop:
    return await open_shop(database)
