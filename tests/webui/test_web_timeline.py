"""A customer's history page by page: whatever happened at the same time, nothing is lost and nothing told twice."""

from collections import Counter

import pytest
from sqlalchemy import text

from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.rights import SYSTEM
from tests.webui.web_house import House

AT_ONCE = (
    "UPDATE customer_moves SET at = :at",
    "UPDATE todos SET created_at = :at",
    "UPDATE complaint_steps SET at = :at",
    "UPDATE opportunity_moves SET at = :at",
    "UPDATE quotes SET created_at = :at",
    "UPDATE calls SET started_at = :at",
)
CALLS = """
INSERT INTO calls (id, node, linkedid, direction, did, menu_path, customer_id, outcome, steps, started_at, ended_at)
SELECT lpad(to_hex(n), 32, '0'), 'n', n::text, 'inbound', '400', '[]', :customer, 'answered', 0, now(), now()
  FROM generate_series(1, 7) n
"""


@pytest.fixture(scope="module")
async def busy(house: House) -> int:
    """A customer to whom several things of every kind happened, all at the same time."""
    customers = CustomerService(house.services.database)
    made = await customers.create(SYSTEM, NewCustomer(name="同时", phones=("13711119001",)))
    for level in ("retailer", "city", "retailer"):
        card = await customers.get(SYSTEM, made.id)
        await customers.update(SYSTEM, card.id, card.version, CustomerFields(level_code=level))
    wanted = {
        "/api/todos": {"title": "回访", "due_at": "2100-01-01T00:00:00Z"},
        "/api/complaints": {"category_code": "delivery_late", "description": "晚了"},
        "/api/opportunities": {"title": "中秋", "amount": "800"},
        "/api/quotes": {"lines": [{"sku": "A1", "quantity": 1}], "valid_until": "2199-01-01"},
    }
    async with house.browser("supervisor") as boss:
        for path, body in wanted.items():
            for _ in range(3):
                status, answer = await boss.ask("POST", path, body | {"customer_id": made.id})
                assert status == 201, answer
    async with house.services.database.begin() as session:
        await session.execute(text(CALLS), {"customer": made.id})
        now = await session.scalar(text("SELECT now()"))
        for statement in AT_ONCE:
            await session.execute(text(statement), {"at": now})
    return made.id


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
async def test_page_by_page_every_entry_is_told_once(house: House, busy: int, limit: int):
    async with house.browser("supervisor") as boss:
        told, after = [], ""
        while after is not None:
            more = {"after": after} if after else {}
            status, page = await boss.ask(
                "GET",
                f"/api/customers/{busy}/timeline",
                params={"limit": str(limit)} | more,
            )
            assert status == 200, page
            assert len(page["items"]) <= limit
            told += page["items"]
            after = page["after"]
    kinds = Counter(each["kind"] for each in told)
    assert kinds == {
        "customer.move": 3, "todo.created": 3, "complaint.open": 3, "opportunity.moved": 3,
        "quote.created": 3, "call.inbound": 7,
    }  # fmt: skip
    for kind in ("todo.created", "complaint.open", "quote.created", "call.inbound"):
        assert len({e["reference"] for e in told if e["kind"] == kind}) == kinds[kind]


async def test_a_page_that_nobody_gave_is_refused(house: House, busy: int):
    async with house.browser("supervisor") as boss:
        for after in ("x", "|a|b", "9999-01-01T00:00:00Z|a|b"):
            status, body = await boss.ask(
                "GET", f"/api/customers/{busy}/timeline", params={"after": after}
            )
            assert (status, body["error"]["code"]) == (422, "invalid")
