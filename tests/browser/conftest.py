"""A browser for the tests of this folder, before the whole order line of tests/conftest.py."""

from collections.abc import AsyncIterator, Generator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import chromium
from tests.browser.screens import VIP, VIP_NAME, Screens, pop_in_state
from tests.integration.workplace import Workplace

_PATIENCE_MS = 30_000

_FAILED = pytest.StashKey[bool]()

expect.set_options(timeout=_PATIENCE_MS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[_FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def screens(
    request: pytest.FixtureRequest, browser: Browser, work: Workplace
) -> AsyncIterator[Screens]:
    opened = Screens(browser, work)
    yield opened
    if request.node.stash[_FAILED]:
        await opened.keep_pictures()
    await opened.close()


@pytest.fixture
async def talking(work: Workplace, screens: Screens) -> Page:
    """agent1's page during a talk with the VIP."""
    page = await screens.ready("agent1")
    await work.call_by_area(VIP)
    await expect(pop_in_state(page, "talking")).to_contain_text(VIP_NAME)
    return page
