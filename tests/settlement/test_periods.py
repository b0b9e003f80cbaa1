"""Accounting periods: closed in order, and closed means closed for whoever books, whatever the clock says."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm_core.errors import Conflict, Forbidden
from crm_core.rights import ROLES, SYSTEM, Principal
from orders.invoices.commands import Issued, NewInvoice, NewTitle, RedLetter
from orders.payments.commands import EnteredMoney
from orders.settlement.errors import NotNext, PeriodChanged, PeriodNotOver, PeriodNotReady
from orders.settlement.periods.commands import ClosePeriod, NewPeriod, PeriodQuery, ReopenPeriod
from orders.settlement.periods.guard import GUARDED, LOCK
from tests.settlement.counting_house import CountingHouse

FEBRUARY = datetime(2026, 2, 10, 4, tzinfo=UTC)
MARCH = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
APRIL = datetime(2026, 4, 2, 4, tzinfo=UTC)
BOOKED = {
    "stock_moves": "INSERT INTO stock_moves (sku, warehouse, kind, on_hand_change, reserved_change, at)"
    " SELECT sku, warehouse, 'receive', 0, 0, :at FROM stock LIMIT 1",
    "payment_entries": "INSERT INTO payment_entries"
    " (order_id, kind, amount, method, source, reference, paid_at, booked_at)"
    " SELECT id, 'receipt', 1, 'cash', 'test', 'late', :at, :at FROM orders LIMIT 1",
    "supplier_charges": "INSERT INTO supplier_charges"
    " (supplier_code, kind, reference, amount, happened_at, booked_at)"
    " SELECT code, 'goods', 'late', 1, :at, :at FROM suppliers LIMIT 1",
    "settlement_payments": "INSERT INTO settlement_payments"
    " (settlement_id, amount, method, reference, paid_at, booked_at)"
    " SELECT id, 1, 'cash', 'late', :at, :at FROM settlements LIMIT 1",
    "invoices": "INSERT INTO invoices (key, order_id, kind, electronic, state, title, gross, net, tax,"
    " number, issued_at, requested_at) SELECT 'late', id, 'normal', true, 'issued', '滨海商贸', 1, 1, 0,"
    " '90000000', :at, :at FROM orders LIMIT 1",
}


@pytest.fixture
async def months(house: CountingHouse):
    """February and March, both open, seen from April; afterwards there are none and it is March again."""
    house.shop.clock.now = APRIL
    periods = house.trade.periods
    await periods.add(SYSTEM, NewPeriod(begins="2026-02-01", ends="2026-02-28"))
    await periods.add(SYSTEM, NewPeriod(ends="2026-03-31"))
    yield periods
    house.shop.clock.now = MARCH
    async with house.shop.database.begin() as session:
        await session.execute(text("TRUNCATE accounting_periods"))


async def close(periods, place: int = -1, **how):
    """The period at this place of the list, which begins with the newest."""
    period = (await periods.listed(SYSTEM, PeriodQuery()))[place]
    command = ClosePeriod(**{"version": period.version, "despite": True} | how)
    return await periods.close(SYSTEM, period.id, command)


async def test_periods_follow_each_other_without_gap_or_overlap(months, house: CountingHouse):
    with pytest.raises(NotNext):
        await months.add(SYSTEM, NewPeriod(begins="2026-04-02", ends="2026-04-30"))
    made = await months.add(SYSTEM, NewPeriod(ends="2026-04-30"))
    assert str(made.begins) == "2026-04-01"
    for begins, follows in (("2026-05-01", "NULL"), ("2026-04-01", "'2026-03-31 16:00+00'")):
        with pytest.raises(DBAPIError, match="accounting_periods"):
            await house.rows(
                "INSERT INTO accounting_periods (begins, ends, begins_at, ends_at, follows_at)"
                f" VALUES ('{begins}', '2026-07-01', '{begins}', '2026-07-02', {follows}) RETURNING id"
            )


async def test_periods_are_closed_in_order_when_they_are_over_and_the_last_is_reopened(
    months, house: CountingHouse
):
    with pytest.raises(NotNext):
        await close(months, 0)
    february = await close(months)
    house.shop.clock.now = MARCH
    with pytest.raises(PeriodNotOver):
        await close(months, 0)
    house.shop.clock.now = APRIL
    march = await close(months, 0)
    again = ReopenPeriod(version=february.version, reason="漏记")
    with pytest.raises(NotNext):
        await months.reopen(SYSTEM, february.id, again)
    opened = await months.reopen(
        SYSTEM, march.id, ReopenPeriod(version=march.version, reason="漏记")
    )
    assert (opened.state, opened.closed_at) == ("open", None)
    with pytest.raises(PeriodChanged):
        await months.reopen(SYSTEM, march.id, ReopenPeriod(version=march.version, reason="x"))
    told = await house.rows(
        "SELECT action, after->>'reason' FROM audit_log WHERE entity = 'accounting_period'"
        " ORDER BY id DESC LIMIT 2"
    )
    assert told == [("period.reopen", "漏记"), ("period.close", None)]


async def test_whoever_may_close_may_not_reopen(months):
    chief = Principal(1, "chen", "陈", "supervisor", ROLES["supervisor"].rights, "zh-CN", None, 1)
    period = (await months.listed(chief, PeriodQuery()))[-1]
    closed = await months.close(chief, period.id, ClosePeriod(version=1, despite=True))
    with pytest.raises(Forbidden):
        await months.reopen(chief, period.id, ReopenPeriod(version=closed.version, reason="x"))


@pytest.mark.parametrize("ledger", GUARDED)
async def test_a_closed_period_takes_no_booking_of_any_ledger(
    months, house: CountingHouse, ledger: str
):
    courier = await house.courier()
    await house.supplier()
    await house.delivered(courier)
    await house.draft(courier)
    await close(months)
    with pytest.raises(Conflict) as refused:
        await house.rows(BOOKED[ledger] + " RETURNING 1", at=FEBRUARY)
    assert refused.value.code == "period_closed"
    assert refused.value.fields == {"begins": "2026-02-01", "ends": "2026-02-28"}
    assert "2026-02-01" in refused.value.message
    async with house.shop.database.begin() as session:
        await session.execute(text(BOOKED["stock_moves"]), {"at": APRIL})


async def test_what_stands_in_a_closed_period_is_neither_changed_nor_removed(
    months, house: CountingHouse
):
    supplier = await house.supplier()
    house.shop.clock.now = FEBRUARY
    await house.charge(supplier, "5.00")
    house.shop.clock.now = APRIL
    await house.charge(supplier, "6.00", happened_at=APRIL)
    await close(months)
    for sql in (
        "DELETE FROM supplier_charges WHERE booked_at < '2026-03-01' RETURNING 1",
        "UPDATE supplier_charges SET amount = 6 WHERE booked_at < '2026-03-01' RETURNING 1",
        "UPDATE supplier_charges SET booked_at = '2026-02-03' WHERE booked_at > '2026-03-01' RETURNING 1",
    ):
        with pytest.raises(Conflict) as refused:
            await house.rows(sql)
        assert refused.value.code == "period_closed"
    assert (await house.draft(supplier, "supplier")).settlement.balance == -5


async def test_a_clock_that_jumps_back_into_a_closed_period_books_nothing(
    months, house: CountingHouse
):
    sku = await house.shop.product(on_hand=5)
    placed = await house.shop.place((sku, 1))
    courier = await house.courier()
    house.shop.clock.now = MARCH
    await house.delivered(courier)
    house.shop.clock.now = APRIL
    draft = (await house.draft(courier)).settlement
    await close(months)
    await close(months, 0)
    house.shop.clock.now = MARCH
    with pytest.raises(Conflict, match="closed"):
        await house.shop.place((sku, 1))
    money = EnteredMoney(
        amount=Decimal(1), method="cash", reference="x1", paid_at=house.shop.clock.now
    )
    with pytest.raises(Conflict, match="closed"):
        await house.trade.payments.enter(SYSTEM, placed.order.id, money)
    with pytest.raises(Conflict, match="closed"):
        await house.confirm(draft)
    assert (await house.get(draft.id)).settlement.state == "draft"
    house.shop.clock.now = APRIL
    await house.confirm(draft)
    await house.shop.assert_ledger_adds_up()


async def test_an_invoice_stands_in_the_period_in_which_it_is_issued(months, house: CountingHouse):
    courier = await house.courier()
    order_id, _ = await house.delivered(courier)
    customer = (await house.rows("SELECT customer_id FROM orders WHERE id = :id", id=order_id))[0][
        0
    ]
    invoices = house.trade.invoices
    await invoices.set_title(SYSTEM, customer, NewTitle(title="到付客户"))
    asked = (await invoices.request(SYSTEM, order_id, NewInvoice(), "period-invoice")).invoice
    early = Issued(number="26000000000000000001", issued_at=FEBRUARY)
    issued = (await invoices.issued(SYSTEM, asked.id, early)).invoice
    await close(months)
    again = RedLetter(reason="开错")
    red = (await invoices.take_back(SYSTEM, issued.id, again, "period-red")).invoice
    with pytest.raises(Conflict) as refused:
        await invoices.issued(
            SYSTEM, red.id, Issued(number="26000000000000000002", issued_at=FEBRUARY)
        )
    assert refused.value.code == "period_closed"
    assert (await invoices.get(SYSTEM, red.id)).invoice.state == "requested"
    late = Issued(number="26000000000000000002", issued_at=APRIL)
    assert (await invoices.issued(SYSTEM, red.id, late)).invoice.state == "issued"
    for sql in (
        "UPDATE invoices SET gross = gross + 1, net = net + 1 WHERE id = :id RETURNING 1",
        "UPDATE invoices SET issued_at = '2026-04-01' WHERE id = :id RETURNING 1",
        "UPDATE invoices SET number = '26000000000000000009' WHERE id = :id RETURNING 1",
    ):
        with pytest.raises(Conflict) as refused:
            await house.rows(sql, id=issued.id)
        assert refused.value.code == "period_closed"
    erased = "UPDATE invoices SET title = '—', tax_no = NULL WHERE id = :id RETURNING title"
    assert await house.rows(erased, id=issued.id) == [("—",)]


async def test_what_is_open_is_counted_before_closing_and_said_again_when_closing(
    months, house: CountingHouse
):
    courier = await house.courier()
    house.shop.clock.now = MARCH
    await house.delivered(courier, collected="1.00")
    house.shop.clock.now = APRIL
    await house.draft(courier)
    await close(months)
    period = (await months.listed(SYSTEM, PeriodQuery()))[0]
    found = await months.checks(SYSTEM, period.id)
    assert found.settlement_differences >= 1
    assert found.unsettled_courier_items >= 3
    assert (found.negative_stock, found.negative_receipts) == (0, 0)
    with pytest.raises(PeriodNotReady) as refused:
        await close(months, 0, despite=False)
    assert refused.value.fields == found.counts()
    assert (await close(months, 0)).state == "closed"


async def test_closing_waits_for_whoever_is_booking_and_keeps_out_whoever_comes_later(
    months, house: CountingHouse
):
    await house.shop.product(on_hand=1)
    async with house.shop.database.begin() as early:
        await early.execute(text(BOOKED["stock_moves"]), {"at": FEBRUARY})
        closing = asyncio.create_task(close(months))
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock AND NOT granted"
        while not (await house.rows(waiting, lock=LOCK))[0][0]:
            await asyncio.sleep(0.01)
        late = asyncio.create_task(house.rows(BOOKED["stock_moves"] + " RETURNING 1", at=FEBRUARY))
        while (await house.rows(waiting, lock=LOCK))[0][0] < 2:
            await asyncio.sleep(0.01)
        assert not closing.done()
    assert (await closing).state == "closed"
    with pytest.raises(Conflict) as refused:
        await late
    assert refused.value.code == "period_closed"
