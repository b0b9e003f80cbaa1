"""Nobody finds anything by a field that is hidden from them."""

import pytest
from sqlalchemy import text

from crm_core.customers.criteria import FIELDS
from crm_core.customers.fields import NewCustomer
from crm_core.rights import SYSTEM
from tests.webui.hidden_customer import Marked, hide
from tests.webui.hidden_marks import HIDEABLE
from tests.webui.web_house import Browser, House

SEARCHED_BY = {
    "addresses": {"addresses", "address_phones"},
    "birthday": {"birthday", "birthday_month"},
    "contacts": {"contacts"},
    "credit_limit": {"credit_limit", "credit_available", "warning"},
    "credit_used": {"credit_used", "credit_available", "warning"},
    "credit_overdue": {"credit_overdue", "warning"},
    "custom": {"custom.secret_no"},
    "insight": {"grade", "segment", "warning", "last_order", "last_contact"},
    "last_orders": {"last_order"},
    "parent": {"parent", "under"},
    "phones": {"phones", "address_phones"},
    "salesperson": {"salesperson", "unit"},
}
"""The fields of a search that tell of a hidden one, where it is not that one alone."""


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
