"""The whole order line for the tests of this folder: real Asterisk, carrier, PostgreSQL and daemon."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.site import installation
from tests.integration.workplace import Workplace
from zongji.stack import Stack


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
