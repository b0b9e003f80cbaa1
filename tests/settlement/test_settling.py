"""Settlement with couriers and suppliers: each thing once, differences shown, orders settled by it."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy.exc import DBAPIError

from crm_core.errors import DomainError, Invalid
from crm_core.rights import SYSTEM
from orders.settlement.commands import ChangeSettlement, NewSettlementPayment, ResolveAll
from orders.settlement.errors import (
    AlreadyEntered,
    BadPartyStatement,
    DraftOpen,
    MoreThanBalance,
    OpenDifferences,
    SettlementChanged,
    SettlementState,
    UnknownParty,
)
from orders.stock.documents.commands import NewReceipt
from tests.settlement.counting_house import CountingHouse

HEADERS = "运单号,代收货款,运费\n"


async def test_a_courier_owes_what_it_collected_less_freight_and_fee(house: CountingHouse):
    courier = await house.courier()
    _, first = await house.delivered(courier, "300.00")
    _, second = await house.delivered(courier, "100.00", payment="prepaid")
    draft = await house.draft(courier)
    assert sorted(await house.items(draft.settlement.id)) == sorted(
        [
            (first, "cod", Decimal(300)),
            (first, "freight", Decimal(-12)),
            (first, "cod_fee", Decimal(-3)),
            (second, "freight", Decimal(-12)),
        ]
    )
    assert draft.settlement.balance == 273
    assert {each.kind: each.amount for each in draft.totals} == {
        "cod": 300,
        "freight": -24,
        "cod_fee": -3,
    }
    await house.assert_adds_up()


async def test_orders_whose_cash_came_are_paid_and_settled_and_free_their_credit(
    house: CountingHouse,
):
    courier = await house.courier()
    collected, _ = await house.delivered(courier, "80.00")
    unpaid, _ = await house.delivered(courier, "50.00", payment="transfer")
    done = await house.settled(courier)
    assert (done.settlement.state, done.settlement.done_items) == ("paid", 4)
    assert (await house.status(collected), await house.paid(collected)) == ("settled", 80)
    assert (await house.status(unpaid), await house.paid(unpaid)) == ("delivered", 0)
    await house.assert_adds_up()


async def test_moving_many_orders_does_what_moving_each_does(house: CountingHouse):
    courier = await house.courier()
    many, _ = await house.delivered(courier, "60.00")
    one, _ = await house.delivered(courier, "60.00")
    house.shop.clock.pass_by(timedelta(minutes=1))
    await house.settled(courier)
    alone = await house.courier()
    other, _ = await house.delivered(alone, "60.00")
    await house.shop.pay(other, Decimal(60))
    await house.shop.move(other, "settled")
    told = (
        "SELECT from_status, to_status FROM order_status_log WHERE order_id = :id"
        " ORDER BY id DESC LIMIT 1"
    )
    rows = [await house.rows(told, id=each) for each in (many, one, other)]
    assert rows == [[("delivered", "settled")]] * 3
    held = "SELECT status, credit_held FROM orders WHERE id = :id"
    assert len({tuple(await house.rows(held, id=each)) for each in (many, one, other)}) == 1
    await house.assert_adds_up()


async def test_an_item_is_settled_once_and_what_came_late_the_next_time(house: CountingHouse):
    courier = await house.courier()
    await house.delivered(courier)
    first = await house.settled(courier)
    _, late = await house.delivered(courier, "40.00")
    second = await house.draft(courier)
    assert {reference for reference, _, _ in await house.items(second.settlement.id)} == {late}
    assert first.settlement.balance == 86
    await house.assert_adds_up()


async def test_one_draft_a_party_and_a_discarded_one_gives_its_items_back(house: CountingHouse):
    courier = await house.courier()
    await house.delivered(courier)
    draft = (await house.draft(courier)).settlement
    with pytest.raises(DraftOpen) as refused:
        await house.draft(courier)
    assert refused.value.fields == {"settlement_id": draft.id}
    gone = await house.settlements.discard(
        SYSTEM, draft.id, ChangeSettlement(version=draft.version)
    )
    assert (gone.settlement.state, gone.settlement.balance) == ("discarded", 0)
    again = await house.draft(courier)
    assert (again.settlement.items, again.settlement.balance) == (3, 86)
    with pytest.raises(UnknownParty):
        await house.draft("nobody")


async def test_of_two_drafts_at_once_one_is_made(house: CountingHouse):
    courier = await house.courier()
    await house.delivered(courier)
    made = await asyncio.gather(*(house.draft(courier) for _ in range(4)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in made) == [
        "DraftOpen",
        "DraftOpen",
        "DraftOpen",
        "SettlementDetail",
    ]
    await house.assert_adds_up()


async def test_a_draft_worked_out_again_follows_the_facts(house: CountingHouse):
    courier = await house.courier()
    await house.delivered(courier)
    draft = (await house.draft(courier)).settlement
    await house.delivered(courier)
    anew = await house.settlements.recompute(
        SYSTEM, draft.id, ChangeSettlement(version=draft.version)
    )
    assert (anew.settlement.items, anew.settlement.balance) == (6, 172)
    with pytest.raises(SettlementChanged):
        await house.settlements.recompute(SYSTEM, draft.id, ChangeSettlement(version=draft.version))


async def test_what_the_courier_said_it_collected_is_a_difference_until_somebody_decides(
    house: CountingHouse,
):
    courier = await house.courier()
    order_id, number = await house.delivered(courier, "100.00", collected="98.00")
    draft = (await house.draft(courier)).settlement
    (found,) = await house.differences(draft.id)
    assert (found.reference, found.kind, found.ours, found.theirs) == (number, "cod", 100, 98)
    with pytest.raises(OpenDifferences):
        await house.confirm(draft)
    await house.resolve(found.id, "theirs", "少收两元,客户已说明")
    now = (await house.get(draft.id)).settlement
    assert now.balance == 84
    await house.confirm(now)
    await house.pay((await house.get(draft.id)).settlement)
    await house.finish()
    assert (await house.status(order_id), await house.paid(order_id)) == ("delivered", 98)
    await house.assert_adds_up()


async def test_the_courier_s_own_statement_is_compared_both_ways(house: CountingHouse, tmp_path):
    courier = await house.courier()
    _, same = await house.delivered(courier)
    _, dear = await house.delivered(courier)
    _, missing = await house.delivered(courier)
    draft = (await house.draft(courier)).settlement
    content = (
        f"{HEADERS}{same},￥100.00,12\n{dear},100,15\nUNKNOWN-1,60,12\n"
        f'{same},100,12\nBAD,一百,12\n,5,5\n"{missing},100,12\n'
    )
    taken = await house.statement(draft, tmp_path, content)
    assert [each.row for each in taken.refused] == [5, 6, 7, 8]
    assert taken.refused[-1].reason.startswith("a quotation mark is opened here")
    assert (taken.rows, taken.matched) == (3, 1)
    found = {
        (each.reference, each.kind): (each.ours, each.theirs)
        for each in await house.differences(draft.id)
    }
    assert found == {
        (dear, "freight"): (12, 15),
        (missing, "cod"): (100, None),
        (missing, "freight"): (12, None),
        ("UNKNOWN-1", "cod"): (None, 60),
        ("UNKNOWN-1", "freight"): (None, 12),
    }
    await house.assert_adds_up()


async def test_the_same_statement_again_keeps_what_was_resolved_and_a_mended_one_takes_it_back(
    house: CountingHouse, tmp_path
):
    courier = await house.courier()
    _, number = await house.delivered(courier)
    draft = (await house.draft(courier)).settlement
    wrong = f"{HEADERS}{number},90,12\n"
    await house.statement(draft, tmp_path, wrong)
    (found,) = await house.differences(draft.id)
    await house.resolve(found.id, "theirs")
    again = await house.statement((await house.get(draft.id)).settlement, tmp_path, wrong)
    assert (again.detail.settlement.differences, again.detail.settlement.balance) == (0, 76)
    mended = f"{HEADERS}{number},100,12\n"
    now = await house.statement((await house.get(draft.id)).settlement, tmp_path, mended)
    assert (now.detail.settlement.balance, now.matched) == (86, 1)
    assert await house.differences(draft.id, open_only=False) == ()
    await house.assert_adds_up()


async def test_an_item_that_is_postponed_is_settled_the_next_time(house: CountingHouse, tmp_path):
    courier = await house.courier()
    _, here = await house.delivered(courier)
    order_id, later = await house.delivered(courier)
    draft = (await house.draft(courier)).settlement
    await house.statement(draft, tmp_path, f"运单号,代收货款\n{here},100\n")
    (found,) = await house.differences(draft.id)
    await house.resolve(found.id, "postponed")
    now = (await house.get(draft.id)).settlement
    anew = await house.settlements.recompute(
        SYSTEM, draft.id, ChangeSettlement(version=now.version)
    )
    assert (later, "cod") not in {(r, k) for r, k, _ in await house.items(draft.id)}
    await house.confirm(anew.settlement)
    await house.pay((await house.get(draft.id)).settlement)
    await house.finish()
    assert await house.status(order_id) == "delivered"
    await house.settled(courier)
    assert (await house.status(order_id), await house.paid(order_id)) == ("settled", 100)
    await house.assert_adds_up()


async def test_small_differences_are_resolved_together(house: CountingHouse):
    courier = await house.courier()
    for collected in ("99.99", "99.95", "50.00"):
        await house.delivered(courier, "100.00", collected=collected)
    draft = (await house.draft(courier)).settlement
    command = ResolveAll(resolution="theirs", reason="抹零", most="0.10")
    done = await house.settlements.resolve_all(SYSTEM, draft.id, command)
    assert (done.settlement.differences, done.settlement.balance) == (1, Decimal("257.94"))


async def test_a_file_that_is_no_statement_is_refused_with_the_headers_it_may_have(
    house: CountingHouse, tmp_path
):
    courier = await house.courier()
    await house.delivered(courier)
    draft = (await house.draft(courier)).settlement
    with pytest.raises(BadPartyStatement, match="运单号"):
        await house.statement(draft, tmp_path, "姓名,电话\n张三,1\n")


async def test_a_confirmed_settlement_stays_as_it_is_also_for_whoever_writes_sql(
    house: CountingHouse,
):
    courier = await house.courier()
    await house.delivered(courier)
    view = (await house.confirm((await house.draft(courier)).settlement)).settlement
    for sql in (
        "DELETE FROM settlement_items WHERE settlement_id = :id",
        "UPDATE settlement_items SET amount = 1 WHERE settlement_id = :id",
        """INSERT INTO settlement_items (settlement_id, kind, subject, subject_id, reference, at, amount)
           VALUES (:id, 'cod', 'waybill', 999999, 'x', now(), 5)""",
        "UPDATE settlements SET balance = 0 WHERE id = :id",
        "UPDATE settlements SET state = 'draft', confirmed_at = NULL WHERE id = :id",
        "DELETE FROM settlements WHERE id = :id",
    ):
        with pytest.raises(DBAPIError, match="settlement"):
            await house.rows(sql, id=view.id)
    with pytest.raises(SettlementState):
        await house.settlements.recompute(SYSTEM, view.id, ChangeSettlement(version=view.version))


async def test_of_two_people_who_confirm_at_once_one_is_refused(house: CountingHouse):
    courier = await house.courier()
    await house.delivered(courier)
    draft = (await house.draft(courier)).settlement
    done = await asyncio.gather(*(house.confirm(draft) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(each, DomainError) for each in done) == 2
    assert (await house.get(draft.id)).settlement.state == "confirmed"


async def test_a_settlement_is_paid_in_parts_and_each_slip_counts_once(house: CountingHouse):
    courier = await house.courier()
    await house.delivered(courier)
    view = (await house.confirm((await house.draft(courier)).settlement)).settlement
    part = await house.pay(view, Decimal(80))
    assert (part.settlement.state, part.settlement.paid) == ("confirmed", 80)
    with pytest.raises(MoreThanBalance):
        await house.pay(view, Decimal("6.01"))
    again = NewSettlementPayment(
        amount=1,
        method="transfer",
        reference=part.payments[0].reference,
        paid_at=house.shop.clock.now,
    )
    with pytest.raises(AlreadyEntered):
        await house.settlements.pay(SYSTEM, view.id, again)
    assert (await house.pay(view, Decimal(6))).settlement.state == "paid"
    await house.finish()
    await house.assert_adds_up()


async def test_goods_received_from_a_supplier_are_owed_at_their_cost_until_the_receipt_is_undone(
    house: CountingHouse,
):
    supplier, other = await house.supplier(), await house.supplier()
    sku = await house.shop.product(on_hand=0)
    line = {"sku": sku, "quantity": 10, "unit_cost": "1.25"}
    documents = house.trade.stock_documents
    kept, undone = [
        (
            await documents.receive(
                SYSTEM, f"supplied-{name}", NewReceipt(supplier=supplier, lines=(line,))
            )
        ).view
        for name in ("kept", "undone")
    ]
    reversal = (await documents.reverse(SYSTEM, "supplied-back", undone.document.id)).view
    draft = await house.draft(supplier, "supplier")
    assert sorted(await house.items(draft.settlement.id)) == sorted(
        [
            (kept.document.number, "goods", Decimal("-12.50")),
            (undone.document.number, "goods", Decimal("-12.50")),
            (reversal.document.number, "goods", Decimal("12.50")),
        ]
    )
    assert draft.settlement.balance == Decimal("-12.50")
    assert (await house.draft(other, "supplier")).settlement.items == 0
    await house.assert_adds_up()


async def test_what_a_supplier_is_owed_is_paid_once(house: CountingHouse):
    supplier = await house.supplier()
    await house.charge(supplier, "1000.00")
    await house.charge(supplier, "30.00", "goods_returned")
    await house.charge(supplier, "20.50", "rebate")
    note = await house.charge(supplier, "5.00", reference="D-1")
    with pytest.raises(AlreadyEntered):
        await house.charge(supplier, "5.00", reference=note.reference)
    draft = (await house.draft(supplier, "supplier")).settlement
    assert draft.balance == Decimal("-954.50")
    paid = await house.pay((await house.confirm(draft)).settlement)
    assert (paid.settlement.state, paid.settlement.paid) == ("paid", Decimal("-954.50"))
    assert paid.settlement.finished_at is not None
    with pytest.raises(Invalid):
        await house.confirm((await house.draft(supplier, "supplier")).settlement)
    await house.assert_adds_up()


async def test_the_file_has_every_item_and_the_sums(house: CountingHouse, tmp_path):
    courier = await house.courier()
    _, number = await house.delivered(courier)
    draft = (await house.draft(courier)).settlement
    path = tmp_path / "settlement.xlsx"
    name = await house.trade.settlement_report.write(SYSTEM, draft.id, path)
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert name.endswith(".xlsx")
    assert [row[1] for row in rows[1:4]] == [number] * 3
    assert sum(row[3] for row in rows[1:4]) == 86
    assert rows[-2][3] == 86
