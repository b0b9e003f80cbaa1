"""A colleague's customer, and a record of every kind that tells of it."""

from typing import Any

from crm_core.customers.fields import NewCustomer
from crm_core.rights import SYSTEM
from tests.webui.customer_records import Whose, Words, records_of
from tests.webui.web_house import House

SECRET, PHONE = "别人家的客户", "13655550001"
WORDS = Words(text=SECRET, phone=PHONE, address=SECRET, person=SECRET)


async def records_of_a_colleague(house: House) -> dict[str, Any]:
    """Their ids by their place in a route's path."""
    crm, colleague = house.services.crm, house.ids["agent2"]
    new = {"name": SECRET, "phones": [PHONE], "level_code": "city", "salesperson_id": colleague}
    customer = (await crm.customers.create(SYSTEM, NewCustomer.model_validate(new))).id
    return await records_of(house, Whose(customer, colleague, WORDS))
