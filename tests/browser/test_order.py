"""Writing an order during the call, by keyboard."""

import asyncio
from typing import Any

from playwright.async_api import Page, Route, expect

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

SCARCE = "ZP-002"


async def test_an_order_by_keyboard_shows_its_number_and_reserves_stock(
    work: Workplace, talking: Page
) -> None:
    before = await _available(work, "LY-003")
    await add_product(talking, "LY-003", 7)
    await talking.keyboard.press("Control+Enter")
    number = await _placed(talking)
    assert await _available(work, "LY-003") == before - 7
    (order,) = await _orders_of_this_call(work, talking)
    assert order["number"] == number
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [("LY-003", 7)]


async def test_what_others_take_shows_in_the_order_that_is_being_written(
    work: Workplace, talking: Page
) -> None:
    left = await _available(work, "LY-003")
    await add_product(talking, "LY-003", left)
    line = talking.get_by_test_id("order-line")
    await expect(line).to_contain_text(f"可用 {left} ")
    await expect(talking.get_by_test_id("order-line-problem")).to_have_count(0)
    customer = (await work.board.request("GET", f"/api/customers?q={VIP}"))["items"][0]["id"]
    order = await work.board.place_order(customer, [("LY-003", 3)])
    await expect(line).to_contain_text(f"可用 {left - 3} ")
    await expect(talking.get_by_test_id("order-line-problem")).to_be_visible()
    await work.board.request("POST", f"/api/orders/{order['id']}/move", {"to": "cancelled"})
    await expect(line).to_contain_text(f"可用 {left} ")
    await expect(talking.get_by_test_id("order-line-problem")).to_have_count(0)


async def test_a_refused_order_is_said_plainly_and_loses_nothing_typed(
    work: Workplace, talking: Page
) -> None:
    left = await _available(work, SCARCE)
    await add_product(talking, SCARCE, left + 1)
    await talking.get_by_label("订单备注").fill("放门卫室")
    await talking.keyboard.press("Control+Enter")
    refused = talking.get_by_test_id("order-refused")
    await expect(refused).to_have_text(f"订单未成立：库存不足，可用 {left}")
    quantity = talking.get_by_role("spinbutton")
    await expect(quantity).to_have_value(str(left + 1))
    await expect(talking.get_by_label("订单备注")).to_have_value("放门卫室")
    assert await _orders_of_this_call(work, talking) == []
    await quantity.focus()
    await talking.keyboard.type(str(left))
    await talking.keyboard.press("Control+Enter")
    await _placed(talking)
    (order,) = await _orders_of_this_call(work, talking)
    assert order["note"] == "放门卫室"
    assert await _available(work, SCARCE) == 0


async def test_pressing_the_order_key_twice_makes_one_order(work: Workplace, talking: Page) -> None:
    await add_product(talking, "PJ-001", 1)
    await talking.keyboard.press("Control+Enter")
    await talking.keyboard.press("Control+Enter")
    await _placed(talking)
    await talking.keyboard.press("Control+Enter")
    assert len(await _orders_of_this_call(work, talking)) == 1


async def test_an_order_whose_answer_is_lost_is_sent_again_and_stays_one_order(
    work: Workplace, talking: Page
) -> None:
    lost = asyncio.Event()

    async def lose_the_first_answer(route: Route) -> None:
        if lost.is_set() or route.request.method != "POST":
            await route.continue_()
            return
        await route.fetch()
        await route.abort()
        lost.set()

    await talking.route("**/api/orders", lose_the_first_answer)
    await add_product(talking, "PJ-002", 1)
    await talking.keyboard.press("Control+Enter")
    await expect(talking.get_by_role("alert")).to_contain_text("同一份草稿不会重复下单")
    await talking.get_by_role("button", name="重试").press("Enter")
    await _placed(talking)
    assert len(await _orders_of_this_call(work, talking)) == 1


async def test_a_short_line_is_swapped_for_its_substitute_by_one_key(
    work: Workplace, talking: Page
) -> None:
    wanted = await _available(work, "YL-004") + 2
    before = await _available(work, "YL-003")
    await add_product(talking, "YL-004", wanted)
    substitute = talking.get_by_test_id("order-substitute")
    await expect(substitute).to_contain_text(f"换成 可口可乐 330ml×24 × {wanted} 箱")
    offered = await substitute.locator("strong").inner_text()
    await talking.keyboard.press("Alt+R")
    line = talking.get_by_test_id("order-line")
    await expect(line).to_have_attribute("data-sku", "YL-003")
    await expect(talking.get_by_test_id("order-search")).to_be_focused()
    await expect(line.get_by_role("spinbutton")).to_have_value(str(wanted))
    await expect(line.locator("strong.sum")).to_have_text(offered)
    await expect(substitute).to_have_count(0)
    await talking.keyboard.press("Control+Enter")
    await _placed(talking)
    (order,) = await _orders_of_this_call(work, talking)
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [("YL-003", wanted)]
    assert await _available(work, "YL-003") == before - wanted
    await work.board.request("POST", f"/api/orders/{order['id']}/move", {"to": "cancelled"})


async def test_a_substitute_is_taken_by_a_click_and_only_while_the_line_is_short(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.ready("agent1", size=NARROW)
    await work.call_by_area(VIP)
    await expect(pop_in_state(page, "talking")).to_contain_text(VIP_NAME)
    wanted = await _available(work, "LY-002") + 1
    await add_product(page, "LY-002", wanted)
    substitute = page.get_by_test_id("order-substitute")
    await expect(substitute).to_be_visible()
    await page.get_by_role("spinbutton").fill("1")
    await expect(substitute).to_have_count(0)
    await page.get_by_role("spinbutton").fill(str(wanted))
    await expect(substitute).to_be_visible()
    assert await scrolling_sideways(page) == []
    await substitute.click()
    await expect(page.get_by_test_id("order-line")).to_have_attribute("data-sku", "LY-001")


async def _placed(page: Page) -> str:
    """Wait for the order's number on the screen."""
    await expect(page.get_by_role("status").filter(has_text="订单已提交")).to_be_visible()
    return await page.get_by_test_id("order-number").inner_text()


async def _available(work: Workplace, sku: str) -> int:
    found = await work.board.request("GET", f"/api/products?q={sku}")
    return next(int(item["available"]) for item in found["items"] if item["sku"] == sku)


async def _orders_of_this_call(work: Workplace, page: Page) -> list[dict[str, Any]]:
    call_id = await page.get_by_test_id("pop").get_attribute("data-call")
    found = (await work.board.request("GET", f"/api/orders?call_id={call_id}"))["items"]
    return [
        (await work.board.request("GET", f"/api/orders/{each['id']}"))["order"] for each in found
    ]
