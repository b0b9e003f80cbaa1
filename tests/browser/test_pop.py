"""What is on the agent's screen when a customer calls, and how it stays there."""

import re
import signal

from playwright.async_api import Page, expect

from tests.browser.screens import STATE, VIP, VIP_NAME, Screens, pop_in_state, state_bar
from tests.integration.workplace import Workplace

STRANGER = "022666600{:02d}"
OLD_AFTER_MS = 13_000


async def test_a_customer_is_on_the_screen_while_the_phone_still_rings(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.ready("agent1", ring_s=3)
    observer = await work.reopen("agent1")
    customer = await _customer(work, VIP)
    order = await observer.place_order(customer, [("TW-002", 2)])
    await work.call(VIP, "1", "1")
    ringing = pop_in_state(page, "ringing")
    for shown in (VIP_NAME, "全国总代", "可用信用额度", "8折", "王芳", order["number"], "天津"):
        ringing = ringing.filter(has_text=shown)
    await expect(ringing).to_be_visible()
    await expect(pop_in_state(page, "talking")).to_be_visible()
    await expect(page.get_by_test_id("pop-last-orders")).to_contain_text("独流老醋")
    await expect(page.get_by_test_id("pop-why")).to_contain_text("客户等级优先：全国总代")


async def _customer(work: Workplace, number: str) -> int:
    found = await work.board.request("GET", f"/api/customers?q={number}")
    customer: int = found["items"][0]["id"]
    return customer


async def test_an_unknown_caller_becomes_a_customer_during_the_call(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.ready("agent3")
    await work.call_by_area(STRANGER.format(1))
    await expect(pop_in_state(page, "talking")).to_contain_text("未知客户")
    await page.get_by_label("客户名称").fill("天津河东小卖部")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("pop-customer-name")).to_have_text("天津河东小卖部")
    await expect(page.get_by_test_id("order-search")).to_be_visible()


async def test_an_unknown_number_is_linked_to_a_customer_who_is_there(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.ready("agent3")
    await work.call_by_area(STRANGER.format(7))
    await expect(pop_in_state(page, "talking")).to_contain_text("未知客户")
    await page.get_by_role("tab", name="已有客户").click()
    await expect(page.get_by_test_id("existing-search")).to_be_focused()
    await page.keyboard.type("hbsp")
    await expect(page.get_by_test_id("existing-option").first).to_contain_text(VIP_NAME)
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("pop-customer-name")).to_have_text(VIP_NAME)
    await expect(page.get_by_test_id("order-search")).to_be_visible()
    await work.record(
        STRANGER.format(7), has=lambda record: record["call"]["customer_name"] == VIP_NAME
    )
    assert await _customer(work, STRANGER.format(7)) == await _customer(work, VIP)


async def test_a_caller_with_an_open_lead_is_shown_and_becomes_its_customer_with_the_form(
    work: Workplace, screens: Screens
) -> None:
    number = STRANGER.format(8)
    lead = {"name": "河西新店", "phone": number, "source": "fair", "interest": "红酒"}
    made = (await work.board.request("POST", "/api/leads", lead))["lead"]
    page = await screens.ready("agent3")
    await work.call_by_area(number)
    shown = pop_in_state(page, "talking").get_by_test_id("callers-leads")
    await expect(shown).to_contain_text("河西新店")
    await expect(shown).to_contain_text("展会 · 尚无人跟进 · 红酒")
    await expect(page.get_by_label("来电人就是这条线索")).to_be_checked()
    await expect(page.get_by_label("客户名称")).to_have_value("河西新店")
    await page.get_by_test_id("new-customer-save").click()
    await expect(page.get_by_test_id("pop-customer-name")).to_have_text("河西新店")
    now = (await work.board.request("GET", f"/api/leads/{made['id']}"))["lead"]
    assert (now["state"], now["customer_id"]) == ("converted", await _customer(work, number))


async def test_what_matters_in_the_first_second_is_in_words_and_the_rest_one_key_away(
    work: Workplace, screens: Screens
) -> None:
    customer = await _customer(work, VIP)
    path = f"/api/customers/{customer}"
    terms = {"overdue_entered": "1280.50", "payment_terms_code": "net30"}
    await _change(work, path, terms)
    agent = await work.reopen("agent1")
    chance = {"customer_id": customer, "title": "春节礼盒", "amount": "88000"}
    await agent.request("POST", "/api/opportunities", chance)
    page = await screens.ready("agent1")
    await work.call_by_area(VIP)
    pop = pop_in_state(page, "talking")
    await expect(pop.get_by_test_id("pop-overdue")).to_have_text("逾期欠款 ¥1,280.50")
    await expect(pop).to_contain_text("月结30天")
    await expect(pop.get_by_test_id("pop-insight").locator(".strategy")).to_be_visible()
    await pop.get_by_role("tab", name="最近订单").press("ArrowRight")
    await expect(pop.get_by_role("tab", name="权益商机")).to_be_focused()
    await expect(pop.get_by_test_id("pop-benefits")).to_contain_text("春节礼盒")
    await _change(work, path, {"overdue_entered": "0"})


async def _change(work: Workplace, path: str, change: dict[str, str]) -> None:
    version = (await work.board.request("GET", path))["customer"]["version"]
    await work.board.request("PATCH", path, change | {"version": version})


async def test_a_field_that_must_be_filled_in_is_asked_for(
    work: Workplace, screens: Screens
) -> None:
    wanted = {"code": "shop_kind", "label_zh": "店型", "label_en": "Kind of shop", "type": "choice"}
    wanted |= {"options": ["超市", "便利店"], "required": True}
    admin = await work.reopen("admin")
    made = (await admin.request("POST", "/api/custom-fields", wanted))["field"]
    try:
        page = await screens.ready("agent3")
        await work.call_by_area(STRANGER.format(2))
        await expect(pop_in_state(page, "talking")).to_contain_text("未知客户")
        await page.get_by_label("客户名称").fill("河东便利店")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("请填写店型")).to_be_visible()
        await page.get_by_role("combobox", name="店型").click()
        await page.get_by_role("option", name="便利店").click()
        await page.get_by_test_id("new-customer-save").click()
        await expect(page.get_by_test_id("pop-customer-name")).to_have_text("河东便利店")
    finally:
        change = {"version": made["version"], "required": False}
        await admin.request("PATCH", f"/api/custom-fields/{made['id']}", change)


async def test_a_reload_during_the_call_keeps_the_pop_and_the_order_being_written(
    talking: Page,
) -> None:
    await talking.get_by_label("订单备注").fill("周五前送到")
    await talking.reload()
    await expect(pop_in_state(talking, "talking")).to_contain_text(VIP_NAME)
    await expect(talking.get_by_label("订单备注")).to_have_value("周五前送到")


async def test_after_the_call_the_pop_stays_until_the_wrap_up_is_finished(
    work: Workplace, talking: Page
) -> None:
    await work.stack.carrier.console("channel request hangup all")
    await expect(state_bar(talking)).to_have_attribute(STATE, "wrap_up")
    await expect(pop_in_state(talking, "ended")).to_contain_text(VIP_NAME)
    await talking.keyboard.press("F4")
    await expect(state_bar(talking)).to_have_attribute(STATE, "ready")
    await expect(talking.get_by_test_id("pop-idle")).to_be_visible()


async def test_without_a_connection_the_page_says_that_it_is_old_and_recovers_by_itself(
    work: Workplace, talking: Page
) -> None:
    await talking.clock.install()
    await talking.reload()
    await expect(pop_in_state(talking, "talking")).to_contain_text(VIP_NAME)
    work.stack.daemon.signal(signal.SIGSTOP)
    await talking.clock.fast_forward(OLD_AFTER_MS)
    banner = talking.get_by_role("alert").filter(has_text="数据已过时")
    await expect(banner).to_contain_text(
        re.compile(r"自 \d+:\d+:\d+ 起没有收到新数据，正在重新连接…")
    )
    await expect(pop_in_state(talking, "talking")).to_contain_text(VIP_NAME)
    assert await work.stack.daemon.wait() == -signal.SIGKILL
    await work.restart_daemon()
    await expect(banner).to_be_hidden()
    await expect(pop_in_state(talking, "talking")).to_contain_text(VIP_NAME)
    await expect(state_bar(talking)).to_have_attribute(STATE, "talking")
