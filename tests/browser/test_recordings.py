"""A talk that is recorded: the agent pauses it, a supervisor finds and hears it."""

import re

from playwright.async_api import Page, Response, expect

from tests.browser.screens import VIP, VIP_NAME, Screens, scrolling_sideways
from tests.integration.workplace import Workplace, until

_ENOUGH = 6.0


async def test_a_talk_pauses_by_a_button_and_is_heard_from_any_place(
    work: Workplace, screens: Screens, talking: Page
) -> None:
    bar = talking.get_by_test_id("recording")
    await expect(bar).to_have_attribute("data-recording", "on")
    await talking.get_by_test_id("recording-toggle").click()
    await expect(bar).to_have_attribute("data-recording", "paused")
    await expect(bar).to_contain_text("录音已暂停")
    await talking.get_by_test_id("recording-toggle").click()
    await expect(bar).to_have_attribute("data-recording", "on")
    await _pauses_while_debited(talking)
    call_id = await talking.get_by_test_id("pop").get_attribute("data-call")
    assert call_id is not None
    await _grown(work, call_id)
    await work.stack.carrier.console("channel request hangup all")
    await work.record(VIP, has=lambda found: found["recording"] is not None)

    page = await screens.log_in("supervisor", path="/calls")
    await page.get_by_test_id("calls-number").fill(VIP)
    await page.get_by_test_id("calls-recorded").select_option("yes")
    await page.get_by_test_id("calls-search").click()
    row = page.locator(f'[data-testid="call-row"][data-call="{call_id}"]')
    await expect(row).to_contain_text(VIP_NAME)
    await row.click()
    details = page.get_by_test_id("call-details")
    await expect(details.get_by_test_id("call-steps")).to_contain_text("暂停录音：座席要求")
    await expect(details.get_by_test_id("player-pause").first).to_be_visible()
    await _plays_and_seeks(page)
    assert await scrolling_sideways(page) == []
    admin = await work.reopen("admin")
    (use,) = (await admin.request("GET", f"/api/calls/{call_id}/recording/uses"))["items"]
    assert use["kind"] == "listen"


async def _pauses_while_debited(page: Page) -> None:
    """A bank account that is said is not kept."""
    bar = page.get_by_test_id("recording")
    await page.get_by_test_id("order-payment").click()
    await page.get_by_role("option", name="代扣").click()
    await expect(bar).to_contain_text("不保留付款信息")
    await page.get_by_test_id("order-payment").click()
    await page.get_by_role("option", name="挂账").click()
    await expect(bar).to_have_attribute("data-recording", "on")


async def _plays_and_seeks(page: Page) -> None:
    parts: list[Response] = []
    page.on("response", lambda answer: parts.append(answer) if "/recording" in answer.url else None)
    await page.get_by_test_id("player-play").click()
    sound = page.get_by_test_id("player-audio")
    await page.wait_for_function("sound => sound.currentTime > 0", arg=await sound.element_handle())
    assert next(part.status for part in parts if part.url.endswith("/recording")) == 206
    await page.get_by_test_id("player-play").click()
    slider = page.get_by_test_id("player-seek")
    await slider.focus()
    await page.keyboard.press("Home")
    await page.keyboard.press("ArrowRight")
    await page.wait_for_function(
        "sound => Math.abs(sound.currentTime - 5) < 0.2", arg=await sound.element_handle()
    )
    await expect(slider).to_have_attribute("aria-valuenow", re.compile("^5$"))
    box = await slider.bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 40)
    await page.wait_for_function(
        "sound => Math.abs(sound.currentTime - sound.duration / 4) < 0.3",
        arg=await sound.element_handle(),
    )


async def _grown(work: Workplace, call_id: str) -> None:
    """Until so many seconds are recorded."""
    folder = work.stack.installation.var / "recordings" / "incoming"

    async def enough() -> bool:
        return any(raw.stat().st_size > _ENOUGH * 32_000 for raw in folder.glob(f"*{call_id}.raw"))

    await until(enough)
