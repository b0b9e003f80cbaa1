"""Parts that every test may ask for.

A real PostgreSQL with, per test module, an empty schema in it; and the whole order line: real Asterisk,
carrier, PostgreSQL and daemon, started once for all tests that ask for it.
"""

import importlib
import pkgutil
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from crm_core.db import Base, Database
from tests.databases import database_at
from tests.folders import enterable
from tests.integration.site import installation
from tests.integration.workplace import Workplace
from tests.ports import free_port
from tests.repeated import PROFILE
from tests.victims import Victims, open_victims
from zongji.platform.postgres import EmbeddedPostgres
from zongji.stack import Stack

settings.load_profile(PROFILE)

ON_THE_WHOLE_LINE = ("integration", "browser")
PACKAGES = ("crm_core", "acd", "orders", "dialer", "ivr")


class Together(LoadScopeScheduling):
    """What shares a database or the whole order line stays in one process, when there are several."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "line" if Path(file).parent.name in ON_THE_WHOLE_LINE else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What people and telephones do there has no fixed time: a test that fails is tried once more, and both are told."""
    for item in items:
        if item.path.parent.name in ON_THE_WHOLE_LINE:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


@pytest.fixture(scope="session")
def pg_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    folder = enterable(tmp_path_factory.mktemp("pg"))
    server = EmbeddedPostgres.prepare(folder / "server", port=free_port())
    server.start(settings={"fsync": "off", "max_connections": "300"})
    yield server
    server.stop()


@pytest.fixture(scope="module")
async def database(pg_server: EmbeddedPostgres) -> AsyncIterator[Database]:
    """A Database over a fresh, fully created schema of its own."""
    name = f"test_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    for package in PACKAGES:
        if "tables" in {m.name for m in pkgutil.iter_modules([str(Path(package))])}:
            importlib.import_module(f"{package}.tables")
    found = database_at(pg_server.url(name))
    async with found.begin() as session:
        await session.run_sync(lambda s: Base.metadata.create_all(s.connection()))
    yield found
    await found.close()


@pytest.fixture(scope="module")
async def victims(database: Database) -> AsyncIterator[Victims]:
    async with open_victims(database) as found:
        yield found


@pytest.fixture(scope="session")
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    """Every part, started once. A failed run leaves its folder, with all logs, to be looked at."""
    folder = Path(tempfile.mkdtemp(prefix="zj-", dir="/tmp"))  # short: Unix sockets lie in it
    folder.chmod(0o755)
    running = Stack(installation(folder))
    try:
        await running.start(lambda _: None, postgres_settings={"fsync": "off"})
        yield running
    finally:
        await running.stop()
        if not request.session.testsfailed:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def work(stack: Stack) -> AsyncIterator[Workplace]:
    """The stack with nobody logged in and no calls, and so again after the test."""
    async with Workplace(stack) as opened:
        yield opened
