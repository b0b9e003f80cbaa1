"""A firm with orders, calls and insight into its customers."""

import pytest

from crm_core.db import Database
from tests.insight.insight_firm import Firm, open_firm


@pytest.fixture(scope="module")
async def opened(database: Database) -> Firm:
    return await open_firm(database)


@pytest.fixture
async def firm(opened: Firm) -> Firm:
    """Nothing is waiting to be worked out."""
    await opened.settle()
    return opened
