"""The customer's record as people see it, and the queries that read it.

Rule: a card is read in two statements whatever it shows; the main number comes first.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Select, String, bindparam, case, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from crm_core.tables import Customer, CustomerPhone, Level, PricePolicy, User


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
_PHONES = (
    select(CustomerPhone.number, CustomerPhone.is_main)
    .where(CustomerPhone.customer_id == bindparam("customer_id"))
    .order_by(CustomerPhone.is_main.desc(), CustomerPhone.number)
)
_CARD = (
    select(Customer, Level, PricePolicy, User.name, _Parent.name)
    .join(Level, Level.code == Customer.level_code)
    .join(PricePolicy, PricePolicy.code == Customer.price_policy_code)
    .outerjoin(User, User.id == Customer.salesperson_id)
    .outerjoin(_Parent, _Parent.id == Customer.parent_id)
    .where(Customer.id == bindparam("customer_id"))
)


async def read_card(session: AsyncSession, customer_id: int) -> CustomerCard | None:
    """None when there is no such customer."""
    key = {"customer_id": customer_id}
    row = (
        await session.execute(_CARD, key, execution_options={"populate_existing": True})
    ).one_or_none()
    if row is None:
        return None
    phones = (await session.execute(_PHONES, key)).all()
    customer, level, policy, salesperson, parent = row
    return CustomerCard(
        id=customer.id,
        name=customer.name,
        level=LevelView(level.code, level.name_zh, level.name_en, level.is_vip),
        price_policy=PricePolicyView(policy.code, policy.name_zh, policy.name_en, policy.discount),
        credit_limit=customer.credit_limit,
        credit_used=customer.credit_used,
        credit_overdue=customer.credit_overdue,
        credit_available=customer.credit_limit - customer.credit_used,
        salesperson=_salesperson(customer.salesperson_id, salesperson),
        email=customer.email,
        address=customer.address,
        language=customer.language,
        note=customer.note,
        area_code=customer.area_code,
        province=customer.province,
        city=customer.city,
        parent_id=customer.parent_id,
        parent_name=parent,
        phones=tuple(Phone(*phone) for phone in phones),
        version=customer.version,
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
