"""What couriers say: by their program and by file; repeated, reordered, contradicting, too late."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from crm_core.errors import Forbidden, Invalid, NotFound
from crm_core.exchange.files import table
from crm_core.exchange.values import moment
from crm_core.rights import SYSTEM
from orders.delivery.codes import EventCode
from orders.delivery.commands import ConflictQuery, PutCourier, WaybillQuery
from orders.delivery.errors import UnknownCourier
from orders.delivery.late import LateParcels
from orders.sales.events import OrderMoved
from tests.crm_core.crm_core_support import person
from tests.delivery.depot import COURIERS, Depot

SHANGHAI = ZoneInfo("Asia/Shanghai")


async def test_the_order_follows_its_parcel_and_the_customer_service_hears_of_a_refusal(
    depot: Depot,
):
    sent = await depot.handed_over()
    depot.shop.heard.clear()
    assert (await depot.hear(sent, "accepted", place="天津处理中心")).outcome == "applied"
    assert await depot.now(sent) == ("in_transit", "in_transit")
    assert (await depot.hear(sent, "out_for_delivery")).outcome == "noted"
    assert (await depot.hear(sent, "refused", note="拒收")).outcome == "applied"
    assert await depot.now(sent) == ("refused", "refused")
    assert await depot.todos(sent) == [("refused", depot.salesperson)]
    moved = [event.status for event in depot.shop.heard if isinstance(event, OrderMoved)]
    assert moved == ["in_transit", "refused"]
    _, said = await depot.trade.waybills.get(SYSTEM, sent.id)
    assert [each.code for each in said] == ["accepted", "out_for_delivery", "refused"]


async def test_a_delivery_that_is_heard_of_first_is_enough(depot: Depot):
    made = await depot.waybill()
    assert (
        await depot.hear(made, "delivered", signer="本人", collected="9.50")
    ).outcome == "applied"
    assert await depot.now(made) == ("delivered", "delivered")
    seen, _ = await depot.trade.waybills.get(SYSTEM, made.id)
    assert seen.collected == Decimal("9.50")
    late = await depot.hear(made, "accepted", at=depot.shop.clock.now - timedelta(days=1))
    assert late.outcome == "noted"
    assert await depot.now(made) == ("delivered", "delivered")
    await depot.shop.assert_ledger_adds_up()


async def test_words_that_are_repeated_even_at_once_are_kept_once(depot: Depot):
    sent = await depot.handed_over()
    answers = await asyncio.gather(*(depot.hear(sent, "delivered") for _ in range(6)))
    assert sorted(each.outcome for each in answers) == ["applied", *["duplicate"] * 5]
    named = [await depot.hear(sent, "in_transit", key="e-1", place=place) for place in "ab"]
    assert [each.outcome for each in named] == ["noted", "duplicate"]
    moved = await depot.shop.scalar(
        "SELECT count(*) FROM order_status_log WHERE order_id = :id AND to_status = 'delivered'",
        id=sent.order_id,
    )
    assert moved == 1


async def test_what_contradicts_is_kept_shown_and_changes_nothing(depot: Depot):
    sent = await depot.handed_over()
    await depot.hear(sent, "delivered")
    answer = await depot.hear(sent, "refused")
    assert (answer.outcome, answer.code) == ("conflict", "waybill_delivered")
    assert await depot.now(sent) == ("delivered", "delivered")
    assert await depot.todos(sent) == [("conflict", depot.salesperson)]
    settled = await depot.handed_over()
    await depot.shop.move(settled.order_id, "in_transit", "delivered")
    await depot.shop.pay(settled.order_id, Decimal("10.00"))
    await depot.shop.move(settled.order_id, "settled")
    answer = await depot.hear(settled, "refused")
    assert (answer.outcome, answer.code) == ("conflict", "order_settled")
    waybills = depot.trade.waybills
    open_now = await waybills.conflicts(SYSTEM, ConflictQuery())
    mine = [each for each in open_now if each.waybill_id in (sent.id, settled.id)]
    assert [each.why for each in mine] == ["waybill_delivered", "order_settled"]
    await waybills.resolve(SYSTEM, mine[0].id)
    left = await waybills.conflicts(SYSTEM, ConflictQuery())
    assert mine[0].id not in {each.id for each in left}
    with pytest.raises(NotFound):
        await waybills.resolve(SYSTEM, mine[0].id)


async def test_a_parcel_of_a_cancelled_order_moves_nothing(depot: Depot):
    made = await depot.waybill()
    await depot.shop.move(made.order_id, "cancelled")
    answer = await depot.hear(made, "accepted")
    assert (answer.outcome, answer.code) == ("conflict", "order_cancelled")
    assert await depot.now(made) == ("created", "cancelled")


async def test_a_lost_parcel_may_be_found_again(depot: Depot):
    sent = await depot.handed_over()
    assert (await depot.hear(sent, "lost")).outcome == "applied"
    assert await depot.now(sent) == ("lost", "shipped")
    assert await depot.todos(sent) == [("lost", depot.salesperson)]
    before = depot.shop.clock.now - timedelta(hours=5)
    assert (await depot.hear(sent, "in_transit", at=before)).outcome == "noted"
    depot.shop.clock.pass_by(timedelta(hours=1))
    assert (await depot.hear(sent, "in_transit")).outcome == "applied"
    assert (await depot.hear(sent, "delivered")).outcome == "applied"
    assert await depot.now(sent) == ("delivered", "delivered")


async def test_a_stranger_s_number_and_a_time_to_come_are_refused_by_name(depot: Depot):
    sent = await depot.handed_over()
    strange = await depot.hear(sent, "delivered", at=depot.shop.clock.now + timedelta(days=3))
    assert (strange.outcome, strange.code) == ("refused", "invalid")
    unknown = await depot.hear(await depot.waybill(courier_code="ems", reason="x"), "accepted")
    assert unknown.outcome == "applied"
    nobody = type(sent)(**{**_fields(sent), "number": "ZJ999999"})
    assert (await depot.hear(nobody, "accepted")).code == "unknown_waybill"
    with pytest.raises(UnknownCourier):
        await depot.hear(type(sent)(**{**_fields(sent), "courier_code": "nobody"}), "accepted")
    with pytest.raises(Forbidden):
        await depot.trade.waybills.take_file(person("agent"), "own", Path("x"))


async def test_a_customer_of_nobody_is_seen_to_by_a_supervisor(depot: Depot):
    order = await depot.order(customer=depot.shop.plain)
    sent = await depot.waybill(order)
    await depot.hear(sent, "refused")
    assert await depot.todos(sent) == [("refused", depot.supervisor)]


async def test_a_parcel_that_is_late_is_told_once(depot: Depot):
    sent = await depot.handed_over()
    worker = LateParcels(depot.shop.database, clock=depot.shop.clock)
    while await worker.run_once():
        pass
    assert await depot.todos(sent) == []
    depot.shop.clock.pass_by(timedelta(days=1, minutes=1))
    answers = await asyncio.gather(
        *(LateParcels(depot.shop.database, clock=depot.shop.clock).run_once() for _ in range(3))
    )
    assert sum(answers) >= 1
    assert await depot.todos(sent) == [("late", depot.salesperson)]
    late = await depot.trade.waybills.list(SYSTEM, WaybillQuery(late=True))
    assert sent.id in {each.id for each in late}
    await depot.hear(sent, "delivered")
    assert await worker.run_once() == 0


def _fields(view) -> dict[str, object]:
    return {name: getattr(view, name) for name in view.__slots__}


def written(path: Path, rows, headers=("邮件号", "状态", "操作时间", "操作地点", "签收人")) -> Path:
    with table(path, "xlsx" if path.suffix == ".xlsx" else "csv", headers) as out:
        for row in rows:
            out.write(row)
    return path


async def test_a_quotation_mark_that_stays_open_keeps_no_other_row_back(
    depot: Depot, tmp_path: Path
):
    sent = await depot.handed_over()
    path = tmp_path / "file.csv"
    lines = ('ZJ987654,揽收,"昨天', f"{sent.number},妥投,2026-03-02 9:05")
    path.write_text("\n".join(("邮件号,状态,操作时间", *lines)), encoding="utf-8")
    taken = await depot.trade.waybills.take_file(SYSTEM, "own", path)
    assert (taken.rows, taken.applied) == (2, 1)
    assert [each.row for each in taken.refused] == [2]
    assert taken.refused[0].why.startswith("a quotation mark is opened here")


@pytest.mark.parametrize("form", ["xlsx", "csv", "gbk"])
async def test_a_file_is_taken_in_row_by_row_and_again_without_doubles(
    depot: Depot, tmp_path: Path, form: str
):
    sent, other = await depot.handed_over(), await depot.handed_over()
    rows = [
        (sent.number, "揽收", "2026-03-01 10:00:00", "天津", None),
        (sent.number.lower(), "妥投", "2026/3/2 9:05", "天津", "李四"),
        (other.number, "火星", "2026-03-01 10:00", "天津", None),
        (other.number, "揽收", "昨天", "天津", None),
        ("ZJ987654", "妥投", "2026-03-01 10:00", "天津", None),
    ]
    path = written(tmp_path / f"file.{'xlsx' if form == 'xlsx' else 'csv'}", rows)
    if form == "gbk":
        path.write_bytes(path.read_text("utf-8-sig").encode("gbk"))
    taken = await depot.trade.waybills.take_file(SYSTEM, "own", path)
    assert (taken.rows, taken.applied, taken.duplicates) == (5, 2, 0)
    assert [each.row for each in taken.refused] == [4, 5, 6]
    assert "火星" in taken.refused[0].why
    assert "昨天" in taken.refused[1].why
    assert "ZJ987654" in taken.refused[2].why
    assert await depot.now(sent) == ("delivered", "delivered")
    again = await depot.trade.waybills.take_file(SYSTEM, "own", path)
    assert (again.applied, again.duplicates, len(again.refused)) == (0, 2, 3)
    at = await depot.shop.scalar(
        "SELECT at FROM waybill_events WHERE waybill_id = :id AND code = 'delivered'", id=sent.id
    )
    assert at == datetime(2026, 3, 2, 9, 5, tzinfo=SHANGHAI)


async def test_a_courier_s_own_columns_and_words_are_understood(depot: Depot, tmp_path: Path):
    content = COURIERS["own"] | {
        "priority": 90,
        "feedback_columns": {"number": "单子", "code": "怎么样", "at": "啥时候"},
        "feedback_codes": {"搞定": "delivered"},
    }
    await depot.trade.couriers.put(SYSTEM, "cousin", PutCourier.model_validate(content))
    made = await depot.waybill(courier_code="cousin", reason="试用", number="COUSIN-1")
    path = written(
        tmp_path / "own.csv",
        [("cousin-1", "搞定", "20260302")],
        headers=("单子", "怎么样", "啥时候"),
    )
    taken = await depot.trade.waybills.take_file(SYSTEM, "cousin", path)
    assert taken.applied == 1, taken
    assert await depot.now(made) == ("delivered", "delivered")
    wrong = written(tmp_path / "wrong.csv", [("a", "b")], headers=("甲", "乙"))
    with pytest.raises(Invalid, match="no column for number, code, at"):
        await depot.trade.waybills.take_file(SYSTEM, "cousin", wrong)
    (tmp_path / "empty.csv").write_bytes(b"\x00\x01")
    with pytest.raises(Invalid):
        await depot.trade.waybills.take_file(SYSTEM, "cousin", tmp_path / "empty.csv")


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("2026-03-02 14:05:33", (14, 5, 33)),
        ("2026年3月2日 9:05", (9, 5, 0)),
        ("2026/3/2", (0, 0, 0)),
        (datetime(2026, 3, 2, 8, 1), (8, 1, 0)),  # noqa: DTZ001 - as Excel gives it
        (46083.5, (12, 0, 0)),
    ],
)
def test_times_are_read_as_people_and_excel_write_them(cell, read):
    assert moment(cell, SHANGHAI) == datetime(2026, 3, 2, *read, tzinfo=SHANGHAI)


def test_what_is_no_time_is_refused():
    assert moment(None, SHANGHAI) is None
    for cell in ("2026-03-02 25:00", "午后", "2026-02-30 10:00"):
        with pytest.raises(ValueError, match="“"):
            moment(cell, SHANGHAI)


async def test_every_code_of_the_list_is_one_the_table_takes(depot: Depot):
    sent = await depot.handed_over()
    for code in EventCode:
        assert (await depot.hear(sent, code)).outcome in {"applied", "noted", "conflict"}
    async with depot.shop.database.begin() as session:
        rows = await session.execute(
            text("SELECT count(*) FROM waybill_events WHERE waybill_id = :id"), {"id": sent.id}
        )
        assert rows.scalar_one() == len(EventCode)
