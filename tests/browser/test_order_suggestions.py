"""What else the customer may want, beside the order while it is written; from orders that went before."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from crm_core.bus import Bus
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.lines import OrderLine
from orders.sales.commands import PlaceOrder
from orders.sales.flow import Status
from orders.sales.service import OrderService
from orders.suggestions.counting import PairCounting
from tests.browser.screens import (
    NARROW,
    VIP,
    VIP_NAME,
    Screens,
    add_product,
    pop_in_state,
    scrolling_sideways,
)
from tests.databases import database_at
from tests.integration.workplace import Workplace, until
from zongji.stack import Stack

WEEKLY = "YL-005"
SOY, PICKLES, OTHER = "TW-001", "TW-003", "BJ-001"
"""Of seven orders five have soy sauce and pickles."""

_TO_THE_DOOR = (
    *(Status.REVIEWED, Status.PICKING, Status.SHIPPED),
    *(Status.IN_TRANSIT, Status.DELIVERED),
)


class Past:
    """Orders of the VIP that went before, by the services that keep them."""

    def __init__(self, database: Database) -> None:
        self._at = datetime.now(UTC)
        self._orders = OrderService(database, Bus(), clock=lambda: self._at)
        self._customers = CustomerService(database)

    async def order(self, *skus: str, days_ago: int = 0) -> int:
        customer = await self._customers.identify(VIP)
        assert customer is not None
        self._at = datetime.now(UTC) - timedelta(days=days_ago)
        lines = tuple(OrderLine(sku, 1) for sku in skus)
        wanted = PlaceOrder(uuid.uuid4().hex, customer.customer_id, lines)
        return (await self._orders.place(SYSTEM, wanted)).order.id

    async def move(self, order_id: int, *path: Status) -> None:
        for status in path:
            await self._orders.move(order_id, status, SYSTEM)


@pytest.fixture(scope="module")
async def past(stack: Stack) -> AsyncIterator[None]:
    """One thing every week, open until the tests are over; two things together, delivered and counted."""
    database = database_at(stack.postgres.url())
    orders = Past(database)
    weekly = [await orders.order(WEEKLY, days_ago=days) for days in (21, 14, 7)]
    for skus in (*[(SOY, PICKLES)] * 5, (OTHER,), (OTHER,)):
        await orders.move(await orders.order(*skus), *_TO_THE_DOOR)
    counting = PairCounting(database, clock=lambda: datetime.now(UTC))

    async def counted() -> bool:
        """By us or by the daemon."""
        await counting.run_once()
        pair = f"sku = '{SOY}' AND with_sku = '{PICKLES}' AND orders >= 5"
        return bool(stack.postgres.execute(f"SELECT 1 FROM product_pairs WHERE {pair}").strip())

    await until(counted)
    yield
    for order_id in weekly:
        await orders.move(order_id, Status.CANCELLED)
    await database.close()


def suggestion(page: Page, sku: str) -> Locator:
    return page.locator(f'[data-testid="order-suggestion"][data-sku="{sku}"]')


def line(page: Page, sku: str) -> Locator:
    return page.locator(f'[data-testid="order-line"][data-sku="{sku}"]')


async def own(work: Workplace, sku: str) -> dict[str, Any]:
    """The product as the VIP sees it."""
    customer = (await work.board.request("GET", f"/api/customers?q={VIP}"))["items"][0]["id"]
    path = f"/api/products?q={sku}&customer_id={customer}"
    found: dict[str, Any] = (await work.board.request("GET", path))["items"][0]
    return found


async def test_what_is_bought_every_week_is_suggested_for_the_empty_order_and_added_by_one_key(
    work: Workplace, past: None, talking: Page
) -> None:
    product = await own(work, WEEKLY)
    suggested = suggestion(talking, WEEKLY)
    for shown in (
        product["name_zh"],
        f"¥{product['own_price']}",
        f"{WEEKLY} · 可用 {product['available']} {product['unit']}",
        "通常每 7 天购买一次，上次在 7 天前",
    ):
        await expect(suggested).to_contain_text(shown)
    await expect(suggested).to_have_attribute("aria-keyshortcuts", "Alt+1")
    await talking.get_by_label("订单备注").focus()
    await talking.keyboard.press("Alt+1")
    await expect(line(talking, WEEKLY)).to_contain_text(f"¥{product['own_price']}")
    await expect(talking.get_by_test_id("order-total")).to_have_text(f"¥{product['own_price']}")
    await expect(suggested).to_have_count(0)
    await expect(talking.get_by_test_id("order-search")).to_be_focused()
    await expect(talking.get_by_label("订单备注")).to_have_value("")
    await line(talking, WEEKLY).get_by_test_id("order-line-remove").press("Enter")
    await expect(suggested).to_be_visible()


async def test_what_goes_with_the_goods_is_suggested_with_the_reason_and_ordered(
    work: Workplace, past: None, talking: Page
) -> None:
    soy, pickles = await own(work, SOY), await own(work, PICKLES)
    await expect(suggestion(talking, PICKLES)).to_have_count(0)
    await add_product(talking, SOY, 2)
    why = f"购买 {soy['name_zh']} 的订单中，100% 同时购买"
    await expect(suggestion(talking, PICKLES)).to_contain_text(why)
    await expect(suggestion(talking, SOY)).to_have_count(0)
    width, height = NARROW
    await talking.set_viewport_size({"width": width, "height": height})
    assert await scrolling_sideways(talking) == []
    while not await suggestion(talking, PICKLES).evaluate("each => each.matches(':focus')"):
        await talking.keyboard.press("Tab")
    await talking.keyboard.press("Enter")
    await expect(line(talking, PICKLES)).to_contain_text(f"¥{pickles['own_price']}")
    await expect(suggestion(talking, PICKLES)).to_have_count(0)
    await talking.keyboard.press("Control+Enter")
    await expect(talking.get_by_test_id("order-placed")).to_be_visible()
    await expect(talking.get_by_test_id("order-suggestions")).to_have_count(0)
    number = await talking.get_by_test_id("order-number").inner_text()
    (order,) = (await work.board.request("GET", f"/api/orders?number={number}"))["items"]
    placed = (await work.board.request("GET", f"/api/orders/{order['id']}"))["order"]
    assert [(each["sku"], each["quantity"]) for each in placed["lines"]] == [(SOY, 2), (PICKLES, 1)]


@pytest.mark.parametrize("how", ["refused", "broken", "silent"])
async def test_the_order_is_written_and_placed_whatever_becomes_of_the_suggestions(
    work: Workplace, past: None, screens: Screens, how: str
) -> None:
    page = await screens.ready("agent1")
    asked: list[str] = []

    async def answer(route: Route) -> None:
        asked.append(route.request.post_data or "")
        if how == "refused":
            await route.fulfill(status=503, json={"error": {"code": "database_unavailable"}})
        elif how == "broken":
            await route.abort()

    await page.route("**/api/suggestions", answer)
    await work.call_by_area(VIP)
    await expect(pop_in_state(page, "talking")).to_contain_text(VIP_NAME)
    await add_product(page, SOY, 3)
    soy = await own(work, SOY)
    await expect(line(page, SOY)).to_contain_text(f"¥{soy['own_price']}")

    async def asked_for_the_soy_sauce() -> bool:
        return any(SOY in basket for basket in asked)

    await until(asked_for_the_soy_sauce)
    await expect(page.get_by_test_id("order-suggestions")).to_have_count(0)
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_test_id("order-placed")).to_be_visible()


async def test_the_key_of_the_suggestions_is_in_the_help(talking: Page) -> None:
    await talking.keyboard.press("?")
    await expect(talking.get_by_test_id("help")).to_contain_text("加入推荐商品")
