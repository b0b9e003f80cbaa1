"""What each advert's number brought: calls, orders and what they bring in the end."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from acd.tables import Call
from crm_core.db import Database
from crm_core.errors import Forbidden, Invalid
from crm_core.rights import SYSTEM, Caller, Right, Scope
from crm_core.seeds import seed_roles
from ivr.media.commands import Grouping, MediaQuery
from ivr.media.service import MediaReports
from orders.sales.commands import SplitLine, SplitOrder
from tests.orders.order_shop import NOW, Shop, open_shop

TV, PAPER = "电视广告", "报纸广告"


@pytest.fixture(scope="module")
async def shop(database: Database) -> Shop:
    return await open_shop(database)


@pytest.fixture
async def media(shop: Shop) -> MediaReports:
    """A month without calls and orders."""
    async with shop.database.begin() as session:
        await seed_roles(session)
        await session.execute(text("TRUNCATE calls"))
        await session.execute(text("UPDATE orders SET placed_at = '2001-01-01', call_id = NULL"))
    return MediaReports(shop.database, clock=lambda: NOW + timedelta(days=1), zone=UTC)


async def call(shop: Shop, number: int, **values: Any) -> str:
    """An inbound call of the day."""
    call_id = f"{number:032x}"
    told = {
        "id": call_id,
        "node": "pbx1",
        "linkedid": str(number),
        "direction": "inbound",
        "caller": f"1380013{number:04d}",
        "did": "4001",
        "medium": TV,
        "menu_path": [],
        "started_at": NOW - timedelta(hours=1),
        "answered_at": NOW,
        "ended_at": NOW,
        "outcome": "answered",
        "steps": 0,
    }
    async with shop.database.begin() as session:
        session.add(Call(**(told | values)))
    return call_id


async def lines(media: MediaReports, *by: Grouping, **wanted: Any) -> list[Any]:
    return list((await media.report(SYSTEM, MediaQuery(by=by, **wanted))).lines)


async def test_adverts_are_told_with_calls_orders_and_what_they_bring_in_the_end(
    shop: Shop, media: MediaReports
):
    sku = await shop.product(on_hand=1000, price="10.00")
    calls = [await call(shop, number) for number in range(1, 5)]
    await call(shop, 5, caller="13800130001", answered_at=None, outcome="abandoned")
    await call(shop, 6, medium=PAPER, did="4002", answered_at=None, outcome="left_in_menu")
    await call(shop, 7, direction="campaign")
    stands = await shop.place((sku, 3), call_id=calls[0], customer=shop.plain)
    gone = await shop.place((sku, 5), call_id=calls[1], customer=shop.plain)
    part_back = await shop.place((sku, 4), call_id=calls[2], customer=shop.plain)
    await shop.place((sku, 2), medium=PAPER, customer=shop.plain)
    await shop.place((sku, 9), customer=shop.plain)
    await shop.service.move(gone.order.id, "cancelled", SYSTEM)
    await shop.move(part_back.order.id, "reviewed", "picking", "shipped", "in_transit", "delivered")
    await shop.come_back(part_back.order.id, {1: 1})
    assert stands.order.total == Decimal("30.00")

    found = await lines(media, Grouping.MEDIUM)
    assert [line.medium for line in found] == [TV, PAPER]
    tv, paper = found
    assert (tv.calls, tv.callers, tv.answered, tv.abandoned, tv.left_in_menu) == (5, 4, 4, 1, 0)
    assert (tv.orders, tv.cancelled, tv.revenue) == (2, 1, Decimal("60.00"))
    assert tv.conversion == 2 / 5
    assert (paper.calls, paper.left_in_menu, paper.orders) == (1, 1, 1)
    assert paper.revenue == Decimal("20.00")
    total = (await media.report(SYSTEM, MediaQuery())).total
    assert (total.calls, total.orders, total.revenue) == (6, 3, Decimal("80.00"))


async def test_an_order_belongs_to_the_hour_and_the_number_of_its_call(
    shop: Shop, media: MediaReports
):
    sku = await shop.product(on_hand=100)
    at = NOW.replace(hour=0, minute=50)
    brought = await call(shop, 1, started_at=at, did="4009")
    await shop.place((sku, 1), call_id=brought, customer=shop.plain)
    (line,) = await lines(media, Grouping.DID, Grouping.DAY, Grouping.HOUR)
    assert (line.did, line.day, line.hour) == ("4009", date(2026, 3, 2), 0)
    assert (line.calls, line.orders, line.revenue) == (1, 1, Decimal("10.00"))
    assert await lines(media, Grouping.HOUR, since=at + timedelta(minutes=1)) == []
    assert await lines(media, Grouping.MEDIUM, medium=PAPER) == []
    assert len(await lines(media, Grouping.MEDIUM, did="4009")) == 1
    east = MediaReports(shop.database, clock=lambda: NOW, zone=ZoneInfo("Asia/Shanghai"))
    (line,) = await lines(east, Grouping.HOUR)
    assert line.hour == 8


async def test_the_parts_of_a_split_order_are_one_order(shop: Shop, media: MediaReports):
    sku = await shop.product(on_hand=100)
    brought = await call(shop, 1)
    placed = await shop.place((sku, 4), call_id=brought, customer=shop.plain)
    split = SplitOrder(
        version=placed.order.version, lines=(SplitLine(line_no=1, quantity=1),), backorder=False
    )
    await shop.trade.changes.split(SYSTEM, placed.order.id, split)
    (line,) = await lines(media, Grouping.MEDIUM)
    assert (line.orders, line.revenue) == (1, Decimal("40.00"))


async def test_it_needs_both_rights_and_counts_what_its_reader_may_see(
    shop: Shop, media: MediaReports
):
    sku = await shop.product(on_hand=100)
    brought = await call(shop, 1, customer_id=shop.plain)
    await call(shop, 2)
    await shop.place((sku, 1), call_id=brought, customer=shop.plain)
    for right in (Right.CALL_VIEW, Right.ORDER_VIEW):
        with pytest.raises(Forbidden):
            await media.report(Caller(rights=frozenset({right})), MediaQuery())
    async with shop.database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO users (id, login, name, password_hash, role_code, locale)"
                " VALUES (77, 'colleague', 'colleague', 'x', 'agent', 'zh-CN')"
            )
        )
        await session.execute(
            text("UPDATE customers SET salesperson_id = 77 WHERE id = :id"), {"id": shop.plain}
        )
    own = replace(
        Caller(rights=frozenset({Right.CALL_VIEW, Right.ORDER_VIEW})), scope=Scope.OWN, user_id=None
    )
    total = (await media.report(own, MediaQuery())).total
    assert (total.calls, total.orders) == (1, 0)


async def test_the_excel_file_has_every_line_and_the_sum(
    shop: Shop, media: MediaReports, tmp_path: Path
):
    sku = await shop.product(on_hand=100)
    await shop.place((sku, 1), call_id=await call(shop, 1), customer=shop.plain)
    path = tmp_path / "media.xlsx"
    name = await media.write(SYSTEM, MediaQuery(by=(Grouping.MEDIUM, Grouping.DAY)), path)
    assert name == "media-2026-01-31-2026-03-03.xlsx"
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert rows[1][0] == TV
    assert [row[-1] for row in rows[1:]] == [10.0, 10.0]
    assert await shop.scalar("SELECT count(*) FROM audit_log WHERE action = 'media_report.export'")


async def test_days_that_are_none_are_refused(media: MediaReports):
    with pytest.raises(Invalid, match="lies ahead"):
        await media.report(SYSTEM, MediaQuery(since=datetime(2030, 1, 1, tzinfo=UTC)))
