"""The media report and the grid of skills, as a supervisor uses them."""

import re

from playwright.async_api import expect

from tests.browser.screens import Screens, scrolling_sideways
from tests.integration.workplace import Workplace, pop_of

STRANGER = "022666622{:02d}"
SKU = "BJ-003"


async def test_the_media_report_shows_what_an_advert_brought_in_both_languages(
    work: Workplace, screens: Screens
) -> None:
    agent = await work.agent("agent1")
    caller = await work.call_by_area("02223456789")
    pop = await pop_of(agent, "talking")
    await agent.place_order(pop["customer"]["id"], [(SKU, 1)], key="media-report-page")
    await work.hang_up(caller)
    await work.ended("02223456789")
    page = await screens.log_in("supervisor", path="/media")
    total = page.get_by_test_id("media-total")
    await expect(total).to_contain_text(re.compile(r"合计\s*\d+.*¥\d"))
    await expect(page.get_by_test_id("media-table").get_by_role("rowheader")).not_to_have_count(0)
    await expect(page.get_by_test_id("media-chart")).to_contain_text("来电")
    await page.get_by_role("tab", name="按时段").click()
    await expect(page.get_by_test_id("media-table")).to_contain_text(re.compile(r"\d+:00"))
    async with page.expect_download() as download:
        await page.get_by_test_id("media-file").click()
    assert (await download.value).suggested_filename.endswith(".xlsx")
    await page.get_by_test_id("locale-switch").click()
    await expect(page.get_by_role("heading", name="Media report")).to_be_visible()
    assert await scrolling_sideways(page) == []
    await page.get_by_test_id("locale-switch").click()


async def test_levels_are_set_by_keyboard_and_an_edit_of_somebody_else_is_told(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.log_in("supervisor", path="/skills")
    cells = page.get_by_test_id("skills").get_by_role("gridcell")
    await page.get_by_label("其他技能").fill("tea")
    await page.keyboard.press("Enter")
    focused = page.locator("td:focus")
    await expect(focused).to_have_attribute("data-level", "0")
    await page.keyboard.press("4")
    await expect(focused).to_have_attribute("data-level", "4")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("2")
    await expect(focused).to_have_attribute("data-level", "2")
    assert await cells.count() >= 2

    board = await work.board.request("GET", "/api/skills")
    first = board["items"][0]
    assert first["skills"]["tea"] == 4
    await work.board.request(
        "PUT",
        f"/api/skills/{first['user_id']}",
        {"skills": first["skills"] | {"tea": 1}, "version": first["version"]},
    )
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("5")
    await expect(page.get_by_text("刚被别人修改")).to_be_visible()
    await expect(focused).to_have_attribute("data-level", "1")
    await page.keyboard.press("Delete")
    await expect(focused).to_have_attribute("data-level", "0")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("0")
    await expect(focused).to_have_attribute("data-level", "0")


async def test_an_agent_reaches_neither_page(work: Workplace, screens: Screens) -> None:
    for path in ("/media", "/skills"):
        page = await screens.log_in("agent1", path=path)
        await expect(page.get_by_test_id("state-bar")).to_be_visible()
