"""The house of the web tests: one for each module, with quick rounds."""

from collections.abc import AsyncIterator

import pytest

from crm_core.db import Database
from tests.webui.web_house import House, open_house


@pytest.fixture(scope="module")
async def house(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    async with open_house(database, tmp_path_factory.mktemp("house")) as opened:
        yield opened
