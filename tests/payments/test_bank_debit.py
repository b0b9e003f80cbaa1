"""Bank debit: a file out, its answer in; each line counts once and nothing is lost."""

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from crm_core.errors import Conflict
from crm_core.rights import SYSTEM
from orders.payments.debit import file
from orders.payments.debit.commands import BatchQuery, NewBatch, NewDebitAccount
from orders.payments.debit.file import Answer, BadFile, Debit
from orders.payments.errors import BadDebitFile, UnknownPayment
from tests.orders.order_shop import Shop
from tests.payments.till import Till

DUE = date(2026, 3, 5)
ACCOUNT = NewDebitAccount(
    account_no="6222020200012345678",
    account_name="滨海商贸有限公司",
    bank_code="102110000012",
    mandate="SQ-2026-0001",
)
TEXT = st.text(st.sampled_from("ab张三一二0189-"), min_size=1, max_size=12)
AMOUNTS = st.decimals(min_value="0.01", max_value="9999999.99", places=2)


@pytest.fixture
def shop(till: Till) -> Shop:
    return till.shop


async def debtor(shop: Shop, amount: str = "100.00", *, account: NewDebitAccount = ACCOUNT) -> int:
    """A delivered order to be paid by debit; returns its id."""
    sku = await shop.product(on_hand=3, price=amount)
    customer = await shop.customer("代扣客户")
    await shop.trade.debits.add_account(SYSTEM, customer, account)
    placed = await shop.place((sku, 1), customer=customer, payment="debit")
    await shop.move(placed.order.id, "reviewed", "picking", "shipped", "in_transit", "delivered")
    return placed.order.id


async def sent(shop: Shop, *orders: int) -> tuple[int, list[Answer]]:
    """A batch whose file was fetched, and answers that say that everything was collected."""
    batch = await shop.trade.debits.make(SYSTEM, NewBatch(due_on=DUE, order_ids=orders))
    await shop.trade.debits.fetch(SYSTEM, batch.id)
    _, lines, _ = await shop.trade.debits.get(SYSTEM, batch.id)
    answers = [
        Answer(line.line_no, line.token, line.amount, "0000", f"S{line.line_no}", "成功")
        for line in lines
    ]
    return batch.id, answers


def answer_file(batch_id: int, answers: list[Answer]) -> bytes:
    return file.write_answer("ZJ001", f"{batch_id:010d}", DUE, answers)


async def paid(shop: Shop, order_id: int) -> Decimal:
    return (await shop.trade.payments.of_order(SYSTEM, order_id)).paid


async def test_the_bank_s_file_is_as_documented(shop: Shop):
    order_id = await debtor(shop, "1234.50")
    batch = await shop.trade.debits.make(SYSTEM, NewBatch(due_on=DUE, order_ids=(order_id,)))
    name, content = await shop.trade.debits.fetch(SYSTEM, batch.id)
    _, (line,), _ = await shop.trade.debits.get(SYSTEM, batch.id)
    assert name == f"DK{batch.number}.txt"
    assert content.decode("gbk").split("\r\n") == [
        f"H|ZJ001|{batch.number}|20260305|1|123450|0012345678",
        f"D|1|{line.token}|6222020200012345678|滨海商贸有限公司|102110000012|123450|CNY|SQ-2026-0001",
        "",
    ]
    assert (await shop.trade.debits.fetch(SYSTEM, batch.id))[1] == content
    assert line.account_masked == "****5678"


async def test_what_the_bank_collected_is_booked_once_however_often_it_answers(shop: Shop):
    first, second = await debtor(shop, "80.00"), await debtor(shop, "20.05")
    batch_id, answers = await sent(shop, first, second)
    answers[1] = replace(answers[1], code="1051", text="余额不足")
    content = answer_file(batch_id, answers)
    report = await shop.trade.debits.answer(SYSTEM, batch_id, content)
    assert (report.paid, report.failed, report.same, report.refused) == (1, 1, 0, ())
    assert (report.batch.state, report.batch.paid_total) == ("answered", Decimal("80.00"))
    again = await asyncio.gather(
        *(shop.trade.debits.answer(SYSTEM, batch_id, content) for _ in range(3))
    )
    assert {(each.paid, each.failed, each.same, each.refused) for each in again} == {(0, 0, 2, ())}
    assert (await paid(shop, first), await paid(shop, second)) == (Decimal("80.00"), 0)
    _, lines, _ = await shop.trade.debits.get(SYSTEM, batch_id)
    assert [line.state for line in lines] == ["paid", "failed"]
    assert lines[1].reason == "1051 余额不足"
    retry = await shop.trade.debits.make(SYSTEM, NewBatch(due_on=DUE, order_ids=(second,)))
    assert (retry.count, retry.total) == (1, Decimal("20.05"))
    await shop.assert_ledger_adds_up()


async def test_rows_that_do_not_fit_are_refused_with_reasons_and_the_others_are_booked(
    till: Till,
):
    shop = till.shop
    orders = [await debtor(shop) for _ in range(4)]
    batch_id, answers = await sent(shop, *orders)
    stranger = replace(answers[0], token="f" * 32)
    answers[1] = replace(answers[1], amount=Decimal("99.99"))
    content = answer_file(batch_id, [*answers, stranger])
    rows = content.decode("gbk").split("\r\n")
    rows[4] = rows[4].replace("D|", "X|", 1)
    broken = "\r\n".join(rows).encode("gbk")
    report = await shop.trade.debits.answer(SYSTEM, batch_id, broken)
    assert report.paid == 2
    assert {(r.line_no, r.reason) for r in report.refused} == {
        (3, "amount_differs"),
        (5, "unreadable"),
        (6, "unknown_line"),
    }
    assert report.batch.state == "sent"
    await shop.trade.debits.answer(SYSTEM, batch_id, broken)
    _, _, refused = await shop.trade.debits.get(SYSTEM, batch_id)
    assert len(refused) == 3
    assert await till.differences(orders[1]) == [("amount_differs", "open")]
    assert [await paid(shop, each) for each in orders] == [100, 0, 100, 0]


async def test_a_line_that_was_collected_after_it_had_failed_is_a_difference(till: Till):
    shop = till.shop
    order_id = await debtor(shop)
    batch_id, (line,) = await sent(shop, order_id)
    failed = replace(line, code="9999", text="超时")
    await shop.trade.debits.answer(SYSTEM, batch_id, answer_file(batch_id, [failed]))
    report = await shop.trade.debits.answer(SYSTEM, batch_id, answer_file(batch_id, [line]))
    assert [row.reason for row in report.refused] == ["already_failed"]
    assert await till.differences(order_id) == [("debit_late", "open")]
    assert await paid(shop, order_id) == 0


@pytest.mark.parametrize("harm", ["sum", "count", "batch", "gbk", "empty", "head"])
async def test_a_file_that_does_not_add_up_changes_nothing(shop: Shop, harm: str):
    order_id = await debtor(shop)
    batch_id, answers = await sent(shop, order_id)
    content = answer_file(batch_id, answers)
    head, *rows = content.decode("gbk").split("\r\n")
    harmed = {
        "sum": "\r\n".join([head[:-1] + "1", *rows]).encode("gbk"),
        "count": "\r\n".join([head, *rows, rows[0]]).encode("gbk"),
        "batch": answer_file(batch_id + 1, answers),
        "gbk": content + "成".encode(),
        "empty": b"\r\n",
        "head": "\r\n".join(rows).encode("gbk"),
    }[harm]
    with pytest.raises(BadDebitFile):
        await shop.trade.debits.answer(SYSTEM, batch_id, harmed)
    assert await paid(shop, order_id) == 0
    assert (await shop.trade.debits.answer(SYSTEM, batch_id, content)).paid == 1


async def test_an_order_waits_in_one_batch_and_a_cancelled_batch_lets_it_go(shop: Shop):
    order_id = await debtor(shop)
    wanted = NewBatch(due_on=DUE, order_ids=(order_id,))
    made = await asyncio.gather(
        *(shop.trade.debits.make(SYSTEM, wanted) for _ in range(4)), return_exceptions=True
    )
    (batch,) = [each for each in made if not isinstance(each, Exception)]
    assert [type(each) for each in made if isinstance(each, Exception)] == [Conflict] * 3
    with pytest.raises(Conflict):
        await shop.trade.debits.answer(SYSTEM, batch.id, b"H")
    assert (await shop.trade.debits.cancel(SYSTEM, batch.id)).state == "cancelled"
    with pytest.raises(Conflict):
        await shop.trade.debits.fetch(SYSTEM, batch.id)
    again = await shop.trade.debits.make(SYSTEM, wanted)
    await shop.trade.debits.fetch(SYSTEM, again.id)
    with pytest.raises(Conflict):
        await shop.trade.debits.cancel(SYSTEM, again.id)
    assert again.id == (await shop.trade.debits.listed(SYSTEM, BatchQuery()))[0].id
    with pytest.raises(UnknownPayment):
        await shop.trade.debits.get(SYSTEM, 999_999)


async def test_all_that_is_delivered_and_unpaid_is_due_without_naming_it(shop: Shop):
    order_id = await debtor(shop, "77.00")
    sku = await shop.product(on_hand=3)
    other = await shop.place((sku, 1), payment="debit")
    batch = await shop.trade.debits.make(SYSTEM, NewBatch(due_on=DUE))
    _, lines, _ = await shop.trade.debits.get(SYSTEM, batch.id)
    assert order_id in {line.order_id for line in lines}
    assert other.order.id not in {line.order_id for line in lines}


async def test_the_account_entered_last_is_the_one_that_is_debited(shop: Shop):
    order_id = await debtor(shop)
    customer = (await shop.trade.payments.of_order(SYSTEM, order_id)).customer_id
    newer = ACCOUNT.model_copy(update={"account_no": "6222020200099990000"})
    await shop.trade.debits.add_account(SYSTEM, customer, newer)
    accounts = await shop.trade.debits.add_account(SYSTEM, customer, ACCOUNT)
    assert [(a.account_masked, a.active) for a in accounts] == [
        ("****5678", True),
        ("****0000", False),
    ]
    for wrong in ("名字|竖线", "emoji😀"):
        with pytest.raises(ValidationError):
            NewDebitAccount.model_validate(ACCOUNT.model_dump() | {"account_name": wrong})


@given(
    st.lists(
        st.builds(
            Answer,
            line_no=st.integers(1, 5000),
            token=st.text("0123456789abcdef", min_size=32, max_size=32),
            amount=AMOUNTS,
            code=st.sampled_from(["0000", "1051", "E9"]),
            serial=st.text("0123456789", max_size=20),
            text=TEXT,
        ),
        max_size=20,
    )
)
def test_whatever_the_bank_writes_is_read_as_it_was_meant(answers: list[Answer]):
    content = file.write_answer("M1", "0000000001", DUE, answers)
    read, unreadable = file.read_answer(content, "M1", "0000000001")
    assert [replace(each, row="", row_no=0) for each in read] == answers
    assert unreadable == ()


@given(st.binary(max_size=200))
def test_bytes_that_are_no_file_are_refused(content: bytes):
    with pytest.raises(BadFile):
        file.read_answer(content, "M1", "0000000001")


@given(
    st.lists(
        st.builds(
            Debit,
            st.integers(1, 9),
            TEXT,
            st.text("0123456789", min_size=8, max_size=19),
            TEXT,
            TEXT,
            AMOUNTS,
            TEXT,
        ),
        min_size=1,
        max_size=9,
    )
)
def test_the_first_record_counts_and_adds_up_the_others(debits: list[Debit]):
    head, *rows = file.write("M1", "1", DUE, debits).decode("gbk").splitlines()
    fields = head.split("|")
    assert int(fields[4]) == len(rows) == len(debits)
    assert int(fields[5]) == sum(int(row.split("|")[6]) for row in rows)
    assert int(fields[5]) == sum(each.amount for each in debits) * 100
    changed = [replace(debits[0], account_no=debits[0].account_no[:-1] + "x"), *debits[1:]]
    other = file.write("M1", "1", DUE, changed).decode("gbk").splitlines()[0].split("|")
    assert len(other[6]) == 10
