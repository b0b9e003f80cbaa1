"""Nothing is wider than its screen, from beside a softphone to the wall."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.screens import (
    NARROW,
    VIP,
    VIP_NAME,
    WIDE,
    Screens,
    add_product,
    pop_in_state,
    scrolling_sideways,
)
from tests.integration.workplace import Workplace, kinds

WALL = (1920, 1080)
STRANGER = "02277660066"
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE, WALL], ids=["380", "1280", "1920"])


@SIZES
async def test_the_log_in_fits(screens: Screens, size: tuple[int, int]) -> None:
    page = await screens.open(size=size)
    await expect(page.get_by_label("工号")).to_be_visible()
    assert await scrolling_sideways(page) == []


async def test_the_sidebar_with_a_pop_and_an_order_fits(talking: Page) -> None:
    await add_product(talking, "LY-001", 12345)
    await talking.keyboard.press("Tab")
    await expect(talking.get_by_test_id("order-line-problem")).to_be_visible()
    for width, height in (NARROW, WIDE, WALL):
        await talking.set_viewport_size({"width": width, "height": height})
        await expect(pop_in_state(talking, "talking")).to_be_visible()
        assert await scrolling_sideways(talking) == []
        assert await talking.evaluate("document.scrollingElement.scrollHeight") <= height


@SIZES
async def test_the_board_with_agents_and_callers_fits(
    work: Workplace, screens: Screens, size: tuple[int, int]
) -> None:
    await (await work.agent("agent2")).command("break", "meal")
    await work.call_by_area(VIP)
    board = await screens.log_in("supervisor", path="/board", size=size)
    await expect(board.get_by_role("region", name="等待中的来电")).to_contain_text(VIP_NAME)
    await expect(board.get_by_role("region", name="座席")).to_contain_text("小休")
    assert await scrolling_sideways(board) == []


async def test_the_lists_of_calls_keys_faxes_and_numbers_fit(
    work: Workplace, screens: Screens
) -> None:
    caller = await work.call(STRANGER, "9", "1")
    await work.record(STRANGER, has=lambda found: "key" in kinds(found))
    await work.hang_up(caller)
    await work.ended(STRANGER)
    page = await screens.log_in("supervisor", path="/calls", size=NARROW)
    for path in ("/calls", "/keypad-log", "/faxes", "/blacklist", "/media", "/skills"):
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        for width, height in (NARROW, WIDE, WALL):
            await page.set_viewport_size({"width": width, "height": height})
            wide = await page.evaluate("document.scrollingElement.scrollWidth")
            assert (path, wide) == (path, width)
            if width > NARROW[0]:  # beside a softphone a table moves in its frame
                assert (path, await scrolling_sideways(page)) == (path, [])
