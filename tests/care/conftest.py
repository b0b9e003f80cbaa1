"""The office in which the tests of this room take place."""

import pytest

from crm_core.db import Database
from tests.crm_core.crm_core_support import Clock
from tests.crm_core.crm_office import Office, furnish


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def office(database: Database) -> Office:
    return await furnish(database)
