"""Debian's Chromium, driven by Playwright; Playwright's own downloads are not used."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from zongji.platform import system

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser; raises AssertionError when the machine has none."""
    program = system.browser()
    assert program, "no Chromium: run `zongji tools --for-tests` once"
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=program, args=[*_FLAGS])
        try:
            yield browser
        finally:
            await browser.close()
