"""The customer's page of an order on a telephone, in both languages and by keyboard, with the sandbox gateway."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.delivery.codes import EventCode
from orders.delivery.commands import (
    MakeWaybills,
    NewRange,
    PutCourier,
    Report,
    Reports,
    WaybillIds,
)
from orders.lines import OrderLine
from orders.payments.sandbox.keys import SandboxKeys
from orders.payments.sandbox.server import SandboxGateway
from orders.payments.wechat.client import WechatGateway
from orders.sales.commands import PlaceOrder
from tests.browser.screens import scrolling_sideways
from tests.delivery.depot import COURIERS, RANGES
from tests.payments.till import account
from tests.webui.web_house import House, open_house

TELEPHONE = {"width": 390, "height": 844}


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
async def house(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    keys = SandboxKeys.in_folder(tmp_path_factory.mktemp("keys"))
    sandbox = await SandboxGateway(keys, retry_after_s=()).start()
    wechat = WechatGateway(account(keys, sandbox.address, "http://set.invalid/"), clock=clock)
    async with open_house(database, tmp_path_factory.mktemp("house"), gateway=wechat) as opened:
        for code in ("ems", "own"):
            couriers = opened.services.trade.couriers
            await couriers.put(SYSTEM, code, PutCourier.model_validate(COURIERS[code]))
            await couriers.add_numbers(SYSTEM, code, NewRange.model_validate(RANGES[code]))
        yield opened
    await wechat.close()
    await sandbox.close()


class Shopper:
    """Somebody with a telephone and a link."""

    def __init__(self, browser: Browser, house: House) -> None:
        self._browser = browser
        self.trade = house.services.trade
        self._house = house
        self.errors: list[str] = []

    async def order(self, key: str, *statuses: str) -> int:
        wanted = PlaceOrder(
            key,
            self._house.customer_id,
            (OrderLine("A1", 2),),
            address="天津市河西区友谊路5号",
            payment="prepaid",
        )
        placed = await self.trade.orders.place(SYSTEM, wanted)
        for status in statuses:
            await self.trade.orders.move(placed.order.id, status, SYSTEM)
        return placed.order.id

    async def open(self, order_id: int) -> Page:
        link = (await self.trade.progress.issue(SYSTEM, order_id)).link
        path = link.removeprefix("https://shop.example")
        return await self.visit(path)

    async def visit(self, path: str) -> Page:
        profile = await self._browser.new_context(
            base_url=self._house.server.address, viewport=TELEPHONE
        )
        page = await profile.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.goto(path)
        return page


@pytest.fixture
async def shopper(browser: Browser, house: House) -> AsyncIterator[Shopper]:
    found = Shopper(browser, house)
    yield found
    for profile in browser.contexts:
        await profile.close()
    assert found.errors == []


async def test_a_customer_changes_day_and_address_by_keyboard_alone(shopper: Shopper) -> None:
    order_id = await shopper.order("browser-change-1")
    page = await shopper.open(order_id)
    await expect(page.get_by_test_id("progress-status")).to_have_text("已下单")
    await expect(page.get_by_test_id("progress-address")).to_have_text("天津市友谊***")
    await page.locator("summary").focus()
    await page.keyboard.press("Enter")
    day = await page.locator("input[name=day]").get_attribute("max")
    assert day is not None
    await page.locator("input[name=day]").fill(day)
    await page.locator("input[name=elsewhere]").focus()
    await page.keyboard.press("Space")
    for text in ("河北省", "唐山市", "路北区", "建设路8号", "王小明"):
        await page.keyboard.press("Tab")
        await page.keyboard.type(text)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("已保存")
    await expect(page.get_by_test_id("progress-wanted")).to_have_text(day)
    await expect(page.get_by_test_id("progress-address")).to_have_text("河北省唐山市建设***")
    order = await shopper.trade.orders.get(SYSTEM, order_id)
    assert order.address == "河北省唐山市路北区建设路8号"
    assert await scrolling_sideways(page) == []


async def test_what_an_agent_changed_meanwhile_is_shown_and_nothing_is_lost(
    shopper: Shopper,
) -> None:
    order_id = await shopper.order("browser-conflict-1")
    page = await shopper.open(order_id)
    await page.locator("summary").click()
    await page.locator("textarea").fill("请早上送")
    for status in ("reviewed", "picking"):
        await shopper.trade.orders.move(order_id, status, SYSTEM)
    await page.get_by_role("button", name="保存修改").click()
    await expect(page.get_by_role("alert")).to_contain_text("给我们打电话")
    await expect(page.get_by_test_id("progress-status")).to_have_text("配货中")
    await expect(page.locator("form")).to_have_count(0)


async def test_a_parcel_is_followed_in_both_languages(shopper: Shopper, tmp_path: Path) -> None:
    order_id = await shopper.order("browser-parcel-1", "reviewed", "picking")
    trade = shopper.trade
    (made,) = await trade.waybills.make(SYSTEM, MakeWaybills(order_ids=(order_id,)))
    assert made.waybill is not None
    await trade.waybills.hand_over(SYSTEM, WaybillIds(waybill_ids=(made.waybill.id,)))
    word = Report(
        number=made.waybill.number, code=EventCode.IN_TRANSIT, at=clock(), place="天津分拨中心"
    )
    await trade.waybills.report(
        SYSTEM, Reports(courier_code=made.waybill.courier_code, reports=(word,))
    )
    page = await shopper.open(order_id)
    await expect(page.get_by_test_id("progress-status")).to_have_text("运输途中")
    await expect(page.get_by_test_id("progress")).to_contain_text("天津分拨中心")
    await expect(page.locator("[aria-current=step]")).to_contain_text("运输途中")
    await page.screenshot(path=tmp_path / "progress-zh.png", full_page=True)
    await page.get_by_role("button", name="切换到英文").click()
    await expect(page.get_by_test_id("progress-status")).to_have_text("On its way")
    await expect(page.get_by_test_id("progress")).to_contain_text(made.waybill.number)
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await page.screenshot(path=tmp_path / "progress-en.png", full_page=True)
    assert await scrolling_sideways(page) == []


async def test_what_is_owed_is_paid_online(shopper: Shopper, tmp_path: Path) -> None:
    order_id = await shopper.order("browser-pay-1")
    page = await shopper.open(order_id)
    dues = page.get_by_test_id("progress-dues")
    await expect(dues).to_contain_text("待付 ¥190.00")
    await dues.get_by_role("button", name="在线付款").click()
    await expect(dues.get_by_role("img", name="付款二维码")).to_be_visible()
    await expect(dues.get_by_role("link", name="去付款")).to_have_attribute(
        "href", re.compile("^http")
    )
    await page.locator("summary").click()
    await page.locator("input[name=elsewhere]").check()
    await page.screenshot(path=tmp_path / "progress-pay.png", full_page=True)
    assert await scrolling_sideways(page) == []


async def test_a_wrong_link_says_so_and_shows_nothing(shopper: Shopper) -> None:
    page = await shopper.visit("/o/" + "A" * 35)
    await expect(page.get_by_role("alert")).to_contain_text("无效或已失效")
    await expect(page.get_by_test_id("progress-status")).to_have_count(0)
