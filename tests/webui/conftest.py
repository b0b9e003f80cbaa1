"""The house of the web tests: one for each module, with quick rounds."""

from collections.abc import AsyncIterator

import pytest

from crm_core.db import Database
from tests.webui.hidden_customer import Marked, hide, insert_all, insert_own
from tests.webui.web_house import Browser, House, open_house


@pytest.fixture(scope="module")
async def house(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    async with open_house(database, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def reader(house: House) -> AsyncIterator[Browser]:
    """Somebody with every right, who sees the customers of his unit."""
    async with Browser(house.server.address) as browser:
        await browser.log_in("supervisor")
        yield browser


@pytest.fixture(scope="module")
async def marked(house: House, reader: Browser) -> Marked:
    """A customer of whom everything is known, and what the reader did."""
    found = await insert_all(house)
    await hide(house)
    await insert_own(reader, found.customer_id)
    return found
