from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from crm_core.errors import Invalid
from crm_core.rights import SYSTEM
from orders.connections import working
from orders.connections.connection_views import ChangedConnection, CountQuery, NewCode
from orders.connections.connectors.kingdee import mapping as kingdee_mapping
from orders.connections.connectors.yonyou import mapping as yonyou_mapping
from orders.connections.events import PaperRefused
from orders.sales.flow import Status
from tests.connections.erp_orders import out, reviewed
from tests.connections.neighbours import APP_KEY, APP_SECRET
from tests.webui.web_house import SHANGHAI


async def test_an_order_leaves_to_kingdee_saved_submitted_and_audited(desk, kingdee):
    order = await reviewed(desk)
    await desk.work()
    there = kingdee.orders[order.number]
    model = there["model"]
    assert (there["state"], model["FCustId"]) == ("C", {"FNumber": "K-001"})
    (line,) = model["FSaleOrderEntry"]
    assert (line["FQty"], line["FEntryTaxRate"]) == (2, "13.0000")
    assert Decimal(line["FTaxPrice"]) * 2 == order.total
    assert [(each.state, each.code) for each in await out(desk, kingdee.connection)] == [
        ("done", "sent")
    ]


@pytest.mark.parametrize("stops_at", range(1, 8))
async def test_whatever_answer_is_lost_kingdee_gets_the_order_once(desk, kingdee, stops_at):
    order = await reviewed(desk)
    kingdee.faults.extend([""] * (stops_at - 1) + ["lost"])
    for _ in range(4):
        await desk.work()
        desk.later(minutes=5)
    assert kingdee.orders[order.number]["state"] == "C"
    saves = [content for service, content in kingdee.asked if service == "Save"]
    assert len(saves) == 1
    assert {each.state for each in await out(desk, kingdee.connection)} == {"done"}


async def test_a_session_that_ended_is_opened_anew(desk, kingdee):
    await reviewed(desk)
    await desk.work()
    kingdee.sessions.clear()
    order = await reviewed(desk)
    await desk.work()
    assert order.number in kingdee.orders
    assert kingdee.logins == 2


async def test_what_kingdee_refuses_waits_for_a_person_and_is_told(desk, kingdee):
    kingdee.known = {"nothing"}
    heard = []
    stop = desk.shop.bus.subscribe(heard.append, PaperRefused)
    order = await reviewed(desk)
    await desk.work()
    stop()
    (paper,) = await out(desk, kingdee.connection)
    assert (paper.state, paper.code, "不存在" in paper.reason) == (
        "refused",
        "kingdee_refused",
        True,
    )
    assert [each.document_id for each in heard] == [paper.id]
    kingdee.known = set()
    await desk.used.papers.retry(desk.owner, paper.id)
    await desk.work()
    assert order.number in kingdee.orders


async def test_a_wrong_application_secret_is_refused_and_not_tried_again(desk, kingdee):
    (now,) = [
        each
        for each in await desk.used.connections.all(desk.owner)
        if each.id == kingdee.connection
    ]
    change = ChangedConnection(
        version=now.version,
        name=now.name,
        settings=dict(now.settings),
        secrets={"app_id": APP_KEY, "app_secret": "wrong"},
        send_on={"reviewed"},
    )
    await desk.used.connections.change(desk.owner, kingdee.connection, change)
    await reviewed(desk)
    await desk.work()
    (paper,) = await out(desk, kingdee.connection)
    assert (paper.state, paper.code) == ("refused", "kingdee_login")


async def test_faults_that_pass_are_tried_again_ever_more_rarely(desk, kingdee):
    order = await reviewed(desk)
    kingdee.faults.extend([503] * 8)
    for _ in range(12):
        await desk.work()
        desk.later(hours=1)
    assert order.number in kingdee.orders
    (paper,) = await out(desk, kingdee.connection)
    assert paper.state == "done"


async def test_a_customer_without_a_code_there_is_a_refusal_to_mend(desk, kingdee):
    await reviewed(desk, customer=desk.shop.plain)
    await desk.work()
    (paper,) = await out(desk, kingdee.connection)
    assert (paper.state, paper.code) == ("refused", "no_customer_code")


async def test_an_order_that_was_cancelled_before_it_left_does_not_leave(desk, kingdee):
    order = await reviewed(desk)
    await desk.sequencer.run_once()
    await desk.shop.move(order.id, Status.CANCELLED)
    await desk.work()
    assert order.number not in kingdee.orders
    assert [each.code for each in await out(desk, kingdee.connection)] == ["cancelled_before"]


async def test_states_come_back_and_move_the_order_forward_only(desk, kingdee):
    order = await reviewed(desk)
    await desk.work()
    earlier, later = "2026-03-02T11:00:00", "2026-03-02T12:00:00"
    kingdee.changed = [[order.number, "C", "B", earlier], [order.number, "C", "A", later]]
    kingdee.changed += [["UNKNOWN-1", "C", "B", later]]
    for _ in range(3):
        desk.later(minutes=6)
        await desk.work()
    assert (await desk.shop.service.get(SYSTEM, order.id)).status == "delivered"
    states = [each for each in await desk.papers(kingdee.connection) if each.kind == "state"]
    assert sorted(each.code for each in states) == ["moved", "not_ours", "passed_before"]


async def test_what_they_call_settled_is_settled_when_it_is_paid_here(desk, kingdee):
    unpaid, paid = await reviewed(desk), await reviewed(desk)
    await desk.shop.pay(paid.id, paid.total)
    await desk.work()
    kingdee.changed = [[each.number, "B", "A", "2026-03-02T12:00:00"] for each in (unpaid, paid)]
    desk.later(minutes=6)
    await desk.work()
    found = [(await desk.shop.service.get(SYSTEM, each.id)) for each in (unpaid, paid)]
    assert [(each.status, each.credit_held) for each in found] == [
        ("reviewed", unpaid.total),
        ("settled", 0),
    ]
    states = [each for each in await desk.papers(kingdee.connection) if each.kind == "state"]
    assert sorted((each.state, each.code) for each in states) == [
        ("done", "moved"),
        ("refused", "not_paid"),
    ]


async def test_their_stock_is_shown_beside_ours(desk, kingdee):
    sku = await desk.shop.product(on_hand=10)
    code = NewCode(theirs="M-7", sku=sku)
    await desk.used.connections.set_code(desk.owner, kingdee.connection, code)
    kingdee.stock = [["M-7", 6], ["M-7", 1.5], ["OTHER", 3]]
    desk.later(minutes=6)
    await desk.work()
    (count,) = await desk.used.connections.counts(desk.owner, kingdee.connection, CountQuery())
    assert (count.sku, count.ours, count.difference) == (sku, 10, Decimal("-2.5"))


async def test_an_order_leaves_to_yonyou_under_a_key_of_its_own(desk, yonyou):
    order = await reviewed(desk)
    await desk.work()
    body = yonyou.orders[order.number]["body"]
    assert (body["resubmitCheckKey"], body["agentId"]) == (f"zongji-{order.number}", "Y-001")
    assert body["orderDetails"][0]["oriSum"] == str(order.total)


@pytest.mark.parametrize("fault", ["lost", "slow", 500])
async def test_whatever_yonyou_s_answer_was_the_order_is_there_once(desk, yonyou, fault):
    order = await reviewed(desk)
    yonyou.faults.extend(["", "", "", "", fault])
    for _ in range(4):
        await desk.work()
        desk.later(minutes=5)
    assert order.number in yonyou.orders
    assert yonyou.saves == 1
    assert {each.state for each in await out(desk, yonyou.connection)} == {"done"}


async def test_a_token_that_is_over_is_fetched_anew(desk, yonyou):
    await reviewed(desk)
    await desk.work()
    given = yonyou.given
    yonyou.tokens.clear()
    order = await reviewed(desk)
    await desk.work()
    assert (order.number in yonyou.orders, yonyou.given) == (True, given + 1)
    desk.later(hours=3)
    await reviewed(desk)
    await desk.work()
    assert yonyou.given == given + 2


async def test_yonyou_s_states_and_stock_come_back(desk, yonyou):
    order = await reviewed(desk)
    await desk.work()
    yonyou.changed = [
        {"code": order.number, "nextStatusName": "ENDORDER", "pubts": "2026-03-02 12:00:00"}
    ]
    sku = order.lines[0].sku
    code = NewCode(theirs="P-1", sku=sku)
    await desk.used.connections.set_code(desk.owner, yonyou.connection, code)
    yonyou.stock = [{"product_code": "P-1", "currentqty": 98}]
    desk.later(minutes=6)
    await desk.work()
    assert (await desk.shop.service.get(SYSTEM, order.id)).status == "delivered"
    (count,) = await desk.used.connections.counts(desk.owner, yonyou.connection, CountQuery())
    assert (count.sku, count.theirs) == (sku, Decimal(98))


async def test_a_connection_that_is_down_holds_up_no_other(desk, kingdee, yonyou):
    order = await reviewed(desk)
    kingdee.faults.extend([503] * 50)
    await desk.work()
    assert order.number in yonyou.orders
    assert order.number not in kingdee.orders


@pytest.mark.parametrize(
    ("kind", "settings", "secrets"),
    [
        ("kingdee", {}, {"app_id": "a", "app_secret": "b"}),
        ("kingdee", {"url": "file:///etc/passwd"}, {"app_id": "a", "app_secret": "b"}),
        ("qimen", {"unknown": 1}, {"app_key": "a", "app_secret": "long enough"}),
        ("qimen", {}, {"app_key": "a"}),
        ("nothing", {}, {}),
    ],
)
async def test_settings_that_the_kind_does_not_know_are_refused(desk, kind, settings, secrets):
    with pytest.raises(Invalid):
        await desk.connection(kind, settings, secrets)


async def test_secrets_are_kept_encrypted_and_never_shown(desk, kingdee):
    kept = await desk.shop.scalar(
        "SELECT secrets FROM connections WHERE id = :id", id=kingdee.connection
    )
    assert APP_SECRET not in kept
    shown = await desk.used.connections.all(desk.owner)
    assert APP_SECRET not in str(shown)
    assert APP_SECRET not in await desk.shop.scalar(
        "SELECT string_agg(after::text, '') FROM audit_log"
    )


@pytest.mark.parametrize("days", [1, -1])
async def test_a_clock_that_is_set_by_a_day_delays_no_paper_and_no_question(desk, kingdee, days):
    clock, orders = desk.shop.clock, [await reviewed(desk)]
    kingdee.faults.extend([503, 503])
    await desk.work()
    assert kingdee.orders == {}
    for step in (days, -days):
        clock.set_by(timedelta(days=step))
        desk.later(minutes=6)
        orders.append(await reviewed(desk))
        await desk.work()
        assert set(kingdee.orders) == {each.number for each in orders}
        asked = {each.id: each.asked_at for each in await desk.used.clients.active()}
        assert asked[kingdee.connection] == clock()
    assert [service for service, _ in kingdee.asked].count("Save") == 3


async def test_a_day_without_kingdee_keeps_every_paper_and_enters_each_once(desk, kingdee):
    orders = [await reviewed(desk)]
    kingdee.faults.extend([503] * 2000)
    for half_hour in range(48):
        if half_hour % 16 == 0:
            orders.append(await reviewed(desk))
        await desk.work()
        desk.later(minutes=30)
    assert (kingdee.orders, kingdee.asked) == ({}, [])
    assert 2000 - len(kingdee.faults) < 48 * (1 + 2 * len(orders))
    kingdee.faults.clear()
    kingdee.changed = [[orders[0].number, "C", "B", "2026-03-02T12:00:00"]]
    for _ in range(2):
        desk.later(hours=1)
        await desk.work()
    assert {number: there["state"] for number, there in kingdee.orders.items()} == {
        each.number: "C" for each in orders
    }
    assert [service for service, _ in kingdee.asked].count("Save") == len(orders)
    assert {each.state for each in await out(desk, kingdee.connection)} == {"done"}
    assert (await desk.shop.service.get(SYSTEM, orders[0].id)).status == "delivered"


def numbered(desk, how_many: int, *, seconds: int) -> list[tuple[str, datetime]]:
    """Changes there, of which so many are made in each second."""
    begin = desk.shop.clock().astimezone(SHANGHAI).replace(tzinfo=None, microsecond=0)
    return [
        (f"THEIRS-{each:02d}", begin + timedelta(seconds=each // seconds))
        for each in range(how_many)
    ]


async def read_to_the_end(desk, server, numbers) -> None:
    """In rounds of a page or two; what changes there meanwhile is read too."""
    desk.later(minutes=6)
    for _ in range(60):
        await desk.worker().run_once()
    states = [each for each in await desk.papers(server.connection) if each.kind == "state"]
    assert sorted(each.outside_key for each in states) == sorted(numbers)


@pytest.mark.parametrize("seconds", [1, 2, 40])
async def test_kingdee_is_read_to_the_end_however_much_changed(desk, kingdee, monkeypatch, seconds):
    monkeypatch.setattr(kingdee_mapping, "PAGE", 3)
    monkeypatch.setattr(working, "_PAGES", 2)
    kingdee.filters = True
    rows = numbered(desk, 40, seconds=seconds)
    kingdee.changed = [[number, "C", "B", at.isoformat()] for number, at in rows]
    await read_to_the_end(desk, kingdee, [number for number, _ in rows])


@pytest.mark.parametrize("seconds", [1, 40])
async def test_yonyou_is_read_to_the_end_however_much_changed(desk, yonyou, monkeypatch, seconds):
    monkeypatch.setattr(yonyou_mapping, "PAGE", 3)
    monkeypatch.setattr(working, "_PAGES", 2)
    yonyou.filters = True
    rows = numbered(desk, 40, seconds=seconds)
    yonyou.changed = [
        {"code": number, "nextStatusName": "ENDORDER", "pubts": f"{at:%Y-%m-%d %H:%M:%S}"}
        for number, at in rows
    ]
    await read_to_the_end(desk, yonyou, [number for number, _ in rows])


async def test_what_was_not_read_to_its_end_is_not_taken_as_asked(desk, kingdee, monkeypatch):
    monkeypatch.setattr(kingdee_mapping, "PAGE", 3)
    monkeypatch.setattr(working, "_PAGES", 1)
    kingdee.filters = True
    kingdee.changed = [[n, "C", "B", at.isoformat()] for n, at in numbered(desk, 4, seconds=1)]

    async def asked_at():
        return {each.id: each.asked_at for each in await desk.used.clients.active()}[
            kingdee.connection
        ]

    await desk.worker().run_once()
    assert await asked_at() is None
    await desk.worker().run_once()
    assert await asked_at() == desk.shop.clock()


async def test_all_products_are_counted_and_all_their_rows(desk, kingdee, monkeypatch):
    monkeypatch.setattr(kingdee_mapping, "PAGE", 3)
    monkeypatch.setattr(working, "_MOST_CODES", 2)
    for each in range(5):
        sku = await desk.shop.product(on_hand=1)
        code = NewCode(theirs=f"M-{each}", sku=sku)
        await desk.used.connections.set_code(desk.owner, kingdee.connection, code)
    kingdee.stock = [[f"M-{each}", 1] for each in range(5) for _ in range(4)]
    desk.later(minutes=6)
    for _ in range(4):
        await desk.worker().run_once()
    counts = await desk.used.connections.counts(desk.owner, kingdee.connection, CountQuery())
    assert [each.theirs for each in counts] == [Decimal(4)] * 5
