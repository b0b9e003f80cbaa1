"""Reports and applications as people see them. Rule: a view's fields stand in the order of its columns."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select

from crm_core.customers.tables import Customer
from crm_core.dealers.tables import DealerApplication, DealerStockReport, DealerStockVersion
from crm_core.people.tables import User


@dataclass(frozen=True, slots=True)
class StockReportView:
    """Who entered the version that is shown, and when; `version` is the one that counts."""

    id: int
    customer_id: int
    customer_name: str
    report_date: date
    version: int
    shown_version: int
    note: str | None
    entered_by_id: int | None
    entered_by_name: str | None
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class StockLineView:
    product_code: str
    on_hand: Decimal
    sold: Decimal
    needed: Decimal


@dataclass(frozen=True, slots=True)
class StockReportDetail:
    report: StockReportView
    lines: tuple[StockLineView, ...]


@dataclass(frozen=True, slots=True)
class SilentDealer:
    """`last_report_date` None: never reported."""

    customer_id: int
    customer_name: str
    level_code: str
    salesperson_id: int | None
    salesperson_name: str | None
    last_report_date: date | None


@dataclass(frozen=True, slots=True)
class ProductSummary:
    """Over all dealers that reported the product; `dealers` says how many."""

    product_code: str
    on_hand: Decimal
    sold: Decimal
    needed: Decimal
    dealers: int


@dataclass(frozen=True, slots=True)
class DealerApplicationView:
    id: int
    name: str
    phone: str
    province: str | None
    city: str | None
    level_code: str
    note: str | None
    state: str
    reason: str | None
    customer_id: int | None
    created_by_id: int | None
    created_at: datetime
    decided_by_id: int | None
    decided_at: datetime | None
    version: int


def reports() -> Select[*tuple[Any, ...]]:
    """The columns of StockReportView, with every version of each."""
    report, version = DealerStockReport, DealerStockVersion
    return (
        select(
            report.id,
            report.customer_id,
            Customer.name,
            report.report_date,
            report.version,
            version.version,
            version.note,
            version.entered_by_id,
            User.name,
            version.entered_at,
        )
        .join(version, version.report_id == report.id)
        .join(Customer, Customer.id == report.customer_id)
        .outerjoin(User, User.id == version.entered_by_id)
    )


def applications() -> Select[*tuple[Any, ...]]:
    """The columns of DealerApplicationView."""
    table = DealerApplication
    return select(
        table.id,
        table.name,
        table.phone,
        table.province,
        table.city,
        table.level_code,
        table.note,
        table.state,
        table.reason,
        table.customer_id,
        table.created_by_id,
        table.created_at,
        table.decided_by_id,
        table.decided_at,
        table.version,
    )
