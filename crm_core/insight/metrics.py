"""The figures of one customer on one day. Rule: pure; the day and the facts alone decide, and a sale on a
later day than the one asked about is not known yet.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

from crm_core.insight import calendar
from crm_core.insight.conditions import Metric
from crm_core.insight.ports import SalesDay
from crm_core.insight.rules import RfmBounds

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a customer; `sales` by day, the earliest first. `contact_on` is the day of the
    last conversation, or the day the record was made when there was none.
    """

    customer_id: int
    level_code: str
    contact_on: date
    last_contact_at: datetime | None = None
    credit_limit: Decimal = Decimal(0)
    credit_used: Decimal = Decimal(0)
    credit_overdue: Decimal = Decimal(0)
    sales: tuple[SalesDay, ...] = ()


@dataclass(frozen=True, slots=True)
class Sum:
    """Orders and what they brought."""

    orders: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures; what is not known is None."""

    day: date
    year: Sum
    ninety: Sum
    quarters: tuple[Sum, ...]
    orders_total: int
    days_since_order: int | None
    days_since_first_order: int | None
    days_since_contact: int
    falling_quarters: int
    order_interval_days: Decimal | None
    intervals_waited: Decimal | None
    credit_use_percent: Decimal | None
    credit_overdue: Decimal
    first_order_at: datetime | None
    last_order_at: datetime | None
    r: int
    f: int
    m: int

    def value(self, metric: Metric) -> Decimal | int | None:
        found: Decimal | int | None = _READ[metric](self)
        return found


_READ: Mapping[Metric, Callable[[Metrics], Any]] = {
    **{metric: attrgetter(metric.value) for metric in Metric},
    Metric.ORDERS_12M: attrgetter("year.orders"),
    Metric.REVENUE_12M: attrgetter("year.revenue"),
    Metric.ORDERS_90D: attrgetter("ninety.orders"),
    Metric.REVENUE_90D: attrgetter("ninety.revenue"),
    Metric.REVENUE_QUARTER: lambda metrics: metrics.quarters[0].revenue,
}


def measure(facts: Facts, bounds: RfmBounds, today: date) -> Metrics:
    """The figures as they stand on that day."""
    days = [sale.day for sale in facts.sales]
    sales = facts.sales[: bisect_right(days, today)]
    del days[len(sales) :]
    year = _sum(sales[bisect_right(days, today - calendar.YEAR) :])
    quarters = _quarters(sales, days, today)
    since = (today - days[-1]).days if days else None
    interval = _interval(days)
    return Metrics(
        day=today,
        year=year,
        ninety=_sum(sales[bisect_right(days, today - calendar.NINETY) :]),
        quarters=quarters,
        orders_total=sum(sale.orders for sale in sales),
        days_since_order=since,
        days_since_first_order=(today - days[0]).days if days else None,
        days_since_contact=(today - facts.contact_on).days,
        falling_quarters=_falling(quarters),
        order_interval_days=interval,
        intervals_waited=since / interval if interval and since is not None else None,
        credit_use_percent=_share(facts.credit_used, facts.credit_limit),
        credit_overdue=facts.credit_overdue,
        first_order_at=sales[0].first_at if sales else None,
        last_order_at=sales[-1].last_at if sales else None,
        r=_recency(since, bounds),
        f=1 + sum(year.orders >= bound for bound in bounds.f_orders),
        m=1 + sum(year.revenue >= bound for bound in bounds.m_revenue),
    )


def _sum(sales: Sequence[SalesDay]) -> Sum:
    return Sum(
        sum(sale.orders for sale in sales), sum((sale.revenue for sale in sales), Decimal(0))
    )


def _quarters(sales: Sequence[SalesDay], days: Sequence[date], today: date) -> tuple[Sum, ...]:
    found: list[Sum] = []
    end = len(sales)
    for start in calendar.quarter_starts(today):
        begin = bisect_right(days, start - timedelta(days=1))
        found.append(_sum(sales[begin:end]))
        end = begin
    return tuple(found)


def _falling(quarters: Sequence[Sum]) -> int:
    """How many finished quarters in a row, the latest first, brought less than the one before."""
    finished, falls = quarters[1:], 0
    while falls + 1 < len(finished) and finished[falls].revenue < finished[falls + 1].revenue:
        falls += 1
    return falls


def _interval(days: Sequence[date]) -> Decimal | None:
    """Days from one day with an order to the next, on average; None with fewer than two."""
    gaps = len(days) - 1
    return Decimal((days[-1] - days[0]).days) / gaps if gaps > 0 else None


def _share(part: Decimal, whole: Decimal) -> Decimal | None:
    return part * _HUNDRED / whole if whole else None


def _recency(since: int | None, bounds: RfmBounds) -> int:
    return 1 if since is None else 1 + sum(since <= bound for bound in bounds.r_days)
