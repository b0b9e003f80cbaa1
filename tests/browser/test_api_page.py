"""The description of the API is there to be read and tried."""

from playwright.async_api import expect

from tests.browser.screens import Screens


async def test_a_route_is_found_read_and_tried(screens: Screens) -> None:
    page = await screens.log_in("supervisor", path="/api-docs")
    place = page.get_by_test_id("api")
    await expect(place).to_contain_text("Zongji 总机")
    await page.get_by_placeholder("Filter by tag").fill("todos")
    await expect(place.locator("#operations-tag-agent")).to_have_count(0)
    await place.locator("#operations-tag-todos").click()
    counts = place.locator(".opblock-get", has_text="How many of one's own to-dos")
    await counts.get_by_role("button").first.click()
    await expect(place).to_contain_text("Needs the right todo.work.")
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_role("button", name="Execute").click()
    await expect(place.locator(".live-responses-table")).to_contain_text('"overdue"')
