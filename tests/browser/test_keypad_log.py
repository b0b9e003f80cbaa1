"""The keypad log as a supervisor searches it; secret digits are nowhere in it."""

from pathlib import Path

from playwright.async_api import expect

from tests.browser.screens import VIP, Screens, scrolling_sideways
from tests.integration.workplace import Workplace, kinds

STRANGER = "02266662901"
CODE, PIN = "880079", "270918"


async def test_what_a_caller_pressed_is_found_and_no_digit_of_the_pin_is_shown_or_exported(
    work: Workplace, screens: Screens
) -> None:
    dealer = await work.give_pin(VIP, PIN)
    path = f"/api/customers/{dealer['id']}"
    version = (await work.board.request("GET", path))["customer"]["version"]
    await work.board.request("PATCH", path, {"version": version, "code": f"K-{CODE}"})
    caller = await work.call(STRANGER, *"742", *f"{CODE}#", *f"{PIN}#", pause_s=0.4)
    record = await work.record(STRANGER, has=lambda each: kinds(each).count("digits") == 2)
    await work.hang_up(caller)
    await work.ended(STRANGER)

    page = await screens.log_in("supervisor", path="/keypad-log")
    await expect(page.get_by_test_id("keypad-row")).not_to_have_count(0)
    await page.get_by_test_id("keypad-number").fill(STRANGER)
    await page.get_by_test_id("keypad-keys").fill("4")
    await page.get_by_test_id("keypad-menu").select_option("self_service")
    await page.get_by_test_id("keypad-wrong").check()
    await page.keyboard.press("Enter")
    row = page.locator(f'[data-testid="keypad-row"][data-call="{record["call"]["id"]}"]')
    await expect(row).to_contain_text("电话密码****")
    await expect(row).to_contain_text(f"客户编号{CODE}#")
    await expect(row.get_by_role("img", name="错误按键")).to_be_visible()
    assert PIN not in await page.content()
    assert await scrolling_sideways(page) == []
    async with page.expect_download() as download:
        await page.get_by_test_id("keypad-file").click()
    file = Path(await (await download.value).path()).read_text("utf-8-sig")
    assert "pin=****" in file
    assert PIN not in file

    await row.get_by_role("link").focus()
    await page.keyboard.press("Enter")
    steps = page.get_by_test_id("call-details").get_by_test_id("call-steps")
    await expect(steps).to_contain_text("输入电话密码：****")
    assert PIN not in await page.content()


async def test_what_cannot_be_looked_for_is_said_and_what_is_not_there_too(
    screens: Screens,
) -> None:
    page = await screens.log_in("supervisor", path="/keypad-log")
    await page.get_by_test_id("keypad-keys").fill("1-x")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("按键路径只能由 0–9、* 和 # 组成")
    await page.get_by_test_id("keypad-keys").fill("9-9-9-9")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("nothing")).to_have_text("没有符合条件的来电。")
    await page.get_by_test_id("locale-switch").click()
    await expect(page.get_by_test_id("nothing")).to_have_text("No call fits these conditions.")
    await page.get_by_test_id("locale-switch").click()
