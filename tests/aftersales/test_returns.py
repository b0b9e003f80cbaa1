"""Goods that come back: entered, received, credited; stock and money agree."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from crm_core.errors import Forbidden, Invalid
from crm_core.rights import SYSTEM, Scope
from orders.aftersales.errors import (
    MoneyStillOpen,
    MoreThanOrdered,
    NothingDelivered,
    ReturnClosed,
    ReturnTooLate,
    SameKeyOther,
    UnknownReturn,
    WrongCount,
)
from orders.aftersales.returns.commands import (
    Approval,
    Closing,
    Counted,
    Ending,
    GoodsBack,
    NewReturn,
    Receipt,
    TermContent,
)
from orders.errors import ChangedMeanwhile, ReturnNeeded, UnknownOrder
from orders.invoices.commands import Issued, NewInvoice, NewTitle
from orders.payments.commands import EnteredMoney
from tests.aftersales.counter import DELIVERED, Counter


async def test_a_partial_return_keeps_the_order_delivered_with_what_remains(counter: Counter):
    order = await counter.order(("10.00", 3), ("5.00", 2))
    made = await counter.back(order.id, {1: 2}, damaged=1)
    assert made.summary.state == "received"
    assert (made.summary.value, made.summary.asked_back) == (Decimal("20.00"), 0)
    assert [step.state for step in made.steps] == ["requested", "approved", "received"]
    now = await counter.get(order.id)
    assert now.status == "delivered"
    assert await counter.money(order.id) == (Decimal("20.00"), 0, Decimal("20.00"))
    assert (await counter.moves(order.id))[-2:] == [("restock", 2), ("write_off", -1)]
    assert await counter.shop.balance(order.lines[0].sku) == (1, 0)
    assert (await counter.told(order.id))[-1] == "return_received"
    await counter.assert_all_agrees()


async def test_when_everything_came_back_the_order_is_returned_and_owes_nothing(counter: Counter):
    order = await counter.order(("10.00", 3))
    await counter.back(order.id, {1: 1})
    await counter.back(order.id)
    assert (await counter.get(order.id)).status == "returned"
    assert await counter.money(order.id) == (0, 0, 0)
    assert await counter.shop.credit_used(order.customer_id) == 0
    with pytest.raises(NothingDelivered):
        await counter.enter(order.id)
    await counter.assert_all_agrees()


async def test_no_person_moves_an_order_to_returned_without_a_return(counter: Counter):
    order = await counter.order()
    for to in ("returned", "exchanged"):
        with pytest.raises(ReturnNeeded):
            await counter.trade.orders.move(order.id, to, SYSTEM)
    view = await counter.trade.orders.get(counter.people["admin"], order.id)
    assert view.allowed == ("settled",)


async def test_damaged_goods_of_a_batch_go_back_into_it_and_are_written_off(counter: Counter):
    shop = counter.shop
    sku = await shop.product(on_hand=0, shelf_life_days=90)
    expires_on = shop.clock.now.date() + timedelta(days=60)
    await shop.receive(sku, 10, batch_no="B1", expires_on=expires_on, unit_cost="2.00")
    placed = await shop.place((sku, 4), customer=await shop.customer("批次客户"))
    await shop.move(placed.order.id, *DELIVERED)
    await counter.back(placed.order.id, {1: 3}, damaged=2)
    assert await shop.balance(sku) == (7, 0)
    batch = "SELECT on_hand FROM stock_batches WHERE sku = :sku AND batch_no = 'B1'"
    assert await shop.scalar(batch, sku=sku) == 7
    assert await shop.scalar("SELECT value FROM stock WHERE sku = :sku", sku=sku) == 14
    await counter.back(placed.order.id, {1: 1})
    assert await shop.scalar(batch, sku=sku) == 8
    await shop.assert_ledger_adds_up()
    await counter.assert_all_agrees()


async def test_a_refused_delivery_comes_back_whole_although_the_courier_lost_some(
    counter: Counter,
):
    order = await counter.order(("10.00", 3), status="refused")
    with pytest.raises(NothingDelivered):
        await counter.enter(order.id)
    made = await counter.enter(order.id, kind="refused_delivery", reason_code="refused")
    assert made.summary.state == "approved"
    await counter.receive(made, missing=1)
    now = await counter.get(order.id)
    assert now.status == "returned"
    assert await counter.shop.balance(order.lines[0].sku) == (2, 0)
    assert await counter.shop.credit_used(order.customer_id) == 0
    await counter.assert_all_agrees()


async def test_what_is_missing_is_not_credited_and_may_come_later(counter: Counter):
    order = await counter.order(("10.00", 3))
    made = await counter.back(order.id, missing=2)
    assert made.summary.value == Decimal("10.00")
    assert (await counter.get(order.id)).status == "delivered"
    later = await counter.back(order.id, {1: 2})
    assert later.summary.value == Decimal("20.00")
    assert (await counter.get(order.id)).status == "returned"
    await counter.assert_all_agrees()


async def test_money_paid_at_the_gateway_goes_back_the_way_it_came_once(counter: Counter):
    till = counter.till
    order = await counter.order(("10.00", 3), payment="prepaid")
    await till.pay(order.id)
    made = await counter.back(order.id, {1: 1})
    assert made.summary.asked_back == Decimal("10.00")
    with pytest.raises(MoneyStillOpen):
        await _close(counter, made)
    counter.pass_by(minutes=1)
    await till.watch.run_once()
    await till.watch.run_once()
    assert await counter.money(order.id) == (Decimal("20.00"), Decimal("20.00"), 0)
    assert await till.differences(order.id) == []
    assert (await _close(counter, made)).summary.state == "closed"
    rest = await counter.back(order.id)
    assert rest.summary.asked_back == Decimal("20.00")
    counter.pass_by(minutes=1)
    await till.watch.run_once()
    assert await till.paid(order.id) == 0
    await till.overpaid.run_once()
    assert await till.differences(order.id) == []
    await counter.assert_all_agrees()


async def test_a_refund_that_is_on_its_way_is_no_difference(counter: Counter):
    order = await counter.order(("10.00", 3), payment="prepaid")
    await counter.till.pay(order.id)
    await counter.back(order.id)
    await counter.till.overpaid.run_once()
    assert await counter.till.differences(order.id) == []
    counter.pass_by(minutes=1)
    await counter.till.watch.run_once()


async def test_money_that_came_by_transfer_waits_for_a_person_to_give_it_back(counter: Counter):
    order = await counter.order(("10.00", 2))
    await counter.pay(order.id, "20.00")
    made = await counter.back(order.id, {1: 1})
    assert made.summary.asked_back == 0
    assert await counter.till.differences(order.id) == [("overpaid", "open")]
    await counter.till.overpaid.run_once()
    assert await counter.till.differences(order.id) == [("overpaid", "open")]
    with pytest.raises(MoneyStillOpen):
        await _close(counter, made)
    slip = EnteredMoney(
        amount="10.00", method="transfer", reference="back-1", paid_at=counter.shop.clock.now
    )
    await counter.trade.payments.pay_back(SYSTEM, order.id, slip)
    assert await counter.till.differences(order.id) == [("overpaid", "resolved")]
    assert (await _close(counter, made)).summary.state == "closed"


async def test_an_exchange_sends_a_part_at_the_same_price_and_charges_nothing_twice(
    counter: Counter,
):
    order = await counter.order(("10.00", 3), status="delivered")
    await counter.pay(order.id, "30.00")
    made = await counter.back(order.id, {1: 2}, kind="exchange", reason_code="quality", damaged=1)
    part = await counter.get(made.summary.replacement_id)
    assert (part.number, part.status) == (f"{order.number}-2", "backordered")
    assert [(line.quantity, line.unit_price) for line in part.lines] == [(2, Decimal("10.00"))]
    assert await counter.money(part.id) == (Decimal("20.00"), Decimal("20.00"), 0)
    assert await counter.money(order.id) == (Decimal("10.00"), Decimal("10.00"), 0)
    assert await counter.till.differences(order.id) == []
    assert (await counter.told(order.id))[-1] == "return_exchanged"
    await counter.assert_all_agrees()


async def test_exchanged_goods_are_reserved_at_once_when_they_are_there(counter: Counter):
    order = await counter.order(("10.00", 3))
    sku = order.lines[0].sku
    await counter.shop.receive(sku, 5)
    made = await counter.back(order.id, kind="exchange", reason_code="quality", damaged=3)
    part = await counter.get(made.summary.replacement_id)
    assert part.status == "placed"
    assert await counter.shop.balance(sku) == (5, 3)
    assert (await counter.get(order.id)).status == "exchanged"
    assert part.credit_held == Decimal("30.00")
    assert await counter.shop.credit_used(order.customer_id) == Decimal("30.00")
    await counter.shop.move(part.id, "reviewed", "picking", "shipped", "in_transit", "delivered")
    await counter.back(part.id)
    assert await counter.shop.credit_used(order.customer_id) == 0
    await counter.assert_all_agrees()


async def test_more_than_was_ordered_never_comes_back(counter: Counter):
    order = await counter.order(("10.00", 3))
    first = await counter.enter(order.id, {1: 2})
    with pytest.raises(MoreThanOrdered) as refused:
        await counter.enter(order.id, {1: 2})
    assert refused.value.fields == {"line_no": 1, "left": 1}
    with pytest.raises(MoreThanOrdered):
        await counter.enter(order.id, {7: 1})
    ending = Ending(version=first.summary.version, reason="客户不退了")
    await counter.trade.returns.cancel(SYSTEM, first.summary.id, ending)
    await counter.enter(order.id, {1: 3})
    with pytest.raises(IntegrityError, match="ck_order_lines_back_within_ordered"):
        async with counter.shop.database.begin() as session:
            await session.execute(
                text("UPDATE order_lines SET returned = 1 WHERE order_id = :id"), {"id": order.id}
            )


async def test_of_many_people_who_return_the_same_goods_at_once_one_succeeds(counter: Counter):
    order = await counter.order(("10.00", 3))
    ended = await asyncio.gather(
        *(counter.enter(order.id, {1: 2}) for _ in range(6)), return_exceptions=True
    )
    refused = [each for each in ended if isinstance(each, MoreThanOrdered)]
    assert len(refused) == 5
    made = next(each for each in ended if not isinstance(each, Exception))
    approved = await counter.trade.returns.approve(SYSTEM, made.summary.id, _approval(made))
    ended = await asyncio.gather(
        *(counter.receive(approved) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(each, ChangedMeanwhile) for each in ended) == 3
    await counter.assert_all_agrees()


async def test_the_same_return_sent_again_is_entered_once(counter: Counter):
    order = await counter.order(("10.00", 3))
    new = NewReturn(reason_code="unwanted", lines=(GoodsBack(line_no=1, quantity=1),))
    first = await counter.trade.returns.enter(SYSTEM, order.id, new, "same-key")
    again = await counter.trade.returns.enter(SYSTEM, order.id, new, "same-key")
    assert first.summary.id == again.summary.id
    other = await counter.order()
    with pytest.raises(SameKeyOther):
        await counter.trade.returns.enter(SYSTEM, other.id, new, "same-key")
    orders = [order.id, other.id, (await counter.order()).id]
    ended = await asyncio.gather(
        *(counter.trade.returns.enter(SYSTEM, each, new, "one-key") for each in orders),
        return_exceptions=True,
    )
    assert sum(isinstance(each, SameKeyOther) for each in ended) == 2


async def test_after_its_days_only_a_supervisor_takes_goods_back_and_says_why(counter: Counter):
    agent, supervisor = counter.people["agent"], counter.people["supervisor"]
    order = await counter.order()
    counter.pass_by(days=7, seconds=1)
    with pytest.raises(ReturnTooLate):
        await counter.enter(order.id, actor=supervisor)
    with pytest.raises(Forbidden):
        await counter.enter(order.id, actor=agent, late_reason="老客户")
    made = await counter.enter(order.id, actor=supervisor, late_reason="老客户")
    assert made.summary.late_reason == "老客户"


async def test_the_days_of_the_nearest_category_count(counter: Counter):
    await _category(counter, "food", None)
    await _category(counter, "fresh", "food")
    terms = counter.trade.returns
    await terms.put_term(SYSTEM, "food", TermContent(days=30, version=0))
    with pytest.raises(Invalid):
        await terms.put_term(SYSTEM, "no_such", TermContent(days=30, version=0))
    order = await _order_in(counter, "fresh")
    counter.pass_by(days=20)
    await counter.enter(order, {1: 1})
    listed = await terms.put_term(SYSTEM, "fresh", TermContent(days=1, version=0))
    assert [(each.code, each.days) for each in listed] == [
        ("general", 7),
        ("food", 30),
        ("fresh", 1),
    ]
    with pytest.raises(ReturnTooLate):
        await counter.enter(order, {1: 1})


async def test_every_line_is_counted_once_and_in_full(counter: Counter):
    order = await counter.order(("10.00", 2), ("5.00", 1))
    made = await counter.approved(order.id)
    full = Counted(line_no=1, good=2), Counted(line_no=2, good=1)
    for lines in (
        full[:1],
        (Counted(line_no=1, good=1), full[1]),
        (*full, Counted(line_no=3, good=1)),
        (*full, full[1]),
    ):
        with pytest.raises(WrongCount):
            await counter.trade.returns.receive(
                SYSTEM, made.summary.id, Receipt(version=made.summary.version, lines=lines)
            )
    with pytest.raises(ValidationError):
        NewReturn(
            reason_code="other",
            lines=(GoodsBack(line_no=1, quantity=1), GoodsBack(line_no=1, quantity=1)),
        )
    await counter.assert_all_agrees()


async def test_a_rejected_return_frees_its_goods_and_tells_the_customer_why(counter: Counter):
    order = await counter.order()
    made = await counter.enter(order.id)
    ending = Ending(version=made.summary.version, reason="已拆封")
    rejected = await counter.trade.returns.reject(SYSTEM, made.summary.id, ending)
    assert rejected.summary.state == "rejected"
    assert (await counter.told(order.id))[-1] == "return_rejected"
    again = await counter.enter(order.id)
    assert again.lines[0].quantity == 3
    with pytest.raises(ReturnClosed):
        await counter.receive(rejected)


async def test_what_was_entered_before_the_settlement_is_received_after_it(counter: Counter):
    order = await counter.order(("10.00", 2))
    await counter.pay(order.id, "20.00")
    made = await counter.approved(order.id)
    await counter.shop.move(order.id, "settled")
    await counter.receive(made)
    assert (await counter.get(order.id)).status == "returned"
    assert (await counter.money(order.id))[0] == 0
    assert await counter.till.differences(order.id) == [("overpaid", "open")]
    await counter.assert_all_agrees()


async def test_returns_and_new_orders_at_once_do_not_wait_for_each_other_for_ever(
    counter: Counter,
):
    orders = [await counter.order(("10.00", 6)) for _ in range(2)]
    skus = [order.lines[0].sku for order in orders]
    for sku in skus:
        await counter.shop.receive(sku, 50)
    made = [
        await counter.approved(order.id, {1: 1}, kind=kind, reason_code="quality")
        for order in orders
        for kind in ("return", "exchange", "return", "exchange")
    ]
    placing = [
        counter.shop.place((skus[0], 1), (skus[1], 1), customer=order.customer_id)
        for order in orders * 6
    ]
    await asyncio.gather(*(counter.receive(each) for each in made), *placing)
    await counter.assert_all_agrees()


async def test_an_invoice_is_taken_back_by_what_came_back_and_no_more(counter: Counter):
    order = await counter.order(("10.00", 3), ("5.00", 2))
    invoices = counter.trade.invoices
    await invoices.set_title(
        SYSTEM, order.customer_id, NewTitle(title="某公司", tax_no="91120000MA00000001")
    )
    asked = await invoices.request(SYSTEM, order.id, NewInvoice(kind="normal"), "inv-1")
    number = Issued(number="12345678", code="1234567890", issued_at=counter.shop.clock.now)
    whole = await invoices.issued(SYSTEM, asked.invoice.id, number)
    for quantity in (1, 1):
        await counter.back(order.id, {1: quantity})
    red = await _red_letters(counter, order.id)
    assert [(line, gross) for line, gross, _ in red] == [(1, 10), (1, 10)]
    assert whole.invoice.gross == Decimal("40.00")
    await counter.back(order.id)
    assert sum(gross for _, gross, _ in await _red_letters(counter, order.id)) == 40


async def test_who_may_not_see_the_customer_sees_no_return(counter: Counter):
    order = await counter.order()
    made = await counter.enter(order.id)
    await _give_to(counter, order.customer_id, counter.people["supervisor"].user_id)
    stranger = _of_own_customers(counter)
    with pytest.raises(UnknownOrder):
        await counter.enter(order.id, actor=stranger)
    with pytest.raises(UnknownReturn):
        await counter.trade.returns.get(stranger, made.summary.id)


def _approval(made):
    return Approval(version=made.summary.version)


async def _close(counter: Counter, made):
    given = Closing(version=made.summary.version)
    return await counter.trade.returns.close(SYSTEM, made.summary.id, given)


async def _category(counter: Counter, code: str, parent: str | None) -> None:
    path = [parent, code] if parent else [code]
    async with counter.shop.database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO product_categories (code, parent_code, path, name_zh, name_en)"
                " VALUES (:code, :parent, :path, :code, :code)"
            ),
            {"code": code, "parent": parent, "path": path},
        )


async def _order_in(counter: Counter, category: str) -> int:
    order = await counter.order()
    async with counter.shop.database.begin() as session:
        await session.execute(
            text("UPDATE products SET category_code = :code WHERE sku = :sku"),
            {"code": category, "sku": order.lines[0].sku},
        )
    return order.id


async def _red_letters(counter: Counter, order_id: int) -> list[tuple[int, Decimal, str]]:
    async with counter.shop.database.begin() as session:
        rows = await session.execute(
            text(
                "SELECT l.order_line, l.gross, i.state FROM invoices i"
                " JOIN invoice_lines l ON l.invoice_id = i.id"
                " WHERE i.order_id = :id AND i.red_of IS NOT NULL ORDER BY i.id, l.order_line"
            ),
            {"id": order_id},
        )
        return [tuple(row) for row in rows]


async def _give_to(counter: Counter, customer_id: int, user_id: int) -> None:
    async with counter.shop.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET salesperson_id = :user WHERE id = :id"),
            {"user": user_id, "id": customer_id},
        )


def _of_own_customers(counter: Counter):
    return replace(counter.people["agent"], scope=Scope.OWN)
