"""Suppliers, what is owed to them, and the accounts of customers who pay by the month."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from crm_core.rights import Right
from orders.settlement.accounts.statement import AccountQuery
from orders.settlement.commands import ChargeQuery, NewCharge, PutSupplier
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, NUMBER, Route, needs
from webui.views import View


class WantedSupplier(PutSupplier, Model):
    """A supplier's record."""


class WantedCharge(NewCharge, Model):
    """A delivery note, goods that went back, or a rebate."""


class ChargeSearch(ChargeQuery, Model):
    """Which charges to list."""


class AccountSearch(AccountQuery, Model):
    """Which days."""


class SupplierItem(View):
    code: str
    name_zh: str
    name_en: str
    active: bool
    version: int


class SupplierList(View):
    items: tuple[SupplierItem, ...]


class SupplierAnswer(View):
    supplier: SupplierItem


class ChargeItem(View):
    id: int
    supplier_code: str
    kind: str
    reference: str
    amount: Decimal
    happened_at: datetime
    booked_at: datetime
    booked_by: int | None
    note: str | None
    settlement_id: int | None


class ChargeList(View):
    items: tuple[ChargeItem, ...]


class ChargeAnswer(View):
    charge: ChargeItem


class MovementItem(View):
    at: datetime
    kind: str
    number: str
    amount: Decimal


class OpenOrderItem(View):
    """By the customer's terms it is due on a day, and overdue since some."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = dict.fromkeys(
        ("due_on", "days_over"), ("payment_terms", "credit_overdue")
    )

    number: str
    delivered_at: datetime
    due_on: date | None = None
    total: Decimal
    paid: Decimal
    days_over: int | None = None


class CustomerAccountAnswer(View):
    """`opening` + `delivered` − `paid` = `closing`; open orders and what is overdue are as of now."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {"overdue": "credit_overdue"}

    customer_id: int
    begins: date
    ends: date
    opening: Decimal
    delivered: Decimal
    paid: Decimal
    closing: Decimal
    overdue: Decimal | None = None
    movements: tuple[MovementItem, ...]
    open_orders: tuple[OpenOrderItem, ...]


async def listed(asked: Asked[Nothing, Nothing]) -> SupplierList:
    """All suppliers."""
    found = await asked.services.trade.suppliers.list(asked.principal)
    return SupplierList(items=tuple(map(SupplierItem.model_validate, found)))


async def put(asked: Asked[WantedSupplier, Nothing]) -> SupplierAnswer:
    """Enter a supplier, or change one."""
    done = await asked.services.trade.suppliers.put(asked.principal, asked.id, asked.body)
    return SupplierAnswer(supplier=SupplierItem.model_validate(done))


async def charges(asked: Asked[Nothing, ChargeSearch]) -> ChargeList:
    """What suppliers are owed for, the newest first."""
    found = await asked.services.trade.suppliers.charges(asked.principal, asked.query)
    return ChargeList(items=tuple(map(ChargeItem.model_validate, found)))


async def charge(asked: Asked[WantedCharge, Nothing]) -> ChargeAnswer:
    """Enter what a supplier is owed for; each of its references counts once."""
    made = await asked.services.trade.suppliers.charge(asked.principal, asked.body)
    return ChargeAnswer(charge=ChargeItem.model_validate(made))


async def account(asked: Asked[Nothing, AccountSearch]) -> CustomerAccountAnswer:
    """What a customer on account was delivered, has paid and owes."""
    found = await asked.services.trade.accounts.of_customer(
        asked.principal, int(asked.id), asked.query
    )
    return CustomerAccountAnswer.model_validate(found)


_VIEW, _MANAGE = needs(Right.SETTLEMENT_VIEW), needs(Right.SETTLEMENT_MANAGE)
_CHARGES = "/api/supplier-charges"
_ACCOUNT = f"/api/customers/{NUMBER}/account"

ROUTES = (
    Route("GET", "/api/suppliers", listed, _VIEW, answer=SupplierList),
    Route("PUT", f"/api/suppliers/{CODE}", put, _MANAGE, WantedSupplier, answer=SupplierAnswer),
    Route("GET", _CHARGES, charges, _VIEW, query=ChargeSearch, answer=ChargeList),
    Route(
        "POST", _CHARGES, charge, _MANAGE, WantedCharge, answer=ChargeAnswer, status=201, once=True
    ),
    Route(
        "GET",
        _ACCOUNT,
        account,
        needs(Right.PAYMENT_VIEW),
        query=AccountSearch,
        answer=CustomerAccountAnswer,
    ),
)
