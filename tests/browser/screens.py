"""The screens of one test: who sits at them, and what a person sees and presses there.

Rule: an uncaught error in a page's script fails the test at whose end it is found.
"""

import re

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.integration.workplace import Workplace

WIDE = (1280, 900)
NARROW = (380, 800)
STATE = "data-state"

VIP = "02223456789"
VIP_NAME = "华北食品总代理有限公司"
"""A national agent in Tianjin, agent1's customer."""

_SCROLLS_SIDEWAYS = """() => [document.scrollingElement, ...document.querySelectorAll("body *")]
  .filter((each) => each.scrollWidth > each.clientWidth && each.clientWidth > 0)
  .filter((each) => each === document.scrollingElement
    || ["auto", "scroll"].includes(getComputedStyle(each).overflowX))
  .map((each) => `${each.tagName}.${each.className} ${each.scrollWidth} > ${each.clientWidth}`)"""


class Screens:
    """Opens pages, each in a browser profile of its own, and closes them."""

    def __init__(self, browser: Browser, work: Workplace) -> None:
        self._browser = browser
        self._work = work
        self._profiles: list[BrowserContext] = []
        self._errors: list[str] = []

    async def open(self, path: str = "/", *, size: tuple[int, int] = WIDE) -> Page:
        """The page at `path`, for somebody who has not logged in."""
        width, height = size
        profile = await self._browser.new_context(
            base_url=self._work.stack.address, viewport={"width": width, "height": height}
        )
        self._profiles.append(profile)
        page = await profile.new_page()
        page.on("pageerror", lambda error: self._errors.append(str(error)))
        await page.goto(path)
        return page

    async def log_in(
        self, login: str, *, path: str = "/", size: tuple[int, int] = WIDE, ring_s: float = 0.3
    ) -> Page:
        """The page of somebody who has logged in; an agent's desk phone answers after `ring_s`."""
        if login.startswith("agent"):
            await self._work.set_phone(login, "answer", ring_s=ring_s)
            await self._work.reopen(login)
        page = await self.open(path, size=size)
        await sign_in(page, login, self._work.stack.password(login))
        return page

    async def ready(self, login: str, *, size: tuple[int, int] = WIDE, ring_s: float = 0.3) -> Page:
        """An agent's page, ready for a call."""
        page = await self.log_in(login, size=size, ring_s=ring_s)
        await expect(state_bar(page)).to_have_attribute(STATE, "offline")
        await page.keyboard.press("F4")
        await expect(state_bar(page)).to_have_attribute(STATE, re.compile("ready|reserved|ringing"))
        return page

    async def keep_pictures(self) -> None:
        """What is on the screens now, beside the logs of the stack."""
        pages = [page for profile in self._profiles for page in profile.pages]
        for index, page in enumerate(pages):
            await page.screenshot(path=self._work.stack.installation.var / f"screen-{index}.png")

    async def close(self) -> None:
        for profile in self._profiles:
            await profile.close()
        assert self._errors == []


async def sign_in(page: Page, login: str, password: str) -> None:
    """Type both and press Enter."""
    await page.locator("#login").fill(login)
    await page.locator("#password").fill(password)
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("login-form")).to_have_count(0)


def state_bar(page: Page) -> Locator:
    return page.get_by_test_id("state-bar")


def pop_in_state(page: Page, state: str) -> Locator:
    return page.locator(f'[data-testid="pop"][{STATE}="{state}"]')


async def add_product(page: Page, sku: str, quantity: int) -> None:
    """By keyboard: find it, add it, type how many."""
    await page.keyboard.press("F2")
    await expect(page.get_by_test_id("order-search")).to_be_focused()
    await page.keyboard.type(sku)
    await expect(page.get_by_role("option", selected=True)).to_have_attribute("data-sku", sku)
    await page.keyboard.press("Enter")
    line = page.locator(f'[data-testid="order-line"][data-sku="{sku}"]')
    await expect(line).to_be_visible()
    while not await line.get_by_role("spinbutton").evaluate("field => field.matches(':focus')"):
        await page.keyboard.press("Tab")
    await page.keyboard.type(str(quantity))


async def scrolling_sideways(page: Page) -> list[str]:
    """What is wider than its place."""
    found: list[str] = await page.evaluate(_SCROLLS_SIDEWAYS)
    return found
