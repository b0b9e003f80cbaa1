import pytest

from crm_core.db import Database
from orders.payments.sandbox.keys import SandboxKeys
from tests.payments.till import Till, open_till


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SandboxKeys:
    return SandboxKeys.in_folder(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
async def till(database: Database, keys: SandboxKeys):
    async with open_till(database, keys) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _well_behaved(request: pytest.FixtureRequest):
    """Faults and what was heard belong to one test."""
    yield
    if "till" in request.fixturenames:
        till: Till = request.getfixturevalue("till")
        till.sandbox.faults.clear()
        till.heard.clear()
