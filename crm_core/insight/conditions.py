"""A condition on one figure of a customer. Rule: figures come from a closed list, a figure that is not
known (never ordered, no credit) fulfils no condition, and asking changes nothing.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field

from crm_core.fields import Command


class Metric(StrEnum):
    """Days are whole days of the company's calendar; money is yuan; shares are percent."""

    DAYS_SINCE_ORDER = "days_since_order"
    DAYS_SINCE_FIRST_ORDER = "days_since_first_order"
    DAYS_SINCE_CONTACT = "days_since_contact"
    ORDERS_TOTAL = "orders_total"
    ORDERS_12M = "orders_12m"
    REVENUE_12M = "revenue_12m"
    ORDERS_90D = "orders_90d"
    REVENUE_90D = "revenue_90d"
    REVENUE_QUARTER = "revenue_quarter"
    FALLING_QUARTERS = "falling_quarters"
    ORDER_INTERVAL_DAYS = "order_interval_days"
    INTERVALS_WAITED = "intervals_waited"
    CREDIT_USE_PERCENT = "credit_use_percent"
    CREDIT_OVERDUE = "credit_overdue"
    R = "r"
    F = "f"
    M = "m"


SHOWS: Mapping[Metric, tuple[str, ...]] = {
    Metric.CREDIT_USE_PERCENT: ("credit_limit", "credit_used"),
    Metric.CREDIT_OVERDUE: ("credit_overdue",),
}
"""The fields of the customer's record that a figure gives away."""


class Operator(StrEnum):
    AT_LEAST = ">="
    MORE = ">"
    AT_MOST = "<="
    LESS = "<"
    EQUAL = "="


_COMPARE: Mapping[Operator, Callable[[Decimal | int, Decimal], bool]] = {
    Operator.AT_LEAST: operator.ge,
    Operator.MORE: operator.gt,
    Operator.AT_MOST: operator.le,
    Operator.LESS: operator.lt,
    Operator.EQUAL: operator.eq,
}


class Condition(Command):
    """Such as `days_since_order >= 180`."""

    metric: Metric
    operator: Operator
    value: Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]


class Figures(Protocol):
    """What conditions are held against."""

    def value(self, metric: Metric) -> Decimal | int | None: ...


@dataclass(frozen=True, slots=True)
class Tried:
    """A condition that was tried: what the figure was, and whether it held."""

    metric: Metric
    operator: Operator
    bound: Decimal
    value: Decimal | int | None
    held: bool


def holds(condition: Condition, figures: Figures) -> bool:
    value = figures.value(condition.metric)
    return value is not None and _COMPARE[condition.operator](value, condition.value)


def try_out(condition: Condition, figures: Figures) -> Tried:
    """The condition with the figure it was held against."""
    return Tried(
        condition.metric,
        condition.operator,
        condition.value,
        figures.value(condition.metric),
        holds(condition, figures),
    )
