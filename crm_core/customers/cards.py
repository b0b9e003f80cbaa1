"""The customer's record as people see it, and the queries that read it.

Rule: a card is read in one statement whatever it shows; the main number comes first.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, String, bindparam, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.sql.selectable import ScalarSelect

from crm_core.customers.tables import Customer, CustomerPhone, Level, PricePolicy
from crm_core.people.tables import User
from crm_core.statement import Statement


@dataclass(frozen=True, slots=True)
class LevelView:
    code: str
    name_zh: str
    name_en: str
    is_vip: bool


@dataclass(frozen=True, slots=True)
class PricePolicyView:
    code: str
    name_zh: str
    name_en: str
    discount: Decimal


@dataclass(frozen=True, slots=True)
class Salesperson:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Phone:
    number: str
    is_main: bool


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """Everything about a customer but the orders."""

    id: int
    name: str
    level: LevelView
    price_policy: PricePolicyView
    credit_limit: Decimal
    credit_used: Decimal
    credit_overdue: Decimal
    credit_available: Decimal
    salesperson: Salesperson | None
    email: str | None
    address: str | None
    language: str | None
    note: str | None
    area_code: str | None
    province: str | None
    city: str | None
    parent_id: int | None
    parent_name: str | None
    phones: tuple[Phone, ...]
    version: int


@dataclass(frozen=True, slots=True)
class CustomerHit:
    """A line of a search's result."""

    id: int
    name: str
    level_code: str
    number: str | None
    province: str | None
    city: str | None


_NUMBER_PART = re.compile(r"[+(]?[0-9][0-9 ()-]*")
_Parent = aliased(Customer)


def _phones_as(column: InstrumentedAttribute[Any]) -> ScalarSelect[Any]:
    """An array of the customer's telephones, the main one first."""
    in_order = aggregate_order_by(column, CustomerPhone.is_main.desc(), CustomerPhone.number)
    return (
        select(func.array_agg(in_order))
        .where(CustomerPhone.customer_id == Customer.id)
        .scalar_subquery()
    )


_CARD = Statement.of(
    select(
        Customer.id,
        Customer.name,
        Customer.credit_limit,
        Customer.credit_used,
        Customer.credit_overdue,
        Customer.salesperson_id,
        Customer.email,
        Customer.address,
        Customer.language,
        Customer.note,
        Customer.area_code,
        Customer.province,
        Customer.city,
        Customer.parent_id,
        Customer.version,
        Level.code.label("level_code"),
        Level.name_zh.label("level_zh"),
        Level.name_en.label("level_en"),
        Level.is_vip,
        PricePolicy.code.label("policy_code"),
        PricePolicy.name_zh.label("policy_zh"),
        PricePolicy.name_en.label("policy_en"),
        PricePolicy.discount,
        User.name.label("salesperson"),
        _Parent.name.label("parent"),
        _phones_as(CustomerPhone.number).label("numbers"),
        _phones_as(CustomerPhone.is_main).label("mains"),
    )
    .join(Level, Level.code == Customer.level_code)
    .join(PricePolicy, PricePolicy.code == Customer.price_policy_code)
    .outerjoin(User, User.id == Customer.salesperson_id)
    .outerjoin(_Parent, _Parent.id == Customer.parent_id)
    .where(Customer.id == bindparam("customer_id"))
)


async def read_card(
    holder: AsyncSession | AsyncConnection, customer_id: int
) -> CustomerCard | None:
    """None when there is no such customer."""
    rows = await _CARD.read(holder, {"customer_id": customer_id})
    if not rows:
        return None
    row = rows[0]
    return CustomerCard(
        id=row["id"],
        name=row["name"],
        level=LevelView(row["level_code"], row["level_zh"], row["level_en"], row["is_vip"]),
        price_policy=PricePolicyView(
            row["policy_code"], row["policy_zh"], row["policy_en"], row["discount"]
        ),
        credit_limit=row["credit_limit"],
        credit_used=row["credit_used"],
        credit_overdue=row["credit_overdue"],
        credit_available=row["credit_limit"] - row["credit_used"],
        salesperson=_salesperson(row["salesperson_id"], row["salesperson"]),
        email=row["email"],
        address=row["address"],
        language=row["language"],
        note=row["note"],
        area_code=row["area_code"],
        province=row["province"],
        city=row["city"],
        parent_id=row["parent_id"],
        parent_name=row["parent"],
        phones=tuple(map(Phone, row["numbers"] or (), row["mains"] or ())),
        version=row["version"],
    )


def _salesperson(user_id: int | None, name: str | None) -> Salesperson | None:
    return None if user_id is None or name is None else Salesperson(user_id, name)


async def search(connection: AsyncConnection, text: str, limit: int) -> Sequence[CustomerHit]:
    """Customers whose name or one of whose numbers contains the text; exact and leading first."""
    rows = await connection.execute(_matching(text, limit))
    return [CustomerHit(*row) for row in rows]


def _matching(text: str, limit: int) -> Select[int, str, str, str | None, str | None, str | None]:
    main = (
        select(CustomerPhone.number)
        .where(CustomerPhone.customer_id == Customer.id, CustomerPhone.is_main)
        .scalar_subquery()
    )
    # ILIKE is several times slower than LIKE, and Chinese and digits have no case.
    has_case = text.upper() != text.lower()
    contains = Customer.name.icontains if has_case else Customer.name.contains
    found = [contains(text, autoescape=True)]
    if _NUMBER_PART.fullmatch(text):
        digits = "".join(filter(str.isdecimal, text))
        having = select(CustomerPhone.customer_id).where(CustomerPhone.number.contains(digits))
        found.append(Customer.id.in_(having))
    closeness = case(
        (Customer.name == literal(text, String), 0),
        (Customer.name.istartswith(text, autoescape=True), 1),
        else_=2,
    )
    return (
        select(
            Customer.id,
            Customer.name,
            Customer.level_code,
            main,
            Customer.province,
            Customer.city,
        )
        .where(or_(*found))
        .order_by(closeness, Customer.name, Customer.id)
        .limit(limit)
    )
