import pytest

from crm_core.db import Database
from orders.payments.sandbox.keys import SandboxKeys
from tests.aftersales.counter import open_counter


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SandboxKeys:
    return SandboxKeys.in_folder(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
async def counter(database: Database, keys: SandboxKeys):
    async with open_counter(database, keys) as opened:
        yield opened
