"""Faxes on their page: one that came in is read and dealt with, one that failed is given up."""

from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import expect

from crm_core.outbox.fax import DOTS, WIDTH
from tests.browser.screens import VIP, VIP_NAME, Screens, scrolling_sideways
from tests.integration.workplace import Workplace, until

_A_FAX_TAKES_S = 90.0
PERSON = "02270009916"
"""Somebody who answers the telephone: no fax machine."""


async def test_a_fax_that_came_in_is_opened_from_its_todo_and_dealt_with_on_the_page(
    work: Workplace, screens: Screens, tmp_path: Path
) -> None:
    Image.new("1", (WIDTH, 300), 1).save(tmp_path / "in.tif", compression="group4", dpi=DOTS)
    await work.fax(VIP, tmp_path / "in.tif")
    fax = await _found(work, "in")
    work.stack.postgres.execute(
        f"UPDATE todos SET due_at = now(), alarm_at = now() WHERE id = {fax['todo']['id']}"
    )
    page = await screens.log_in("agent1")
    await page.get_by_role("button", name="查看：收到传真").click()
    link = await page.get_by_test_id("todo-fax").get_attribute("href")
    sheets = await page.request.get(link or "")
    assert (sheets.status, sheets.headers["content-type"]) == (200, "application/pdf")
    assert (await sheets.body()).startswith(b"%PDF")

    await page.goto("/faxes")
    await page.get_by_role("tab", name="收到").click()
    row = page.locator(f'[data-testid="fax-row"][data-fax="{fax["id"]}"]')
    await expect(row).to_contain_text(VIP_NAME)
    await expect(row.get_by_test_id("fax-sheets")).to_have_attribute("href", link or "")
    await row.get_by_role("button", name="处理完毕").press("Enter")
    await expect(row).to_contain_text("已处理")
    await expect(row.get_by_role("button")).to_have_count(0)
    assert await scrolling_sideways(page) == []


async def test_a_fax_that_did_not_arrive_is_sent_again_or_given_up(
    work: Workplace, screens: Screens
) -> None:
    wanted = {"name": "传真客户", "phones": [PERSON], "fax": PERSON, "told_by": ["fax"]}
    made = await work.board.request("POST", "/api/customers", wanted | {"level_code": "retailer"})
    customer = made["customer"]["id"]
    work.stack.postgres.execute(f"UPDATE customers SET credit_limit = 100000 WHERE id = {customer}")
    await work.board.place_order(customer, [("BJ-003", 1)])
    fax = await _found(work, "out")
    assert fax["status"] == "failed"
    work.stack.postgres.execute(
        "UPDATE outbox SET state = 'failed', settled_at = now(), lease_until = NULL"
        f" WHERE id = {fax['message']['id']}"
    )
    page = await screens.log_in("supervisor", path="/faxes")
    row = page.locator(f'[data-testid="fax-row"][data-fax="{fax["id"]}"]')
    await expect(row).to_contain_text("发送失败")
    await row.get_by_role("button", name="关闭").press("Enter")
    await page.get_by_role("dialog").get_by_role("textbox").fill("改用电话通知")
    await page.keyboard.press("Enter")
    await expect(row).to_contain_text("不再发送")
    await page.get_by_test_id("locale-switch").click()
    await expect(row).to_contain_text("Failed")
    await page.get_by_test_id("locale-switch").click()


async def _found(work: Workplace, direction: str) -> dict[str, Any]:
    """The newest fax, as soon as there is one."""

    async def look() -> dict[str, Any] | None:
        items = (await work.board.request("GET", f"/api/faxes?direction={direction}"))["items"]
        return items[0] if items else None

    return await until(look, patience_s=_A_FAX_TAKES_S)
