import pytest

from crm_core.db import Database
from tests.delivery.depot import Depot, open_depot


@pytest.fixture(scope="module")
async def depot(database: Database) -> Depot:
    return await open_depot(database)
