"""What somebody who reviews an order is told of it. Rule: what nobody knows is None."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from orders.reasons import Reason
from orders.sales.views import OrderView, QuotedLine


@dataclass(frozen=True, slots=True)
class LineStock:
    """Base units of a product, those that come free among them: what the order wants of it, and what could be had;
    `short` is what is missing. `cost` is what the wanted goods cost by what is known last (yuan), None where
    nothing is; `there_on` when all of them could be there: None where goods are short and nobody has said how
    long new ones take; `on_sale` is False for what was taken off sale since; `substitutes` could be sold instead of
    short ones.
    """

    sku: str
    name_zh: str
    name_en: str
    wanted: int
    reserved: int
    available: int
    short: int
    cost: Decimal | None
    there_on: date | None
    on_sale: bool
    substitutes: tuple[QuotedLine, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomerStanding:
    """In yuan. `held` is what this order takes of the credit now, `beyond` what it lacks."""

    credit_limit: Decimal
    credit_used: Decimal
    overdue: Decimal
    held: Decimal
    beyond: Decimal
    terms_code: str | None
    terms_days: int | None
    prepaid: bool
    orders_before: int
    bad_before: int


@dataclass(frozen=True, slots=True)
class Carriage:
    """How an order gets to its customer: by which courier (None: it is fetched), for how much (None: nobody knows
    what it weighs), in how many days, or by when.
    """

    courier_code: str | None
    freight: Decimal | None
    days: int
    due_at: datetime | None = None


CarriedBy = Callable[[AsyncSession, int], Awaitable[Carriage | None]]
"""How this order gets there; None where nobody can say."""


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """`can_be_fulfilled`: every product is there, `ready_on`: by when it can be, `arrives_on`: by when it is with the
    customer. `wished_day_holds` is None without a wish, or where nobody can say. `cost` is that of the goods, and the
    `freight` where it is known; `margin` what the total leaves of it (yuan). `verdict` is what the rules say now
    (pass, hold, reject).

    `findings`: not_on_sale (sku), cost_unknown (sku), freight_unknown, wished_day_missed (wanted_on, earliest),
    wished_day_unknown (wanted_on).
    """

    order: OrderView
    can_be_fulfilled: bool
    ready_on: date | None
    arrives_on: date | None
    wished_day_holds: bool | None
    courier: str | None
    freight: Decimal | None
    cost: Decimal | None
    margin: Decimal | None
    lines: tuple[LineStock, ...]
    standing: CustomerStanding
    verdict: str
    why: tuple[Reason, ...]
    findings: tuple[Reason, ...]
