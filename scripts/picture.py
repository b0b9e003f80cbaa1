"""Make docs/pictures from the running product: `python -m scripts.picture`, after `zongji tools --for-tests`.

Everything is real: calls from the carrier, agents' telephones, orders; only their dates are older.
"""

import asyncio
import shutil
import tempfile
import tomllib
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from crm_core.bus import Bus
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.lines import OrderLine
from orders.sales.commands import PlaceOrder
from orders.sales.flow import Status
from orders.sales.service import OrderService
from tests.browser.chromium import chromium
from tests.browser.screens import VIP, add_product, pop_in_state, sign_in
from tests.integration.site import installation
from tests.integration.workplace import Workplace, pop_of, state_of
from zongji.demo.agent import DemoAgent
from zongji.settings import ROOT
from zongji.stack import Stack

PICTURES = ROOT / "docs" / "pictures"
SIDEBAR = (900, 1010)
BOARD = (1600, 900)
TEAM = ("agent1", "agent2", "agent3", "agent4", "agent5", "agent6")

_TALKS = {"agent2": "01065881234", "agent4": "02152345678", "agent3": "13602170001"}
_ORDER = (("BJ-001", 30), ("YL-004", 24), ("FB-002", 6))
_WAITING = ("03152876543", "031187654321", "02162189900", "075588880017", "02227418899")
_WAITED = "0:26"
"""By then customers no longer wait for their own salesperson alone."""

_RANG_OFF = "02158880032"
_ASKED = "15022334455"
_MORNING = (
    *("022888800{}", "021888800{}", "022888810{}"),
    *("010888800{}", "0755888800{}", "021888810{}"),
)
"""A wave of callers; a wave's number makes them new ones."""

_WAVES = range(10, 15)
_CALLBACKS = (("02225871234", "要小站稻大米的到货时间", timedelta(hours=1)),)
_PATH = (Status.REVIEWED, Status.PICKING, Status.SHIPPED, Status.IN_TRANSIT, Status.DELIVERED)
_HISTORY = (
    (16, _PATH, (("BJ-002", 20), ("LY-001", 40))),
    (7, _PATH, (("PJ-001", 120), ("YL-002", 60), ("FB-001", 30))),
    (2, _PATH[:3], (("BJ-001", 60), ("TW-001", 30))),
)


async def main() -> None:
    expect.set_options(timeout=30_000)
    PICTURES.mkdir(parents=True, exist_ok=True)
    folder = _folder()
    stack = Stack(installation(folder, with_queues=False))
    try:
        await stack.start(print)
        await _fill_history(stack)
        async with Workplace(stack) as work, chromium() as browser:
            await _paint(work, browser)
    finally:
        await stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="zj-", dir="/tmp"))  # short: Unix sockets lie in it
    made.chmod(0o755)
    return made


async def _fill_history(stack: Stack) -> None:
    """The VIP has ordered before."""
    database = Database(stack.postgres.url())
    at = datetime.now(UTC)
    orders = OrderService(database, Bus(), clock=lambda: at)
    customer = await CustomerService(database).identify(VIP)
    assert customer is not None
    for days, path, lines in _HISTORY:
        at = datetime.now(UTC) - timedelta(days=days, minutes=11 * days)
        wanted = tuple(OrderLine(*line) for line in lines)
        placed = await orders.place(
            SYSTEM, PlaceOrder(uuid.uuid4().hex, customer.customer_id, wanted)
        )
        for status in path:
            await orders.move(placed.order.id, status, SYSTEM)
    await database.close()


async def _paint(work: Workplace, browser: Browser) -> None:
    agents = {login: await work.agent(login) for login in TEAM}
    await _work_through_the_morning(work, agents.values())
    await agents["agent5"].command("break", "meal")
    await agents["agent6"].command("break", "training")
    await _promise_callbacks(agents["agent1"])
    await work.call(VIP, "1", "1")
    await pop_of(agents["agent1"], "talking")
    for login, number in _TALKS.items():
        await work.call_by_area(number)
        await pop_of(agents[login], "talking")
    sidebar = await _page(work, browser, "agent1", "/", SIDEBAR)
    board = await _page(work, browser, "supervisor", "/board", BOARD)
    await _write_order(sidebar)
    await _let_some_give_up(work)
    for number in _WAITING:
        await work.call_by_area(number)
    await work.in_line(len(_WAITING))
    await _shoot(sidebar, "sidebar")
    await _close_callbacks(work)
    await work.set_phone("agent6", "noanswer")
    waiting = board.get_by_role("region", name="等待中的来电")
    await expect(waiting.get_by_role("timer").filter(has_text=_WAITED).first).to_be_visible()
    await agents["agent6"].command("ready")
    await state_of(agents["agent6"], "ringing")
    await expect(board.locator("[data-state=ringing]")).to_be_visible()
    await _shoot(board, "board")


async def _work_through_the_morning(work: Workplace, agents: Iterable[DemoAgent]) -> None:
    """Waves of short talks, for the figures of the day."""
    for wave in _WAVES:
        print(f"callers {wave}")
        for number in _MORNING:
            await work.call_by_area(number.format(wave))
        for agent in agents:
            await state_of(agent, "talking")
        await work.stack.carrier.console("channel request hangup all")
        for agent in agents:
            await state_of(agent, "wrap_up")
            await agent.command("finish_wrap_up")
            await state_of(agent, "ready")


async def _promise_callbacks(agent: DemoAgent) -> None:
    for number, note, ahead in _CALLBACKS:
        due = (datetime.now(UTC) + ahead).isoformat()
        await agent.request(
            "POST", "/api/callbacks", {"number": number, "note": note, "due_at": due}
        )


async def _let_some_give_up(work: Workplace) -> None:
    caller = await work.call_by_area(_RANG_OFF)
    await work.in_line(1)
    await caller.answered.wait()
    await work.hang_up(caller)
    await work.in_line(0)
    caller = await work.call_by_area(_ASKED, "2")
    await caller.over.wait()


async def _close_callbacks(work: Workplace) -> None:
    """Nobody is to be called back while the board is painted."""
    for each in (await work.board.request("GET", "/api/callbacks"))["items"]:
        await work.board.request("POST", f"/api/callbacks/{each['id']}/close")


async def _page(
    work: Workplace, browser: Browser, login: str, path: str, size: tuple[int, int]
) -> Page:
    settings = tomllib.loads(work.stack.installation.settings_file.read_text(encoding="utf-8"))
    profile = await browser.new_context(
        base_url=work.stack.address,
        viewport={"width": size[0], "height": size[1]},
        locale="zh-CN",
        timezone_id=settings["timezone"],
    )
    page = await profile.new_page()
    await page.goto(path)
    await sign_in(page, login, work.stack.password(login))
    return page


async def _write_order(page: Page) -> None:
    await expect(pop_in_state(page, "talking")).to_be_visible()
    for sku, quantity in _ORDER:
        await add_product(page, sku, quantity)
    await page.get_by_label("订单备注").fill("周五上午送到，先打电话")
    await expect(page.get_by_test_id("order-total")).to_contain_text("¥")


async def _shoot(page: Page, name: str) -> None:
    path = PICTURES / f"{name}.png"
    await page.screenshot(path=path, animations="disabled")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    asyncio.run(main())
