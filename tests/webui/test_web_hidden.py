"""Every field that a role can be kept from, hidden: its value stands in no answer of any route, in no file and
not in the audit trail, and nothing can be searched by what tells of it.

What a route shows of a marked customer is read once with nothing hidden; each field is then hidden, and the
answers that had its mark are asked for again.
"""

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from crm_core.customers.channel import LevelContent, PolicyContent, TermsContent
from crm_core.customers.criteria import FIELDS
from crm_core.customers.custom_fields import NewCustomField
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.insight.worker import InsightWorker
from crm_core.notices.sending import NoticeSender
from crm_core.people.roles import RoleContent
from crm_core.people.units import UnitContent
from crm_core.people.users import NewUser
from crm_core.rights import SYSTEM, Access, Right, Scope
from tests.webui.web_house import PASSWORD, SOURCES, Browser, House
from webui.routes import ROUTES
from webui.routing import CALL, CODE, NUMBER, SKU
from webui.sight import hideable_fields

HIDEABLE = sorted({*hideable_fields(), "customer.custom.secret_no"})
MARKS = {
    "addresses": ("秘密路", "13766667777"),
    "anniversary": ("1978-08-08",),
    "area_code": ('"0777"',),
    "birthday": ("1977-07-07",),
    "city": ("秘密市",),
    "code": ("SECRET-CODE",),
    "complaints": ("秘密投诉", '"complaints":[{'),
    "contacts": ("秘密人",),
    "credit_available": ("7116913.57",),
    "credit_limit": ("7123456.78", "7116913.57"),
    "credit_overdue": ("8765.43",),
    "credit_used": ("6543.21", "7116913.57"),
    "custom": ("秘密号", "密码栏"),
    "custom.secret_no": ("秘密号", "密码栏"),
    "email": ("secret@example.com",),
    "fax": ("02288880000",),
    "insight": ('"revenue_12m"',),
    "language": ('"zh-secret"',),
    "last_orders": ("秘密单",),
    "level": ("秘密级", "secret_level"),
    "note": ("秘密备注",),
    "notices": ("秘密通知",),
    "opt_outs": ('"opt_outs":["email"]',),
    "parent": ("秘密上级",),
    "payment_terms": ("秘密账期", "secret_terms"),
    "phones": ("13711223344", "13766667777"),
    "price_policy": ("秘密价", "secret_policy"),
    "province": ("秘密省",),
    "salesperson": ("秘密售员",),
    "territories": ("秘密域",),
    "todos": ("秘密待办",),
    "told_by": ('"told_by":["voice"]',),
    "wecom": ("secret.wecom",),
    "wecom_group": ("693a91f6-7a0c-4bc4-97a0-0ec2sifa5aaa",),
}
DEFINED_AT = {
    "insight": {"/api/insight/segments"},
    "level": {"/api/levels"},
    "payment_terms": {"/api/payment-terms"},
    "phones": {"/api/leads", "/api/leads/1"},
    "price_policy": {"/api/price-policies"},
    "salesperson": {"/api/users", "/api/todos/supervisors", "/api/session"},
}
"""Where the words of a mark stand by themselves, and tell nothing of a customer."""
ONLY_ON_THE_CARD = {"complaints", "last_orders", "notices", "todos"}
"""Lists of other records, which have rights of their own; hidden means: not on the customer's card."""
SEARCHED_BY = {
    "addresses": {"addresses"},
    "birthday": {"birthday", "birthday_month"},
    "contacts": {"contacts"},
    "credit_limit": {"credit_limit", "credit_available", "warning"},
    "credit_used": {"credit_used", "credit_available", "warning"},
    "credit_overdue": {"credit_overdue", "warning"},
    "custom": {"custom.secret_no"},
    "insight": {"grade", "segment", "warning", "last_order", "last_contact"},
    "last_orders": {"last_order"},
    "parent": {"parent", "under"},
    "salesperson": {"salesperson", "unit"},
}
"""The fields of a search that tell of a hidden one, where it is not that one alone."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A customer of whom everything is known; `asked` are the paths at which it may stand."""

    customer_id: int
    shown: dict[str, str]


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
            "credit_limit": "7123456.78", "credit_overdue": "8765.43", "salesperson_id": seller.id,
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
        ("/api/privacy-requests", {"customer_id": customer_id, "kind": "access", "identified_by": "x"}),
    )  # fmt: skip
    async with house.browser("admin") as browser:
        for path, body in posts:
            headers = {"Idempotency-Key": "hidden-order-1"} if path == "/api/orders" else {}
            status, answer = await browser.ask("POST", path, body, headers=headers)
            assert status == 201, (path, answer)
        assert (await browser.ask("POST", "/api/notices/1/send", {"version": 1}))[0] == 200
    await NoticeSender(house.services.database, clock=house.services.clock).run_once()
    async with house.services.database.begin() as session:
        for statement in (
            "UPDATE customers SET credit_used = 6543.21 WHERE id = :id",
            "UPDATE orders SET number = '秘密单' WHERE customer_id = :id",
        ):
            given = {"id": customer_id} if ":id" in statement else {}
            await session.execute(text(statement), given)
    record = house.call("13511112222", known=False)
    record.end("abandoned")


def paths(house: House, customer_id: int) -> list[str]:
    """Every GET route that answers JSON, with the ids that exist here."""
    sample = {CALL: "0" * 32, CODE: "d", SKU: "A1"}
    query = {
        "customer_id": str(customer_id), "since": "2026-01-01", "until": "2030-01-01",
        "occasion": "birthday", "number": "1", "by": "customer",
        "begins": "2026-01-01", "ends": "2026-12-31",
    }  # fmt: skip
    found: list[str] = []
    for route in ROUTES:
        if route.method != "GET" or route.answers_file:
            continue
        path = route.path
        for pattern, each in sample.items():
            path = path.replace(pattern, each)
        wanted = route.query.model_fields
        needed = [name for name, field in wanted.items() if field.is_required()]
        asked = "&".join(f"{name}={query[name]}" for name in needed)
        found += [
            path.replace(NUMBER, str(number)) + (f"?{asked}" if asked else "")
            for number in ((customer_id, 1) if NUMBER in path else (0,))
        ]
    codes = ("birthday", "anniversary", "contact_birthday")
    return [
        *found,
        "/api/customers?q=目标",
        "/api/complaints/report?since=2026-01-01T00:00:00Z&until=2026-12-31T00:00:00Z",
        *(f"/api/care/upcoming?occasion={code}&days=366" for code in codes),
        *(f"/api/insight/segments/{code}/customers" for code in ("new", "lost", "potential")),
        *(f"/api/insight/health/{code}/customers" for code in ("credit_overdue", "dormant")),
        f"/api/audit?entity=customer&entity_id={customer_id}&limit=200",
        "/api/audit?entity=order&limit=200",
    ]


@pytest.fixture(scope="module")
async def reader(house: House) -> AsyncIterator[Browser]:
    """Somebody with every right, who sees the customers of his unit."""
    async with Browser(house.server.address) as browser:
        await browser.log_in("supervisor")
        yield browser


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


async def answered(browser: Browser, path: str) -> tuple[int, str]:
    status, body = await browser.ask("GET", path)
    return status, json.dumps(body, ensure_ascii=False, separators=(",", ":"))


@pytest.fixture(scope="module")
async def marked(house: House, reader: Browser) -> Marked:
    customer_id = await insert_marked(house)
    await insert_records(house, customer_id)
    await InsightWorker(house.services.database, SOURCES, clock=house.services.clock).run_once()
    await hide(house)
    shown: dict[str, str] = {}
    for path in paths(house, customer_id):
        status, body = await answered(reader, path)
        assert status in (200, 404, 409, 422), (path, body)
        if status == 200:
            shown[path] = body
    return Marked(customer_id, shown)


def has_mark(name: str, path: str, body: str) -> bool:
    if path.partition("?")[0] in DEFINED_AT.get(name, ()):
        return False
    if name in ONLY_ON_THE_CARD and not path.startswith("/api/customers/"):
        return False
    return any(mark in body for mark in MARKS[name])


async def test_the_records_are_there_and_every_field_is_shown_somewhere(marked: Marked):
    answers = {path.partition("?")[0] for path in marked.shown}
    assert len(answers) > 70
    for field in HIDEABLE:
        name = field.partition(".")[2]
        where = [path for path, body in marked.shown.items() if has_mark(name, path, body)]
        assert f"/api/customers/{marked.customer_id}" in where, field


@pytest.mark.parametrize("field", HIDEABLE)
async def test_a_hidden_value_stands_in_no_answer(
    house: House, reader: Browser, marked: Marked, field: str
):
    name = field.partition(".")[2]
    await hide(house, field)
    for path, body in marked.shown.items():
        if has_mark(name, path, body):
            status, now = await answered(reader, path)
            assert status in (200, 403, 404), now
            assert not has_mark(name, path, now), (path, now)


@pytest.mark.parametrize("field", HIDEABLE)
async def test_nobody_searches_by_what_tells_of_a_hidden_field(
    house: House, reader: Browser, marked: Marked, field: str
):
    name = field.partition(".")[2]
    await hide(house, field)
    refused = SEARCHED_BY.get(name, {name})
    listed = {
        each["field"] for each in (await reader.ask("GET", "/api/customers/fields"))[1]["items"]
    }
    for each in (*FIELDS, "custom.secret_no"):
        wanted = {"conditions": [{"field": each, "value": "1"}]}
        status, body = await reader.ask("POST", "/api/customers/search", wanted)
        assert (status == 403) == (each in refused), (each, body)
        assert each in listed or each in refused or each.startswith("custom."), each
    assert not listed & refused


@pytest.mark.parametrize("field", HIDEABLE)
async def test_a_hidden_value_stands_in_no_file(
    house: House, reader: Browser, marked: Marked, field: str
):
    name = field.partition(".")[2]
    plain = {"level": "level", "price_policy": "price_policy"}.get(name, name)
    column = {"addresses": "address", "contacts": "contact", "custom": "custom.secret_no"}.get(
        name, plain
    )
    await hide(house)
    exported = await export(house, reader)
    await hide(house, field)
    if column not in exported:
        return
    hidden = await export(house, reader)
    assert any(mark in exported[column] for mark in MARKS[name]), exported[column]
    assert not any(mark in each for each in hidden.values() for mark in MARKS[name]), hidden
    wanted = {"format": "csv", "columns": [column]}
    assert (await reader.ask("POST", "/api/exports", wanted))[0] == 403


async def export(house: House, reader: Browser) -> dict[str, str]:
    """The marked customer's row, by the column's code."""
    wanted = {
        "format": "csv",
        "locale": "en",
        "conditions": [{"field": "name", "op": "contains", "value": "目标"}],
    }
    status, body = await reader.ask("POST", "/api/exports", wanted)
    assert status == 201, body
    await house.services.crm.exports.run(body["job"]["id"])
    async with reader.http.get(f"/api/exports/{body['job']['id']}/file") as answer:
        rows = list(csv.reader(io.StringIO((await answer.read()).decode("utf-8-sig"))))
    assert len(rows) == 2, rows
    return {CODES.get(title, title): each for title, each in zip(*rows, strict=True)}


CODES = {"Secret": "custom.secret_no"}


async def test_quick_search_does_not_try_what_is_hidden(
    house: House, reader: Browser, marked: Marked
):
    for field, typed in (("phones", "13711223344"), ("phones", "3344"), ("code", "SECRET-CODE")):
        await hide(house)
        _, found = await reader.ask("GET", f"/api/customers?q={typed}")
        assert [each["id"] for each in found["items"]] == [marked.customer_id]
        await hide(house, f"customer.{field}")
        assert (await reader.ask("GET", f"/api/customers?q={typed}"))[1]["items"] == []


async def test_who_is_alike_is_not_found_by_what_is_hidden(
    house: House, reader: Browser, marked: Marked
):
    crm = house.services.crm
    same = {
        "email": NewCustomer(name="甲", email="secret@example.com"),
        "addresses": NewCustomer(name="乙", addresses=({"detail": "秘密路"},)),
    }
    path = f"/api/customers/{marked.customer_id}/duplicates"
    for field, new in same.items():
        twin = (await crm.customers.create(SYSTEM, new)).id
        await hide(house)
        items = (await reader.ask("GET", path))[1]["items"]
        assert twin in {each["id"] for each in items}
        await hide(house, f"customer.{field}")
        items = (await reader.ask("GET", path))[1]["items"]
        assert twin not in {each["id"] for each in items}


async def test_a_lead_does_not_tell_whose_number_it_has(
    house: House, reader: Browser, marked: Marked
):
    for fields, known in (((), marked.customer_id), (("customer.phones",), None)):
        await hide(house, *fields)
        assert (await reader.ask("GET", "/api/leads/1"))[1]["known_as"] == known


async def test_the_trail_is_not_searched_for_what_is_hidden(
    house: House, reader: Browser, marked: Marked
):
    for field, typed in (("note", "秘密备注"), ("addresses", "秘密路")):
        await hide(house)
        assert (await reader.ask("GET", f"/api/audit?q={typed}"))[1]["items"] == []
        await with_scope_all(house)
        assert (await reader.ask("GET", f"/api/audit?q={typed}"))[1]["items"]
        await with_scope_all(house, f"customer.{field}")
        assert (await reader.ask("GET", f"/api/audit?q={typed}"))[1]["items"] == []


async def with_scope_all(house: House, *fields: str) -> None:
    await hide(house, *fields)
    async with house.services.database.begin() as session:
        await session.execute(text("UPDATE roles SET scope = 'all' WHERE code = 'supervisor'"))


async def test_the_board_shows_no_hidden_level(house: House, reader: Browser, marked: Marked):
    for fields, shown in (((), True), (("customer.level",), False)):
        await hide(house, *fields)
        record = house.call()
        house.queue(record)
        page = await reader.open("board")
        state = await page.until(
            lambda state, call_id=record.call_id: state["waiting"].get(call_id)
        )
        if shown:
            await page.until(
                lambda state, call_id=record.call_id: state["waiting"][call_id]["level"]
            )
        else:
            assert state["waiting"][record.call_id]["level"] is None
        record.end("abandoned")
        await page.socket.close()
