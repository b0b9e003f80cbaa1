"""What may be asked of the dealers' room. Rule: only fields that are given are kept or changed."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from crm_core.customers.fields import Custom, Name, Number
from crm_core.fields import PAGE, Command, Id, Limit, Text, Version, Versioned

_LEVEL = r"^[a-z][a-z0-9_]{0,29}$"


class ApplicationState(StrEnum):
    NEW = "new"
    APPROVED = "approved"
    REFUSED = "refused"


Quantity = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=3)]
ProductCode = Annotated[Text, Field(min_length=1, max_length=30)]
ReportDay = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
LevelCode = Annotated[str, Field(pattern=_LEVEL)]
Place = Annotated[Text, Field(min_length=1, max_length=20)]
ApplicationNote = Annotated[Text, Field(max_length=1000)]
Age = Annotated[int, Field(ge=1, le=366)]


class StockLine(Command):
    """`sold` since the report before, `needed` until the next one."""

    product_code: ProductCode
    on_hand: Quantity
    sold: Quantity = Decimal(0)
    needed: Quantity = Decimal(0)


def _each_once(lines: tuple[StockLine, ...]) -> tuple[StockLine, ...]:
    codes = [line.product_code for line in lines]
    if len(set(codes)) < len(codes):
        raise ValueError("name each product once")
    return lines


Lines = Annotated[
    tuple[StockLine, ...], Field(min_length=1, max_length=500), AfterValidator(_each_once)
]


class NewStockReport(Command):
    customer_id: Id
    report_date: ReportDay
    lines: Lines
    note: Annotated[Text, Field(max_length=500)] | None = None


class StockCorrection(Versioned):
    """All lines anew; those of the version before stay to be looked at."""

    lines: Lines
    note: Annotated[Text, Field(max_length=500)] | None = None


class StockReportQuery(Command):
    """`before`: the last report of the page before this one; the latest days come first."""

    customer_id: Id
    before: Id | None = None
    limit: Limit = PAGE


class StockVersionQuery(Command):
    """Without `of_version` the one that counts."""

    of_version: Version | None = None


class SilentQuery(Command):
    """Dealers without a report in the last `days` days; `after`: the last of the page before."""

    days: Age = 30
    under: Id | None = None
    after: Id | None = None
    limit: Limit = PAGE


class StockSummaryQuery(Command):
    """By each dealer's latest report until `until`, not older than `days` days; without `under` of the
    whole channel. `after`: the last product of the page before.
    """

    under: Id | None = None
    until: ReportDay | None = None
    days: Age = 30
    after: ProductCode | None = None
    limit: Limit = PAGE


class NewDealerApplication(Command):
    name: Name
    phone: Number
    province: Place | None = None
    city: Place | None = None
    level_code: LevelCode
    note: ApplicationNote | None = None


class DealerApplicationEdit(Versioned):
    name: Name = ""
    phone: Number = ""
    province: Place | None = None
    city: Place | None = None
    level_code: LevelCode = ""
    note: ApplicationNote | None = None


class DealerApproval(Versioned):
    """Where the new dealer stands; without `level_code` at the level that was wanted. `custom`: values of the fields
    that the business added.

    `customer_id`: a customer already, who moves there and sells in the territory from now on, and keeps the rest.
    """

    customer_id: Id | None = None
    parent_id: Id | None = None
    level_code: LevelCode | None = None
    salesperson_id: Id | None = None
    custom: Custom = Field(default_factory=dict)


class DealerRefusal(Versioned):
    reason: Annotated[Text, Field(min_length=1, max_length=500)]


class DealerApplicationQuery(Command):
    """`before`: the last application of the page before this one; the newest come first."""

    state: ApplicationState | None = None
    before: Id | None = None
    limit: Limit = PAGE
