"""Fields of leads, opportunities, applications, complaints, quotes and orders that a role can be kept from, each tried with
each limit: hidden it stands in no answer and not in the audit trail, and neither hidden nor read only is it written.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from crm_core.customers.fields import NewCustomer
from crm_core.people.roles import RoleContent
from crm_core.rights import SYSTEM, Access, Right
from orders.stock.documents.commands import NewReceipt
from tests.webui.hidden_customer import blinded
from tests.webui.hidden_questions import CALL_BOUND, Question, answered, paths
from tests.webui.web_house import PASSWORD, ROLES, Browser, House, on_screen
from webui.sight import hideable_fields

FIELDS = sorted(each for each in hideable_fields() if not each.startswith("customer."))
PHONE = "13711223355"
APPLICANT = "13711223388"
MARKS: Mapping[str, tuple[str, ...]] = {
    "complaint.compensation": ("秘密补偿",),
    "complaint.description": ("秘密诉求",),
    "complaint.resolution": ("秘密处理",),
    "complaint.satisfaction": ('"satisfaction":4', '"after":4}'),
    "dealer_application.city": ("秘密申市",),
    "dealer_application.level_code": ('"county"',),
    "dealer_application.note": ("秘密申注",),
    "dealer_application.phone": (APPLICANT,),
    "dealer_application.province": ("秘密申省",),
    "dealer_application.reason": ("秘密拒辞",),
    "lead.city": ("秘密线市",),
    "lead.interest": ("秘密意向",),
    "lead.known_as": ('"known_as":3',),
    "lead.lost_reason": ("秘密败因",),
    "lead.note": ("秘密线注",),
    "lead.phone": (PHONE, '"same_number":[2]', '"known_as":3'),
    "lead.province": ("秘密线省", '"suggestions":[{'),
    "lead.suggestions": ('"suggestions":[{',),
    "opportunity.amount": ("7654.32", '"weighted":"'),
    "opportunity.close_on": ("2031-03-07",),
    "opportunity.lost_reason": ("秘密输因",),
    "opportunity.note": ("秘密机注",),
    "order.address": ("秘密单址", '"consignee":{'),
    "order.cost": ('"cost":"', '"margin":"'),
    "order.discount": ('"discount":"3.21"', '"unit_price":"', '"line_total":"', "秘密折扣"),
    "order.margin": ('"cost":"', '"margin":"'),
    "order.note": ("秘密单注", "秘密词"),
    "quote.discount_percent": ('"discount_percent":"', '"own_price":"'),
    "quote.note": ("秘密价注",),
    "quote.rejected_reason": ("秘密拒因",),
}
"""What tells of a field, by itself or because it gives it away."""
STANDS_AT = {
    "dealer_application": ("/api/dealer-applications", "/api/audit"),
    "opportunity": ("/api/opportunities", "/api/audit", "/api/customers/"),
    "lead": ("/api/leads", "/api/audit"),
    "complaint": ("/api/complaints", "/api/audit", "/api/customers/"),
    "order": ("/api/orders", "/api/audit"),
    "quote": ("/api/quotes", "/api/audit"),
}
"""Where marks are looked for; the same words may tell of another record elsewhere, such as a customer's number."""
_LINES = [{"sku": "A1", "quantity": 1}]
_OFFER = {"lines": [{"sku": "A1", "quantity": 1}], "valid_until": "2199-01-01"}
_OFF = {"lines": [{"sku": "A1", "quantity": 1, "discount_percent": "2"}], "valid_until": "2199-01-01"}  # fmt: skip
_COMPLAINT = {"category_code": "delivery_late", "description": "迟"}
_CONSIGNEE = {
    "recipient": "张三", "phone": "13711223366", "province": "天津市", "city": "天津市",
    "district": "和平区", "street": "南京路1号", "version": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Write:
    """`body` without the version, which is read at `at`; `of` the name of the customer's id in the body."""

    method: str
    path: str
    body: dict[str, object]
    at: str = ""


def _lead(**field: object) -> tuple[Write, ...]:
    return (
        Write("POST", "/api/leads", {"name": "新"} | field),
        Write("PATCH", "/api/leads/3", field, at="lead"),
    )


def _application(**field: object) -> tuple[Write, ...]:
    new = {"name": "新", "phone": "13711223399", "level_code": "city"}
    return (
        Write("PATCH", "/api/dealer-applications/2", field, at="application"),
        Write("POST", "/api/dealer-applications", new | field),
    )


def _opportunity(**field: object) -> tuple[Write, ...]:
    return (
        Write("POST", "/api/opportunities", {"customer_id": 3, "title": "新"} | field),
        Write("PATCH", "/api/opportunities/2", field, at="opportunity"),
    )


def _conversion(**field: object) -> tuple[Write, ...]:
    return (Write("POST", "/api/leads/3/convert", {"title": "新"} | field, at="lead"),)


def _quote(**field: object) -> tuple[Write, ...]:
    return (
        Write("POST", "/api/quotes", {"customer_id": 3} | _OFFER | field),
        Write("POST", "/api/quotes/2/revise", _OFFER | field),
    )


def _order(**field: object) -> tuple[Write, ...]:
    return (
        Write("POST", "/api/orders", {"customer_id": 3, "lines": _LINES} | field),
        Write("PUT", "/api/orders/1", {"lines": _LINES} | field, at="order"),
    )


WRITES: Mapping[str, tuple[Write, ...]] = {
    "complaint.compensation": (
        Write("POST", "/api/complaints/2/resolve", {"resolution": "a", "compensation": "b"}, at="complaint"),
    ),
    "complaint.description": (
        Write("POST", "/api/complaints", {"customer_id": 3} | _COMPLAINT),
        Write("PATCH", "/api/complaints/2", {"description": "新"}, at="complaint"),
    ),
    "complaint.resolution": (
        Write("POST", "/api/complaints/2/resolve", {"resolution": "a"}, at="complaint"),
        Write("POST", "/api/complaints/2/reject", {"reason": "a"}, at="complaint"),
    ),
    "complaint.satisfaction": (
        Write("POST", "/api/complaints/3/close", {"satisfaction": 2}, at="complaint"),
    ),
    "dealer_application.city": _application(city="北京"),
    "dealer_application.level_code": _application(level_code="city"),
    "dealer_application.note": _application(note="新"),
    "dealer_application.phone": _application(phone="13711223377"),
    "dealer_application.province": _application(province="北京"),
    "dealer_application.reason": (
        Write("POST", "/api/dealer-applications/2/refuse", {"reason": "新"}, at="application"),
    ),
    "lead.city": _lead(city="北京"),
    "lead.interest": _lead(interest="新"),
    "lead.known_as": (),
    "lead.lost_reason": (Write("POST", "/api/leads/3/lose", {"reason": "新"}, at="lead"),),
    "lead.note": _lead(note="新"),
    "lead.phone": _lead(phone="13711223377"),
    "lead.province": _lead(province="北京"),
    "lead.suggestions": (),
    "opportunity.amount": (*_opportunity(amount="5"), *_conversion(amount="5")),
    "opportunity.close_on": (
        *_opportunity(close_on="2032-01-01"),
        *_conversion(close_on="2032-01-01"),
    ),
    "opportunity.lost_reason": (
        Write(
            "POST", "/api/opportunities/2/move", {"stage_code": "lost", "lost_reason": "新"}, at="opportunity"
        ),
    ),
    "opportunity.note": _opportunity(note="新"),
    "order.address": (
        *_order(address="新"),
        Write("PUT", "/api/orders/1/consignee", _CONSIGNEE),
    ),
    "order.cost": (),
    "order.discount": _order(coupon_codes=["ABCDEFGHJKLM"])[:1],
    "order.margin": (),
    "order.note": _order(note="新"),
    "quote.discount_percent": _quote(lines=[_LINES[0] | {"discount_percent": "3"}]),
    "quote.note": _quote(note="新"),
    "quote.rejected_reason": (Write("POST", "/api/quotes/2/reject", {"reason": "新"}),),
}  # fmt: skip
"""How a field is written; nothing for what follows from others. Order's coupons are a discount."""


@pytest.fixture(scope="module")
async def clerk(house: House) -> AsyncIterator[Browser]:
    """Somebody with every right, who sees every customer."""
    async with Browser(house.server.address) as browser:
        await browser.ask("POST", "/api/session", {"login": "supervisor", "password": PASSWORD})
        yield browser


async def limit(house: House, fields: Mapping[str, Access]) -> None:
    """From the clerk's next request he is kept from these fields, and from no others."""
    roles = house.services.crm.roles
    (role,) = [each for each in await roles.all(SYSTEM) if each.code == "supervisor"]
    content = RoleContent(name_zh="班", name_en="S", rights=frozenset(Right), fields=dict(fields))
    await roles.change(SYSTEM, "supervisor", role.version, content)


async def done(browser: Browser, method: str, path: str, body: object, **more: Any) -> Any:
    status, answer = await browser.ask(method, path, body, **more)
    assert status in (200, 201, 204), (path, answer)
    return answer


async def insert_records(house: House, clerk: Browser) -> None:
    """Of each kind one that tells everything, and open ones to write to. The customer is number 3."""
    crm = house.services.crm
    await crm.customers.create(
        SYSTEM, NewCustomer(name="省代理", territories=({"province": "秘密线省"},))
    )
    known = await crm.customers.create(SYSTEM, NewCustomer(name="目标客户", phones=(PHONE,)))
    assert known.id == 3
    goods = NewReceipt(lines=({"sku": "A1", "quantity": 1, "unit_cost": "6.00"},))
    await house.services.trade.stock_documents.receive(SYSTEM, "stock that cost", goods)
    lead = {
        "name": "线索", "phone": PHONE, "province": "秘密线省", "city": "秘密线市",
        "interest": "秘密意向", "note": "秘密线注",
    }  # fmt: skip
    known = {"name": "同号", "phone": PHONE, "interest": "秘密意向"}
    for each in (lead, known, {"name": "可写"}):
        await done(clerk, "POST", "/api/leads", each)
    await done(clerk, "POST", "/api/leads/1/lose", {"version": 1, "reason": "秘密败因"})
    hoped = {
        "customer_id": 3, "title": "商机", "note": "秘密机注", "amount": "7654.32", "close_on": "2031-03-07",
    }  # fmt: skip
    for _ in range(2):
        await done(clerk, "POST", "/api/opportunities", hoped)
    lost = {"version": 1, "stage_code": "lost", "lost_reason": "秘密输因"}
    await done(clerk, "POST", "/api/opportunities/1/move", lost)
    applied = {
        "name": "申请人", "phone": APPLICANT, "level_code": "county", "province": "秘密申省",
        "city": "秘密申市", "note": "秘密申注",
    }  # fmt: skip
    for each in (applied, {"name": "待批", "phone": "13711223300", "level_code": "city"}):
        await done(clerk, "POST", "/api/dealer-applications", each)
    refused = {"version": 1, "reason": "秘密拒辞"}
    await done(clerk, "POST", "/api/dealer-applications/1/refuse", refused)
    complaint = _COMPLAINT | {"customer_id": 3}
    for each in (complaint | {"description": "秘密诉求"}, complaint, complaint):
        await done(clerk, "POST", "/api/complaints", each)
    for number in (1, 2, 3):
        await done(clerk, "POST", f"/api/complaints/{number}/take", {})
    settled = {"version": 2, "resolution": "秘密处理", "compensation": "秘密补偿"}
    await done(clerk, "POST", "/api/complaints/1/resolve", settled)
    await done(clerk, "POST", "/api/complaints/1/close", {"version": 3, "satisfaction": 4})
    await done(clerk, "POST", "/api/complaints/3/resolve", {"version": 2, "resolution": "好"})
    offer = {"customer_id": 3, "note": "秘密价注"}
    for _ in range(2):
        await done(clerk, "POST", "/api/quotes", offer | _OFF)
    await done(clerk, "POST", "/api/quotes/1/reject", {"reason": "秘密拒因"})
    order = {"customer_id": 3, "lines": _LINES, "address": "秘密单址", "note": "秘密单注"}
    await done(clerk, "POST", "/api/orders", order, headers={"Idempotency-Key": "fields-1"})
    changed = {"version": 1, **order, "lines": [{"sku": "A1", "quantity": 2}]}
    del changed["customer_id"]
    await done(clerk, "PUT", "/api/orders/1", changed)
    why = [
        {"code": "review_note_words", "params": {"words": "秘密词"}},
        {"code": "review_discount_over", "params": {"off": "秘密折扣"}},
    ]
    async with house.services.database.begin() as session:
        await session.execute(
            text("UPDATE orders SET discount = 3.21, review_why = CAST(:why AS jsonb)"),
            {"why": json.dumps(why)},
        )


@pytest.fixture(scope="module")
async def shown(house: House, clerk: Browser) -> AsyncIterator[dict[str, str]]:
    """What the routes answer with nothing hidden; the number of the leads is on the clerk's screen."""
    await limit(house, {})
    await insert_records(house, clerk)
    async with on_screen(house, "supervisor", PHONE) as call_id:
        yield await told(house, clerk, call_id)


async def told(house: House, clerk: Browser, call_id: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in (
        *paths(house, {"customers": 3, "calls": "0" * 32, "on_screen": call_id}),
        "/api/leads?scope=all",
        "/api/complaints/1",
        "/api/complaints/1/steps",
        "/api/complaints/report?since=2026-01-01T00:00:00Z&until=2027-12-31T00:00:00Z&by=state",
        "/api/customers/3/timeline",
        *(f"/api/audit?entity={each}&limit=200" for each in STANDS_AT),
    ):
        status, body = await answered(clerk, Question("GET", path))
        if status == 200:
            found[path] = body
    return found


def marked(field: str, path: str, body: str) -> list[str]:
    entity = field.partition(".")[0]
    if not path.startswith(STANDS_AT[entity]):
        return []
    if path.startswith("/api/audit") and entity not in path:
        return []
    return [mark for mark in MARKS[field] if mark in body]


def test_what_is_bound_to_a_call_is_tried_with_one_on_the_screen(shown: dict[str, str]):
    assert {path.partition("?")[0] for path in shown} >= set(CALL_BOUND)


def test_every_field_is_tried():
    assert set(FIELDS) == MARKS.keys() == WRITES.keys()


@pytest.mark.parametrize("field", FIELDS)
async def test_without_limits_a_field_is_shown(shown: dict[str, str], field: str):
    seen = {mark for path, body in shown.items() for mark in marked(field, path, body)}
    assert seen == set(MARKS[field])


@pytest.mark.parametrize("field", FIELDS)
async def test_a_hidden_field_stands_in_no_answer(
    house: House, clerk: Browser, shown: dict[str, str], field: str
):
    await limit(house, {field: Access.HIDDEN})
    for path, body in shown.items():
        if marked(field, path, body):
            status, now = await answered(clerk, Question("GET", path))
            assert status in (200, 403), now
            assert marked(field, path, now) == [], path


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_sees_anywhere_what_it_is_kept_from(
    house: House, shown: dict[str, str], role: str
):
    told = {
        path for path, body in shown.items() if any(marked(each, path, body) for each in FIELDS)
    }
    async with blinded(house, role, FIELDS) as browser:
        for path in sorted(told):
            status, now = await answered(browser, Question("GET", path))
            assert status in (200, 403, 404), (path, now)
            seen = now if status == 200 else ""
            assert [each for each in FIELDS if marked(each, path, seen)] == [], path


@pytest.mark.parametrize("field", FIELDS)
async def test_a_field_that_is_only_read_is_shown(
    house: House, clerk: Browser, shown: dict[str, str], field: str
):
    await limit(house, {field: Access.READ})
    for path, body in shown.items():
        if wanted := marked(field, path, body):
            assert (
                marked(field, path, (await answered(clerk, Question("GET", path)))[1]) == wanted
            ), path


@pytest.mark.parametrize("access", [Access.HIDDEN, Access.READ])
@pytest.mark.parametrize("field", [each for each in FIELDS if WRITES[each]])
async def test_a_field_that_is_hidden_or_only_read_is_not_written(
    house: House, clerk: Browser, shown: dict[str, str], field: str, access: Access
):
    for write in WRITES[field]:
        body = await versioned(house, clerk, write)
        await limit(house, {field: access})
        headers = {"Idempotency-Key": f"fields-{field}"} if write.path == "/api/orders" else {}
        status, answer = await clerk.ask(write.method, write.path, body, headers=headers)
        assert (status, answer["error"]["code"]) == (403, "forbidden"), (write, answer)
        assert list(answer["error"]["fields"]) == [field.partition(".")[2]], (write, answer)


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_writes_what_it_is_kept_from(
    house: House, clerk: Browser, shown: dict[str, str], role: str
):
    wanted = [
        (write, await versioned(house, clerk, write)) for field in FIELDS for write in WRITES[field]
    ]
    async with blinded(house, role, FIELDS) as browser:
        for number, (write, body) in enumerate(wanted):
            headers = {"Idempotency-Key": f"{role}-{number}"} if write.path == "/api/orders" else {}
            status, answer = await browser.ask(write.method, write.path, body, headers=headers)
            assert (status, answer["error"]["code"]) == (403, "forbidden"), (write, answer)


@pytest.mark.parametrize(
    "field",
    [each for each in FIELDS if WRITES[each] and each not in ("order.discount", "order.address")],
)
async def test_other_fields_are_written_all_the_same(
    house: House, clerk: Browser, shown: dict[str, str], field: str
):
    """Kept from every other field of the record, with what stands in the way of `field` itself left out."""
    entity = field.partition(".")[0]
    needed = {
        "complaint.compensation": {"complaint.resolution"},
        "lead.lost_reason": set(),
    }.get(field, set())
    others = {
        each: Access.READ
        for each in FIELDS
        if each.startswith(entity) and each != field and each not in needed
    }
    write = WRITES[field][0]
    if field == "complaint.resolution":
        others.pop("complaint.compensation")
    async with undone(house, write):
        body = await versioned(house, clerk, write)
        await limit(house, others)
        headers = {"Idempotency-Key": f"others-{field}"} if write.path == "/api/orders" else {}
        status, answer = await clerk.ask(write.method, write.path, body, headers=headers)
        assert status in (200, 201), (write, answer)


async def versioned(house: House, clerk: Browser, write: Write) -> dict[str, object]:
    await limit(house, {})
    if not write.at:
        return write.body
    path = "/".join(write.path.split("/")[:4])
    found = (await clerk.ask("GET", path))[1][write.at]
    return write.body | {"version": found["version"]}


@contextlib.asynccontextmanager
async def undone(house: House, write: Write) -> AsyncIterator[None]:
    """The record that is written to is open again afterwards."""
    yield
    async with house.services.database.begin() as session:
        for statement in (
            "UPDATE complaints SET state = 'in_progress', handled_at = NULL, closed_at = NULL WHERE id = 2",
            "UPDATE complaints SET state = 'resolved', closed_at = NULL, satisfaction = NULL WHERE id = 3",
            "UPDATE leads SET state = 'new', closed_at = NULL, lost_reason = NULL WHERE id = 3",
            "UPDATE opportunities SET stage_code = 'contact', closed_at = NULL, lost_reason = NULL WHERE id = 2",
            "UPDATE dealer_applications SET state = 'new', reason = NULL, decided_at = NULL WHERE id = 2",
            "UPDATE quotes SET state = 'open', decided_at = NULL, rejected_reason = NULL WHERE id = 2",
        ):
            await session.execute(text(statement))


async def test_a_person_s_data_is_given_to_nobody_from_whom_a_record_s_field_is_hidden(
    house: House, clerk: Browser, shown: dict[str, str]
):
    await limit(house, {})
    wanted = {"customer_id": 3, "kind": "access", "identified_by": "来函"}
    made = await done(clerk, "POST", "/api/privacy-requests", wanted)
    path = f"/api/privacy-requests/{made['request']['id']}/data"
    for field in ("opportunity.note", "lead.interest", "order.note"):
        await limit(house, {field: Access.HIDDEN})
        status, answer = await clerk.ask("POST", path, {})
        refused = {field.partition(".")[2]: "forbidden"}
        assert (status, answer["error"]["fields"]) == (403, refused)
    await limit(house, {})
    assert (await clerk.ask("POST", path, {}))[0] == 200


async def test_what_is_hidden_or_not_his_stays_when_an_order_is_changed(
    house: House, clerk: Browser, shown: dict[str, str]
):
    path, fields = "/api/orders/1", ("order.note", "order.address")
    for access, given, status in (
        (Access.HIDDEN, {}, 200),
        (Access.HIDDEN, {"note": None, "address": None}, 200),
        (Access.READ, {}, 200),
        (Access.READ, {"note": "秘密单注", "address": "秘密单址"}, 200),
        (Access.READ, {"note": None}, 403),
        (Access.READ, {"address": "别处"}, 403),
    ):
        await limit(house, {})
        version = (await clerk.ask("GET", path))[1]["order"]["version"]
        await limit(house, dict.fromkeys(fields, access))
        content = {"version": version, "lines": [{"sku": "A1", "quantity": version % 5 + 1}]}
        found, answer = await clerk.ask("PUT", path, content | given)
        assert found == status, (access, given, answer)
        await limit(house, {})
        order = (await clerk.ask("GET", path))[1]["order"]
        assert (order["note"], order["address"]) == ("秘密单注", "秘密单址")


async def test_a_quote_is_revised_at_its_discount_by_who_may_not_give_one(
    house: House, clerk: Browser, shown: dict[str, str]
):
    offer = {"customer_id": 3, "note": "秘密价注"} | _OFF
    await limit(house, {})
    made = (await clerk.ask("POST", "/api/quotes", offer))[1]["quote"]["id"]
    for access in (Access.HIDDEN, Access.READ):
        await limit(house, dict.fromkeys(("quote.note", "quote.discount_percent"), access))
        for refused in (_OFFER, {"lines": [_LINES[0] | {"discount_percent": "3"}]}):
            body = _OFF | refused
            assert (await clerk.ask("POST", f"/api/quotes/{made}/revise", body))[0] == 403
        status, answer = await clerk.ask("POST", f"/api/quotes/{made}/revise", _OFF)
        assert status == 200, answer
        made = answer["quote"]["id"]
    await limit(house, {})
    found = (await clerk.ask("GET", f"/api/quotes/{made}"))[1]
    assert found["quote"]["note"] == "秘密价注"
    assert found["lines"][0]["discount_percent"] == "2.00"


async def test_a_complaint_is_resolved_without_a_word_on_compensation_by_who_may_not_give_any(
    house: House, clerk: Browser, shown: dict[str, str]
):
    await limit(house, {})
    path = "/api/complaints/1"
    await done(clerk, "POST", f"{path}/reopen", {"version": 4, "reason": "又来"})
    await done(clerk, "POST", f"{path}/take", {})
    await limit(house, {"complaint.compensation": Access.HIDDEN})
    await done(clerk, "POST", f"{path}/resolve", {"version": 6, "resolution": "秘密处理"})
    await limit(house, {})
    assert (await clerk.ask("GET", path))[1]["complaint"]["compensation"] == "秘密补偿"


async def test_a_price_that_is_asked_for_tells_no_hidden_discount(
    house: House, clerk: Browser, shown: dict[str, str]
):
    wanted = {"customer_id": 3, "lines": _LINES}
    for fields, there in (({}, True), ({"order.discount": Access.HIDDEN}, False)):
        await limit(house, fields)
        quoted = await done(clerk, "POST", "/api/orders/quote", wanted)
        line = quoted["lines"][0]
        assert (quoted["discount"] is not None) == there
        assert all((line[name] is not None) == there for name in ("unit_price", "line_total"))
        assert bool(line["why"]) == there
        assert quoted["total"] is not None


async def test_a_limit_on_a_field_that_is_not_there_is_refused_with_those_that_are(
    house: House, clerk: Browser
):
    role = {"code": "typo", "name_zh": "错", "name_en": "T", "rights": []}
    async with house.browser("admin") as admin:
        await admin.ask(
            "POST",
            "/api/custom-fields",
            {"code": "shop_size", "type": "text", "label_zh": "面积", "label_en": "Size"},
        )
        for wrong, named in (
            ("customer.custom.shop_sise", "customer.custom.shop_size"),
            ("complaint.compensations", "complaint.compensation"),
            ("orders.cost", "order.cost"),
        ):
            body = role | {"fields": {wrong: "hidden"}}
            status, answer = await admin.ask("POST", "/api/roles", body)
            assert (status, answer["error"]["fields"]) == (422, {wrong: "unknown"}), answer
            assert named in answer["error"]["message"]
        there = {"customer.custom.shop_size": "hidden", "customer.custom": "read"}
        assert (await admin.ask("POST", "/api/roles", role | {"fields": there}))[0] == 201
        known = (await admin.ask("GET", "/api/roles"))[1]["known_fields"]
        assert {"customer.custom.shop_size", *FIELDS} <= set(known)
