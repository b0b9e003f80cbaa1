"""A customer of whom everything is known, and a reader from whom fields are hidden."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from crm_core.customers.channel import LevelContent, PolicyContent, TermsContent
from crm_core.customers.custom_fields import NewCustomField
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.insight.worker import InsightWorker
from crm_core.notices.sending import NoticeSender
from crm_core.people.roles import RoleContent
from crm_core.people.units import UnitContent
from crm_core.people.users import NewUser
from crm_core.rights import ROLES, SYSTEM, Access, Right, Scope
from orders.catalogue.commands import NewProduct
from orders.stock.documents.commands import NewReceipt
from tests.webui.customer_records import NOW, Whose, Words, records_of
from tests.webui.web_house import PASSWORD, SOURCES, Browser, House

INVOICE = {
    "title": "抬头", "address": "秘密路", "phone": "13711223344", "email": "secret@example.com",
}  # fmt: skip
WORDS = Words(
    text="普通话", phone="13711223344", address="秘密路", person="秘密人", email="secret@example.com",
    fax="02288880000", wecom="secret.wecom", wecom_group="693a91f6-7a0c-4bc4-97a0-0ec2sifa5aaa",
    province="秘密省", city="秘密市", note="秘密备注", code="SECRET-CODE", level="secret_level",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Marked:
    """A customer of whom everything is known; `ids` are of the records, by the kind in the path."""

    customer_id: int
    ids: dict[str, Any]


async def insert_all(house: House) -> Marked:
    """The customer with a record in every table that refers to one."""
    customer_id = await insert_marked(house)
    await insert_delivery(house, customer_id)
    await insert_records(house, customer_id)
    ids = await records_of(house, Whose(customer_id, house.ids["supervisor"], WORDS))
    await InsightWorker(house.services.database, SOURCES, clock=house.services.clock).run_once()
    return Marked(customer_id, ids)


async def insert_marked(house: House) -> int:
    """The marked customer, its salesperson in one unit with the reader, its parent in another."""
    crm, own = house.services.crm, house.ids["supervisor"]
    near = await crm.units.create(SYSTEM, UnitContent(name="近处"))
    far = await crm.units.create(SYSTEM, UnitContent(name="远处"))
    seller, other = [
        await crm.accounts.create_user(
            SYSTEM, NewUser(login=login, name=name, role="agent", unit_id=unit.id), PASSWORD
        )
        for login, name, unit in (("seller", "秘密售员", near), ("faraway", "远处人", far))
    ]
    async with house.services.database.begin() as session:
        await session.execute(
            text("UPDATE users SET unit_id = :unit WHERE id = :id"), {"unit": near.id, "id": own}
        )
    names = {"name_zh": "秘密级", "name_en": "x"}
    await crm.channel.levels.put(SYSTEM, "secret_level", LevelContent(**names, rank=90))
    names = {"name_zh": "秘密价", "name_en": "x"}
    await crm.channel.price_policies.put(
        SYSTEM, "secret_policy", PolicyContent(**names, discount="0.9")
    )
    names = {"name_zh": "秘密账期", "name_en": "x"}
    await crm.channel.payment_terms.put(SYSTEM, "secret_terms", TermsContent(**names, days=7))
    await crm.custom_fields.create(
        SYSTEM, NewCustomField(code="secret_no", type="text", label_zh="密码栏", label_en="Secret")
    )
    parent = await crm.customers.create(
        SYSTEM, NewCustomer(name="秘密上级", level_code="city", salesperson_id=other.id)
    )
    made = await crm.customers.create(SYSTEM, NewCustomer(name="目标客户", phones=("13711223344",)))
    change = CustomerFields.model_validate(
        {
            "code": "SECRET-CODE", "level_code": "secret_level", "parent_id": parent.id,
            "price_policy_code": "secret_policy", "payment_terms_code": "secret_terms",
            "credit_limit": "7123456.78", "overdue_entered": "8765.43", "salesperson_id": seller.id,
            "email": "secret@example.com", "language": "zh-secret", "birthday": "1977-07-07",
            "anniversary": "1978-08-08", "area_code": "0777", "province": "秘密省",
            "city": "秘密市", "note": "秘密备注",
            "addresses": [{"detail": "秘密路", "phone": "13766667777"}],
            "contacts": [{"name": "秘密人"}], "territories": [{"province": "秘密域"}],
            "custom": {"secret_no": "秘密号"}, "fax": "02288880000", "opt_outs": ["email"],
            "told_by": ["voice"], "wecom": "secret.wecom",
            "wecom_group": "693a91f6-7a0c-4bc4-97a0-0ec2sifa5aaa",
        }
    )  # fmt: skip
    await crm.customers.update(SYSTEM, made.id, made.version, change)
    return made.id


async def insert_records(house: House, customer_id: int) -> None:
    """One of each record that tells of the customer."""
    order = {"customer_id": customer_id, "lines": [{"sku": "A1", "quantity": 1}]}
    posts = (
        ("/api/orders", order | {"address": "秘密路"}),
        ("/api/todos", {"title": "秘密待办", "due_at": "2030-01-01T00:00:00Z", "customer_id": customer_id}),
        ("/api/complaints", {"customer_id": customer_id, "category_code": "delivery_late", "description": "秘密投诉"}),
        ("/api/leads", {"name": "线索", "phone": "13711223344"}),
        ("/api/opportunities", {"customer_id": customer_id, "title": "机会"}),
        ("/api/quotes", {**order, "valid_until": "2199-01-01"}),
        ("/api/notices", {"title": "秘密通知", "body": "b"}),
        ("/api/knowledge/questions", {"text": "问题", "customer_id": customer_id}),
    )  # fmt: skip
    async with house.browser("admin") as browser:
        for path, body in posts:
            headers = {"Idempotency-Key": "hidden-order-1"} if path == "/api/orders" else {}
            status, answer = await browser.ask("POST", path, body, headers=headers)
            assert status == 201, (path, answer)
            if path == "/api/orders":
                edit = body | {"version": 1, "invoice": INVOICE}
                del edit["customer_id"]
                placed = answer["order"]["id"]
                assert (await browser.ask("PUT", f"/api/orders/{placed}", edit))[0] == 200
        assert (await browser.ask("POST", "/api/notices/1/send", {"version": 1}))[0] == 200
    await NoticeSender(house.services.database, clock=house.services.clock).run_once()
    async with house.services.database.begin() as session:
        for statement in (
            "UPDATE customers SET credit_used = 6543.21 WHERE id = :id",
            "UPDATE orders SET number = '秘密单' WHERE customer_id = :id AND key = 'hidden-order-1'",
        ):
            given = {"id": customer_id} if ":id" in statement else {}
            await session.execute(text(statement), given)
    record = house.call("13511112222", known=False)
    record.end("abandoned")


async def insert_delivery(house: House, customer_id: int) -> None:
    """An order on account, delivered a month ago out of a batch, and never paid."""
    trade = house.services.trade
    milk = {
        "sku": "MILK",
        "name_zh": "奶",
        "name_en": "Milk",
        "unit": "箱",
        "list_price": "4801.21",
    }
    await trade.catalogue.add(SYSTEM, NewProduct(shelf_life_days=200, **milk))
    line = {"sku": "MILK", "quantity": 9, "batch_no": "M1", "made_on": NOW.date()}
    await trade.stock_documents.receive(SYSTEM, "hidden milk", NewReceipt(lines=(line,)))
    order = {"customer_id": customer_id, "lines": [{"sku": "MILK", "quantity": 1}]}
    async with house.browser("admin") as browser:
        status, made = await browser.ask(
            "POST",
            "/api/orders",
            order | {"payment": "account"},
            headers={"Idempotency-Key": "hidden-order-2"},
        )
        assert (status, made["order"]["total"]) == (201, "4321.09"), made
    order_id = made["order"]["id"]
    for to in ("reviewed", "picking", "shipped", "in_transit", "delivered"):
        await trade.orders.move(order_id, to, SYSTEM)
    async with house.services.database.begin() as session:
        await session.execute(
            text("UPDATE order_status_log SET at = at - interval '30 days' WHERE order_id = :id"),
            {"id": order_id},
        )


async def insert_own(reader: Browser, customer_id: int) -> None:
    """What the reader did himself, which stands in the trail that he sees."""
    buyer = {"phone": "13711223344", "email": "secret@example.com"}
    titles = f"/api/customers/{customer_id}/invoice-titles"
    assert (await reader.ask("PUT", titles, {"title": "抬头", **buyer}))[0] == 200
    lead = {"name": "自己的线索", "phone": "13711223344"}
    assert (await reader.ask("POST", "/api/leads", lead))[0] == 201


@contextlib.asynccontextmanager
async def blinded(house: House, code: str, fields: Iterable[str]) -> AsyncIterator[Browser]:
    """Somebody of a role as it is shipped, from whom these fields are hidden."""
    roles, hidden = house.services.crm.roles, dict.fromkeys(fields, Access.HIDDEN)
    (role,) = [each for each in await roles.all(SYSTEM) if each.code == code]
    shipped = RoleContent(
        name_zh=role.name_zh, name_en=role.name_en, rights=ROLES[code].rights, scope=Scope.ALL
    )
    kept_from = shipped.model_copy(update={"fields": hidden})
    changed = await roles.change(SYSTEM, code, role.version, kept_from)
    async with house.browser(code) as browser:
        yield browser
    await roles.change(SYSTEM, code, changed.version, shipped)


async def hide(house: House, *fields: str) -> None:
    """From the reader's next request these fields are hidden from him, and no others."""
    roles = house.services.crm.roles
    (role,) = [each for each in await roles.all(SYSTEM) if each.code == "supervisor"]
    content = RoleContent(
        name_zh="班",
        name_en="S",
        rights=frozenset(Right),
        scope=Scope.UNIT,
        fields=dict.fromkeys(fields, Access.HIDDEN),
    )
    await roles.change(SYSTEM, "supervisor", role.version, content)
