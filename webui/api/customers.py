"""Customers: found, looked at, entered during the call."""

from typing import Annotated

from pydantic import Field

from crm_core.customers.cards import CustomerCard, CustomerHit
from crm_core.customers.service import NewCustomer
from crm_core.errors import Invalid
from crm_core.rights import Right
from webui.asked import Asked, CallId, Model, Nothing, Text, checked
from webui.board import facts_of
from webui.cards import LAST_ORDERS
from webui.present import Card, customer_view, masked_text
from webui.routing import NUMBER, Route, needs
from webui.views import CustomerView, View


class CustomerSearch(Model):
    q: Annotated[Text, Field(max_length=100)] = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class WantedCustomer(Model):
    """Without `phone` the number of the call is taken, which its reader may not be able to see."""

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    phone: Annotated[Text, Field(max_length=32)] | None = None
    call_id: CallId | None = None
    email: Annotated[Text, Field(max_length=200)] | None = None
    address: Annotated[Text, Field(max_length=300)] | None = None
    note: Annotated[Text, Field(max_length=2000)] | None = None


class CustomerItem(View):
    id: int
    name: str
    level_code: str
    number: str | None
    province: str | None
    city: str | None


class CustomerList(View):
    items: tuple[CustomerItem, ...]


class CustomerAnswer(View):
    customer: CustomerView


async def search(asked: Asked[Nothing, CustomerSearch]) -> CustomerList:
    """Customers by a part of the name or of a number."""
    found = await asked.services.crm.customers.search(asked.query.q, asked.query.limit)
    return CustomerList(items=tuple(_item(hit, asked) for hit in found))


async def show(asked: Asked[Nothing, Nothing]) -> CustomerAnswer:
    """One customer with the latest orders."""
    return await _answer(asked, await asked.services.crm.customers.get(int(asked.id)))


async def create(asked: Asked[WantedCustomer, Nothing]) -> CustomerAnswer:
    """Enter a customer; with `call_id` the call and its pop know the customer from then on."""
    wanted = asked.body
    phone = wanted.phone or _caller(asked)
    given = wanted.model_dump(include={"name", "email", "address", "note"}, exclude_none=True)
    new = checked(
        NewCustomer, {key: value for key, value in given.items() if value} | _phones(phone)
    )
    card = await asked.services.crm.customers.create(asked.principal, new)
    if wanted.call_id is not None:
        asked.door.live.link_customer(wanted.call_id, card)
    return await _answer(asked, card)


def _phones(phone: str | None) -> dict[str, tuple[str, ...]]:
    if phone is None:
        raise Invalid("A customer needs a telephone number.", fields={"phone": "missing"})
    return {"phones": (phone,)}


def _caller(asked: Asked[WantedCustomer, Nothing]) -> str | None:
    call_id = asked.body.call_id
    if call_id is None:
        return None
    call = facts_of(asked.services.acd, call_id) or asked.door.live.shown(call_id)
    return call.caller if call else None


async def _answer(asked: Asked[Model, Nothing], customer: CustomerCard) -> CustomerAnswer:
    orders = await asked.services.orders.last_orders(customer.id, LAST_ORDERS)
    return CustomerAnswer(customer=customer_view(Card(customer, orders), asked.principal.rights))


def _item(hit: CustomerHit, asked: Asked[Nothing, CustomerSearch]) -> CustomerItem:
    return CustomerItem(
        id=hit.id,
        name=hit.name,
        level_code=hit.level_code,
        number=masked_text(hit.number, asked.principal.rights),
        province=hit.province,
        city=hit.city,
    )


ROUTES = (
    Route(
        "GET",
        "/api/customers",
        search,
        needs(Right.CUSTOMER_VIEW),
        query=CustomerSearch,
        answer=CustomerList,
    ),
    Route(
        "GET",
        f"/api/customers/{NUMBER}",
        show,
        needs(Right.CUSTOMER_VIEW),
        answer=CustomerAnswer,
    ),
    Route(
        "POST",
        "/api/customers",
        create,
        needs(Right.CUSTOMER_EDIT),
        WantedCustomer,
        answer=CustomerAnswer,
        status=201,
    ),
)
