"""Messages to customers over the API: seen, sent again, given up; and the words they say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from crm_core.bus import Bus
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.messages.watching import OutboxPurge, OutboxWatch
from crm_core.outbox import messages
from crm_core.outbox.events import OutboxWatched
from crm_core.outbox.messages import Contact
from crm_core.outbox.ports import Message
from crm_core.outbox.tables import OutboxMessage
from crm_core.outbox.wording import WordBook
from crm_core.people.roles import RoleContent
from crm_core.rights import SYSTEM, Access
from orders.sales.wording import ORDER_WORDS
from tests.webui.web_house import House

ALL = "/api/messages"
WORDS = "/api/message-templates"
OWN = {
    "kind": "order_shipped",
    "language": "zh",
    "subject": "{number} 出发了",
    "body": "单号 {waybill}\n合计 {total}\n{company}",
}


@pytest.fixture
async def told(house: House) -> list[int]:
    """Four messages of the customer: failed, unknown, sent, pending; their ids."""
    params = {"number": "260302-000001", "total": "12.50"}
    contact = Contact("old@b.example", "13800138000", "zh")
    states = ("failed", "unknown", "sent", "pending")
    async with house.services.database.begin() as session:
        await session.execute(text("DELETE FROM outbox"))
        for number in range(1, len(states) + 1):
            new = messages.messages("order_placed", contact, ["email"], params)
            now = datetime.now(UTC)
            who = house.customer_id
            await messages.tell(session, "order", number, customer_id=who, told=new, now=now)
        ids = list(await session.scalars(select(OutboxMessage.id).order_by(OutboxMessage.id)))
        for message_id, state in zip(ids, states, strict=True):
            values = {"state": state, "reason": "550 no", "attempts": 6}
            await session.execute(
                update(OutboxMessage).where(OutboxMessage.id == message_id).values(values)
            )
    return ids


async def hidden(house: House) -> tuple[int, RoleContent]:
    """The supervisor's role without customers' mail addresses, and its version."""
    roles = await house.services.crm.roles.all(SYSTEM)
    (role,) = [each for each in roles if each.code == "supervisor"]
    fields = {"customer.email": Access.HIDDEN}
    return role.version, RoleContent(name_zh="班", name_en="S", rights=role.rights, fields=fields)


async def row(house: House, message_id: int) -> Any:
    async with house.services.database.reading() as connection:
        found = await connection.execute(
            select(OutboxMessage.__table__).where(OutboxMessage.id == message_id)
        )
        return found.one()


async def test_what_waits_for_a_person_is_listed_masked_and_counted(house: House, told):
    async with house.browser("operations") as desk, house.browser("supervisor") as head:
        items = (await desk.ask("GET", f"{ALL}?unsettled=true"))[1]["items"]
        assert [(each["id"], each["state"]) for each in items] == [
            (told[1], "unknown"),
            (told[0], "failed"),
        ]
        assert {each["recipient"] for each in items} == {"o***@b.example"}
        assert {each["customer_name"] for each in items} == {"滨海商贸"}
        seen = (await head.ask("GET", f"{ALL}?state=failed&channel=email&subject=order"))[1]
        assert [each["recipient"] for each in seen["items"]] == ["old@b.example"]
        await house.services.crm.roles.change(SYSTEM, "supervisor", *await hidden(house))
        seen = (await head.ask("GET", f"{ALL}?state=failed"))[1]
        assert [each["recipient"] for each in seen["items"]] == [""]
        none = (await head.ask("GET", f"{ALL}?since=2199-01-01T00:00:00Z"))[1]["items"]
        assert none == []
        (state,) = (await desk.ask("GET", f"{ALL}/summary"))[1]["channels"]
        assert (state["pending"], state["failed"], state["unknown"]) == (1, 1, 1)
        one = (await desk.ask("GET", f"{ALL}/{told[0]}"))[1]
        assert one["title"] == "订单 260302-000001 已收到"
        assert "12.50 元" in one["text"]
        assert one["message"]["reason"] == "550 no"


async def test_a_message_is_sent_again_to_the_address_of_today_under_its_own_token(
    house: House, told
):
    crm = house.services.crm
    card = await crm.customers.get(SYSTEM, house.customer_id)
    await crm.customers.update(SYSTEM, card.id, card.version, CustomerFields(email="new@b.example"))
    before = await row(house, told[0])
    async with house.browser("operations") as desk:
        path = f"{ALL}/{told[0]}/send-again"
        status, body = await desk.ask("POST", path, {"state": "failed"})
        assert (status, body["message"]["state"], body["message"]["attempts"]) == (
            200,
            "pending",
            0,
        )
        status, body = await desk.ask("POST", path, {"state": "failed"})
        assert (status, body["error"]["code"]) == (409, "message_settled")
        assert (await desk.ask("POST", f"{ALL}/{told[2]}/send-again", {"state": "failed"}))[
            0
        ] == 409
    after = await row(house, told[0])
    assert (after.recipient, after.token) == ("new@b.example", before.token)


async def test_many_are_sent_again_at_once_but_the_unknown_only_by_name(house: House, told):
    async with house.browser("operations") as desk:
        assert (await desk.ask("POST", f"{ALL}/send-again", {}))[1] == {"count": 1}
        assert (await desk.ask("POST", f"{ALL}/send-again", {}))[1] == {"count": 0}
        assert (await row(house, told[1])).state == "unknown"
        wanted = {"state": "unknown", "channel": "email"}
        assert (await desk.ask("POST", f"{ALL}/send-again", wanted))[1] == {"count": 1}
    async with house.services.database.reading() as connection:
        actions = await connection.scalars(
            text("SELECT entity_id FROM audit_log WHERE action = 'message.send_again'")
        )
        assert {str(told[0]), str(told[1])} <= set(actions)


async def test_a_message_is_given_up_with_a_reason_and_goes_after_its_time(house: House, told):
    async with house.browser("operations") as desk:
        path = f"{ALL}/{told[1]}/give-up"
        given = {"state": "unknown", "reason": "电话已告知"}
        status, body = await desk.ask("POST", path, given)
        assert (status, body["message"]["state"], body["message"]["reason"]) == (
            200,
            "given_up",
            "电话已告知",
        )
        assert (await desk.ask("POST", path, given))[0] == 409
        assert (await desk.ask("POST", path, {"state": "unknown"}))[0] in (400, 422)
    later = datetime.now(UTC) + timedelta(days=31)
    purge = OutboxPurge(house.services.database, clock=lambda: later, kept=timedelta(days=30))
    assert await purge.run_once() == 1
    async with house.services.database.reading() as connection:
        left = await connection.scalars(select(OutboxMessage.id).order_by(OutboxMessage.id))
        assert list(left) == [told[0], told[2], told[3]]


async def test_messages_of_customers_one_does_not_see_are_not_there(house: House, told):
    crm = house.services.crm
    other = await crm.customers.create(
        SYSTEM, NewCustomer(name="别人的客户", salesperson_id=house.ids["agent2"])
    )
    async with house.services.database.begin() as session:
        await session.execute(
            update(OutboxMessage).where(OutboxMessage.id == told[0]).values(customer_id=other.id)
        )
        await session.execute(text("UPDATE roles SET scope = 'own' WHERE code = 'operations'"))
    try:
        async with house.browser("operations") as desk:
            items = (await desk.ask("GET", f"{ALL}?unsettled=true"))[1]["items"]
            assert [each["id"] for each in items] == [told[1]]
            assert (await desk.ask("GET", f"{ALL}/{told[0]}"))[0] == 404
            path = f"{ALL}/{told[0]}/send-again"
            assert (await desk.ask("POST", path, {"state": "failed"}))[0] == 404
            assert (await desk.ask("POST", f"{ALL}/send-again", {}))[1] == {"count": 0}
    finally:
        async with house.services.database.begin() as session:
            await session.execute(text("UPDATE roles SET scope = 'all' WHERE code = 'operations'"))


async def test_the_metrics_say_how_much_waits_and_how_long(house: House, told):
    heard: list[OutboxWatched] = []
    bus = Bus()
    bus.subscribe(heard.append, OutboxWatched)
    later = datetime.now(UTC) + timedelta(hours=1)
    watch = OutboxWatch(house.services.database, bus, clock=lambda: later)
    assert await watch.run_once() == 2
    assert heard[0].channels["email"].oldest_s == pytest.approx(3600, abs=60)
    house.services.bus.publish(heard[0])
    async with house.browser() as anyone:
        figures = (await anyone.ask("GET", "/metrics"))[1].decode()
    assert 'zongji_messages_waiting{channel="email",state="unknown"} 1.0' in figures
    assert 'zongji_messages_oldest_seconds{channel="email"} 36' in figures


async def test_words_are_shown_tried_replaced_and_put_back(house: House):
    database = house.services.database
    message = Message("t", "order_shipped", "", "zh", {"number": "7", "total": "3.00"})
    async with house.browser("operations") as desk:
        kinds = {each["kind"]: each for each in (await desk.ask("GET", WORDS))[1]["items"]}
        assert {"waybill", "link"} <= set(kinds["order_shipped"]["optional"])
        assert {"number", "company"} <= set(kinds["order_shipped"]["placeholders"])
        tried = await desk.ask("POST", f"{WORDS}/preview", OWN | {"params": {"waybill": "EMS9"}})
        assert tried == (
            200,
            {"subject": "260302-000001 出发了", "body": "单号 EMS9\n合计 128.00\n总机商贸"},
        )
        status, body = await desk.ask("PUT", WORDS, OWN)
        assert (status, body["template"]["version"]) == (200, 1)
        assert (await desk.ask("PUT", WORDS, OWN))[0] == 409
        changed = OWN | {"subject": "{number} 已寄出", "version": 1}
        status, body = await desk.ask("PUT", WORDS, changed)
        assert (status, body["template"]["version"]) == (200, 2)
        said = await WordBook(ORDER_WORDS, "总机", database=database).of(message, "email")
        assert (said.subject, said.body) == ("7 已寄出", "合计 3.00\n总机")
        assert (await desk.ask("DELETE", f"{WORDS}/{body['template']['id']}"))[0] == 204
        assert (await desk.ask("DELETE", f"{WORDS}/{body['template']['id']}"))[0] == 404
        said = await WordBook(ORDER_WORDS, "总机", database=database).of(message, "email")
        assert said.subject == "订单 7 已发货"


async def test_a_kind_of_message_is_switched_over_the_api(house: House):
    async with house.browser("operations") as desk:
        shown = (await desk.ask("GET", "/api/message-choices"))[1]["items"]
        kinds = {each["kind"]: each for each in shown}
        shipped = {"kind": "order_picking", "told": False, "version": None}
        assert kinds["order_picking"] == shipped
        path = "/api/message-choices/order_picking"
        status, body = await desk.ask("PUT", path, {"told": True, "version": None})
        assert (status, body["choice"]) == (200, shipped | {"told": True, "version": 1})
        assert (await desk.ask("PUT", path, {"told": True, "version": None}))[0] == 409
        other = "/api/message-choices/payment_received"
        assert (await desk.ask("PUT", other, {"told": False}))[0] == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": "{nubmer}"},
        {"body": "{reason}"},
        {"body": "{number.__class__}"},
        {"subject": "{"},
        {"kind": "order_lost"},
        {"language": "fr"},
        {"channel": "pigeon"},
    ],
)
async def test_words_that_could_not_be_said_are_refused(house: House, wrong):
    async with house.browser("operations") as desk:
        assert (await desk.ask("PUT", WORDS, OWN | wrong))[0] in (400, 422)
        assert (await desk.ask("POST", f"{WORDS}/preview", OWN | wrong))[0] in (400, 422)


async def test_a_customer_chooses_how_to_be_told_and_the_addresses_are_masked(house: House):
    crm = house.services.crm
    wanted = {
        "name": "传真客户",
        "phones": ["02223456781"],
        "level_code": "city",
        "fax": "022-2345 6780",
        "wecom": "zhangsan",
        "wecom_group": "693a91f6-7000-4bc4-97a0-0ec2sifa5aaa",
        "told_by": ["voice", "fax", "fax"],
    }
    async with house.browser("supervisor") as head, house.browser("agent") as agent:
        status, body = await head.ask("POST", "/api/customers", wanted)
        assert status == 201, body
        card = body["customer"]
        assert (card["fax"], card["told_by"]) == ("02223456780", ["fax", "voice"])
        path = f"/api/customers/{card['id']}"
        seen = (await agent.ask("GET", path))[1]["customer"]
        assert (seen["fax"], seen["wecom_group"][-4:]) == ("022****6780", "5aaa")
        assert "*" in seen["wecom_group"]
        for refused in ({"fax": "no number"}, {"wecom": "a b"}, {"told_by": ["pigeon"]}):
            assert (await head.ask("POST", "/api/customers", wanted | refused))[0] in (400, 422)
    kept = await crm.customers.get(SYSTEM, card["id"])
    assert kept.wecom == "zhangsan"
