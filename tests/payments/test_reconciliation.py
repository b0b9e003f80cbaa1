"""The gateway's statement of a day against the ledger: each movement is matched once, the rest is shown."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from crm_core.rights import SYSTEM
from orders.payments.commands import Resolution, StartRefund
from orders.payments.errors import BadStatement
from orders.payments.ports import Refused
from orders.payments.sandbox.faults import Fault
from orders.payments.statements.matching import Movement, match
from orders.payments.statements.service import StatementQuery
from orders.payments.wechat import bill
from orders.payments.wechat.bill import BEIJING, BillLine
from tests.orders.order_shop import NOW
from tests.payments.till import Till


async def new_day(till: Till) -> date:
    """A day of which nothing is known yet."""
    till.shop.clock.pass_by(timedelta(days=1))
    return till.shop.clock().astimezone(BEIJING).date()


async def test_a_day_without_faults_matches_whole_and_taken_again_stays_so(till: Till):
    day = await new_day(till)
    orders = [await till.order() for _ in range(3)]
    payments = [await till.pay(each) for each in orders]
    await till.shop.move(orders[0], "cancelled")
    wanted = StartRefund(payment_id=payments[0].id, amount=Decimal(25), words="取消")
    await till.shop.trade.gateway.refund(SYSTEM, orders[0], wanted, "rec-refund-1")
    statements = till.shop.trade.statements
    taken = (await statements.fetch(SYSTEM, day)).statement
    assert (taken.lines, taken.matched, taken.unmatched, taken.missing_there) == (4, 4, 0, 0)
    assert (taken.received, taken.refunded) == (Decimal(300), Decimal(25))
    again = (await statements.fetch(SYSTEM, day)).statement
    assert (again.id, again.lines, again.matched) == (taken.id, 4, 4)
    _, lines = await statements.get(SYSTEM, taken.id)
    assert len({line.entry_id for line in lines}) == 4
    assert (await statements.listed(SYSTEM, StatementQuery()))[0].id == taken.id


async def test_money_there_that_is_not_here_is_shown_and_booked_by_a_person(till: Till):
    day = await new_day(till)
    order_id = await till.order()
    payment = await till.start(order_id)
    await till.sandbox.pay(await till.token(payment.id), {Fault.LOST})
    statements = till.shop.trade.statements
    taken = (await statements.fetch(SYSTEM, day)).statement
    assert (taken.lines, taken.matched, taken.unmatched) == (1, 0, 1)
    assert await till.differences(order_id) == [("missing_here", "open")]
    found = await till.shop.scalar(
        "SELECT id FROM payment_differences WHERE order_id = :id", id=order_id
    )
    given_ = Resolution(reason="回调丢失", book=True)
    await till.shop.trade.payments.resolve(SYSTEM, found, given_)
    assert await till.paid(order_id) == 100
    assert (await till.shop.trade.payments.get(SYSTEM, payment.id)).state == "paid"
    assert (await statements.fetch(SYSTEM, day)).statement.matched == 1


async def test_a_difference_that_comes_right_by_itself_closes(till: Till):
    day = await new_day(till)
    order_id = await till.order()
    payment = await till.start(order_id)
    await till.sandbox.pay(await till.token(payment.id), {Fault.LOST})
    await till.shop.trade.statements.fetch(SYSTEM, day)
    await till.shop.trade.gateway.check(SYSTEM, payment.id)
    assert await till.paid(order_id) == 100
    await till.shop.trade.statements.fetch(SYSTEM, day)
    assert await till.differences(order_id) == [("missing_here", "resolved")]


async def test_money_here_that_is_not_there_and_amounts_that_differ_are_shown(till: Till):
    day = await new_day(till)
    here, differs = await till.order(), await till.order()
    await till.pay(here)
    charge_of = await till.pay(differs)
    charges = till.sandbox.ledger.charges
    gone = charges.pop(
        await till.shop.scalar("SELECT token FROM payments WHERE order_id = :id", id=here)
    )
    charges[await till.token(charge_of.id)].paid = 9_000
    statements = till.shop.trade.statements
    taken = (await statements.fetch(SYSTEM, day)).statement
    assert (taken.lines, taken.matched, taken.unmatched, taken.missing_there) == (1, 0, 1, 2)
    assert await till.differences(here) == [("missing_there", "open")]
    assert await till.differences(differs) == [("amount_differs", "open")]
    charges[gone.token] = gone
    await statements.fetch(SYSTEM, day)
    assert await till.differences(here) == [("missing_there", "resolved")]


async def test_what_was_looked_at_as_a_wrong_amount_is_not_shown_a_second_time(till: Till):
    day = await new_day(till)
    order_id = await till.order()
    await till.pay(order_id, Fault.WRONG_AMOUNT)
    await till.shop.trade.statements.fetch(SYSTEM, day)
    assert await till.differences(order_id) == [("amount_differs", "open")]


async def test_a_statement_of_another_day_or_with_wrong_sums_is_refused(till: Till):
    day = await new_day(till)
    await till.pay(await till.order())
    content = till.sandbox.ledger.bill(day)
    statements = till.shop.trade.statements
    for wrong_day, wrong in (
        (day + timedelta(days=1), content),
        (day, content.replace(b"\r\n`1,", b"\r\n`2,")),
        (day, b"no bill"),
        (day, "\ufeff交易时间\r\n".encode()),
        (day, b"\xff\xfe"),
    ):
        with pytest.raises(BadStatement):
            await statements.take(SYSTEM, wrong_day, wrong)
    async with till.shop.database.begin() as session:
        kept = await session.scalar(
            text("SELECT count(*) FROM gateway_statements WHERE day = :day"), {"day": day}
        )
    assert kept == 0


async def test_a_row_that_cannot_be_read_is_said_and_the_others_count(till: Till):
    day = await new_day(till)
    await till.pay(await till.order())
    await till.pay(await till.order())
    rows = till.sandbox.ledger.bill(day).decode().split("\r\n")
    rows[1] = rows[1].replace("`CNY", "`USD")
    taken = await till.shop.trade.statements.take(SYSTEM, day, "\r\n".join(rows).encode())
    assert [line for line, _ in taken.refused] == [2]
    assert (taken.statement.matched, taken.statement.missing_there) == (1, 1)


SIDES = st.lists(
    st.builds(
        Movement,
        id=st.integers(1, 99),
        kind=st.sampled_from(["receipt", "refund"]),
        reference=st.sampled_from("abcdefgh"),
        amount=st.sampled_from([Decimal(1), Decimal(2)]),
    ),
    unique_by=lambda each: (each.kind, each.reference),
)


@given(SIDES, SIDES)
def test_every_movement_of_both_sides_is_in_exactly_one_place(theirs, ours):
    found = match(theirs, ours)
    pairs = (*found.same, *found.differing)
    assert sorted([t for t, _ in pairs] + [*found.missing_here], key=repr) == sorted(
        theirs, key=repr
    )
    assert sorted([o for _, o in pairs] + [*found.missing_there], key=repr) == sorted(
        ours, key=repr
    )
    assert all(t.amount == o.amount for t, o in found.same)
    assert all(t.amount != o.amount for t, o in found.differing)
    assert all((t.kind, t.reference) == (o.kind, o.reference) for t, o in pairs)


@given(
    st.lists(
        st.builds(
            BillLine,
            at=st.just(NOW),
            transaction=st.text("0123456789", min_size=5, max_size=30),
            token=st.text("0123456789abcdef", min_size=32, max_size=32),
            amount=st.decimals("0.01", "99999.99", places=2),
            refund=st.sampled_from(["", "50001"]),
            refund_token=st.just("r" * 32),
        )
    )
)
def test_a_bill_is_read_as_it_was_written(lines: list[BillLine]):
    read = bill.read(bill.write(lines))
    assert read.refused == ()
    assert [(row.kind, row.amount, row.at) for row in read.rows] == [
        ("refund" if line.refund else "receipt", line.amount, NOW) for line in lines
    ]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_bill_or_refused(content: bytes):
    with pytest.raises(Refused):
        bill.read(content)
