"""An order with coupons, a wished day and goods that come later; and one that stands, changed and cancelled."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Page, expect

from tests.browser.screens import (
    NARROW,
    VIP,
    VIP_NAME,
    Screens,
    add_product,
    pop_in_state,
    scrolling_sideways,
)
from tests.integration.workplace import Workplace


async def customer_of(work: Workplace) -> int:
    found = await work.board.request("GET", f"/api/customers?q={VIP}")
    customer: int = found["items"][0]["id"]
    return customer


async def order_with(work: Workplace, number: str) -> dict[str, Any]:
    listed = (await work.board.request("GET", f"/api/orders?number={number}"))["items"]
    found = next(each for each in listed if each["number"] == number)
    order: dict[str, Any] = (await work.board.request("GET", f"/api/orders/{found['id']}"))["order"]
    return order


async def test_coupons_urgency_and_the_wished_day_go_with_the_order(
    work: Workplace, screens: Screens
) -> None:
    customer = await customer_of(work)
    issue = {"kind_code": "welcome", "customer_ids": [customer]}
    await work.board.request("POST", "/api/coupons", issue)
    page = await screens.ready("agent1")
    await work.call_by_area(VIP)
    await expect(pop_in_state(page, "talking")).to_contain_text(VIP_NAME)
    coupons = page.get_by_test_id("order-coupons")
    await add_product(page, "PJ-001", 1)
    await coupons.get_by_role("checkbox").first.check()
    await expect(page.get_by_test_id("order-warnings")).to_contain_text("须满 ¥200.00 才能使用")
    await page.get_by_role("spinbutton").fill("90")
    await expect(coupons).to_contain_text("-¥20.00")
    await expect(page.get_by_test_id("order-warnings")).to_have_count(0)
    total = await page.get_by_test_id("order-total").inner_text()
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    await page.get_by_test_id("order-day").fill(day)
    await page.get_by_test_id("order-urgent").check()
    await page.keyboard.press("Control+Enter")
    placed = page.get_by_test_id("order-placed")
    await expect(placed.get_by_test_id("order-coupon")).to_contain_text("-¥20.00")
    await expect(placed).to_contain_text(total)
    order = await order_with(work, await page.get_by_test_id("order-number").inner_text())
    assert (order["urgent"], order["wanted_on"]) == (True, day)
    assert [each["discount"] for each in order["coupons"]] == ["20.00"]
    await expect(page.get_by_test_id("pop-benefits")).not_to_contain_text("新客立减券")


async def test_what_is_missing_is_sent_later_and_the_part_is_named(
    work: Workplace, talking: Page
) -> None:
    found = (await work.board.request("GET", "/api/products?q=FB-001"))["items"]
    there = int(found[0]["available"])
    await add_product(talking, "FB-001", there + 3)
    await expect(talking.get_by_test_id("order-line-problem")).to_be_visible()
    await talking.get_by_test_id("order-backorder").check()
    await expect(talking.get_by_test_id("order-line-later")).to_contain_text(
        f"现发 {there}，其余 3"
    )
    await expect(talking.get_by_test_id("order-line-problem")).to_have_count(0)
    await talking.keyboard.press("Control+Enter")
    number = await talking.get_by_test_id("order-number").inner_text()
    await expect(talking.get_by_test_id("order-placed-warnings")).to_contain_text("FB-001 缺 3")
    parts = talking.get_by_test_id("order-placed").get_by_test_id("order-parts")
    await expect(parts).to_contain_text(f"{number}-2")
    await expect(parts).to_contain_text("待补货")
    order = await order_with(work, number)
    for each in (order["parts"][0]["id"], order["id"]):
        await work.board.request("POST", f"/api/orders/{each}/move", {"to": "cancelled"})


async def test_a_rule_of_review_is_told_in_words(work: Workplace, talking: Page) -> None:
    rule = {"kind": "note_words", "says": "hold", "name_zh": "定制", "name_en": "Custom"}
    admin = await work.reopen("admin")
    path = "/api/order-review-rules"
    made = (await admin.request("POST", path, rule | {"words": ["专用标签"]}))["rule"]
    try:
        await add_product(talking, "PJ-002", 1)
        await talking.get_by_label("订单备注").fill("贴专用标签")
        await talking.keyboard.press("Control+Enter")
        warnings = talking.get_by_test_id("order-placed-warnings")
        await expect(warnings).to_contain_text("需审核：定制（备注含“专用标签”）")
    finally:
        ended = rule | {"words": ["专用标签"], "version": made["version"], "active": False}
        await admin.request("PUT", f"{path}/{made['id']}", ended)


async def test_an_order_that_stands_is_opened_changed_and_cancelled_from_the_pop(
    work: Workplace, screens: Screens
) -> None:
    agent = await work.reopen("agent1")
    order = await agent.place_order(await customer_of(work), [("TW-002", 2)])
    page = await screens.ready("agent1")
    await work.call_by_area(VIP)
    row = page.get_by_test_id("pop-order").filter(has_text=order["number"])
    await row.press("Enter")
    details = page.get_by_test_id("order-details")
    await expect(details).to_contain_text("独流老醋")
    await expect(details.get_by_test_id("order-message").first).to_contain_text("邮件")
    await details.get_by_test_id("order-edit").press("Enter")
    form = page.get_by_test_id("order-edit-form")
    await form.get_by_role("spinbutton").fill("5")
    await form.get_by_test_id("order-note").fill("改为五箱")
    await form.get_by_test_id("order-edit-save").press("Enter")
    await expect(details).to_contain_text("× 5")
    await expect(details).to_contain_text("改为五箱")
    changed = await order_with(work, order["number"])
    assert (changed["lines"][0]["quantity"], changed["note"]) == (5, "改为五箱")
    await details.get_by_test_id("order-cancel").click()
    asked = page.get_by_role("dialog", name="取消订单")
    await asked.get_by_role("textbox").fill("客户不要了")
    await asked.get_by_role("button", name="取消订单").click()
    await expect(row).to_contain_text("取消")
    await expect(details.get_by_test_id("order-cancel")).to_have_count(0)
    history = (await order_with(work, order["number"]))["history"]
    assert (history[-1]["to_status"], history[-1]["reason"]) == ("cancelled", "客户不要了")


async def test_an_invoice_is_wished_with_the_order_and_changed_with_it(
    work: Workplace, screens: Screens
) -> None:
    title = {"title": "华北食品总代理有限公司", "tax_no": "91120116MA05XXXX1A", "bank": "工商银行"}
    path = f"/api/customers/{await customer_of(work)}/invoice-titles"
    known = (await work.board.request("PUT", path, title))["items"][0]
    try:
        page = await screens.ready("agent1", size=NARROW)
        await work.call_by_area(VIP)
        await expect(pop_in_state(page, "talking")).to_contain_text(VIP_NAME)
        await add_product(page, "PJ-002", 1)
        form = page.get_by_test_id("order-invoice-form")
        await expect(form).to_have_count(0)
        await page.get_by_test_id("order-invoice").press("Space")
        await expect(form.get_by_test_id("invoice-tax_no")).to_have_value(title["tax_no"])
        await form.get_by_test_id("invoice-normal").press("ArrowRight")
        await expect(form.get_by_test_id("invoice-bank")).to_have_value(title["bank"])
        await page.keyboard.press("Control+Enter")
        missing = form.get_by_test_id("invoice-missing")
        await expect(missing).to_have_text("请填写或更正：注册地址、注册电话、账号")
        address = form.get_by_test_id("invoice-address")
        await expect(address).to_be_focused()
        assert await scrolling_sideways(page) == []
        for value in ("新区1号", "022-66666666"):
            await page.keyboard.type(value)
            await page.keyboard.press("Tab")
        await form.get_by_test_id("invoice-account").fill("0302000100020003")
        await expect(missing).to_have_count(0)
        await page.keyboard.press("Control+Enter")
        number = await page.get_by_test_id("order-number").inner_text()
        order = await order_with(work, number)
        wished = order["invoice"]
        assert (wished["kind"], wished["tax_no"]) == ("special", title["tax_no"])
        assert (wished["address"], wished["account"]) == ("新区1号", "0302000100020003")
        await work.board.request("POST", f"/api/orders/{order['id']}/move", {"to": "cancelled"})
    finally:
        work.stack.postgres.execute(f"DELETE FROM invoice_titles WHERE id = {known['id']}")


async def test_the_invoice_of_an_order_that_stands_is_seen_and_changed(
    work: Workplace, screens: Screens
) -> None:
    agent = await work.reopen("agent1")
    order = await agent.place_order(await customer_of(work), [("TW-003", 1)])
    page = await screens.ready("agent1")
    await work.call_by_area(VIP)
    await page.get_by_test_id("pop-order").filter(has_text=order["number"]).press("Enter")
    details = page.get_by_test_id("order-details")
    await details.get_by_test_id("order-edit").press("Enter")
    form = page.get_by_test_id("order-edit-form")
    await form.get_by_test_id("order-invoice").check()
    await form.get_by_test_id("order-edit-save").press("Enter")
    await expect(form.get_by_test_id("invoice-missing")).to_have_text("请填写或更正：抬头")
    await form.get_by_test_id("invoice-title").fill("王小明")
    await form.get_by_test_id("order-edit-save").press("Enter")
    await expect(details.get_by_test_id("order-invoice-wanted")).to_have_text("普通发票 王小明")
    assert (await order_with(work, order["number"]))["invoice"]["title"] == "王小明"
    await details.get_by_test_id("order-edit").press("Enter")
    await form.get_by_test_id("order-invoice").uncheck()
    await form.get_by_test_id("order-edit-save").press("Enter")
    await expect(form).to_have_count(0)
    await expect(details.get_by_test_id("order-invoice-wanted")).to_have_count(0)
    assert (await order_with(work, order["number"]))["invoice"] is None
    await work.board.request("POST", f"/api/orders/{order['id']}/move", {"to": "cancelled"})
