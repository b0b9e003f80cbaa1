"""What is told of insight."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from crm_core.insight.conditions import Metric
from crm_core.insight.evaluation import RuleTried


@dataclass(frozen=True, slots=True)
class Named:
    """A code with its names."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that a customer gives now."""

    code: str
    name_zh: str
    name_en: str
    advice_zh: str
    advice_en: str
    severity: str


@dataclass(frozen=True, slots=True)
class BriefWarning:
    """A warning, and the customer's fields that it gives away."""

    code: str
    name_zh: str
    name_en: str
    advice_zh: str
    advice_en: str
    severity: str
    shows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InsightBrief:
    """What the worker kept of a customer, for whoever speaks with them now."""

    grade: Named | None
    segment: Named | None
    strategy_zh: str
    strategy_en: str
    revenue_12m: Decimal
    orders_12m: int
    last_contact_at: datetime | None
    warnings: tuple[BriefWarning, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that rules may ask for; None when it is not known."""

    metric: Metric
    value: Decimal | int | None


@dataclass(frozen=True, slots=True)
class QuarterSum:
    orders: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class CustomerInsightView:
    """One customer as of now. `computed_at` is when lists and routing learnt of it (None: not yet), and
    `pending` that they are to learn anew.
    """

    customer_id: int
    r: int
    f: int
    m: int
    segment: Named
    strategy_zh: str
    strategy_en: str
    grade: Named
    warnings: tuple[Warned, ...]
    figures: tuple[Figure, ...]
    quarters: tuple[QuarterSum, ...]
    first_order_at: datetime | None
    last_order_at: datetime | None
    last_contact_at: datetime | None
    rules: tuple[RuleTried, ...]
    rules_version: int
    computed_at: datetime | None
    next_due_at: datetime | None
    pending: bool


@dataclass(frozen=True, slots=True)
class InsightItem:
    """A line of a list."""

    customer_id: int
    customer_name: str
    level_code: str
    province: str | None
    city: str | None
    salesperson_id: int | None
    segment_code: str | None
    grade_code: str | None
    r: int
    f: int
    m: int
    orders_12m: int
    revenue_12m: Decimal
    last_order_at: datetime | None
    last_contact_at: datetime | None
    warnings: tuple[str, ...]
    computed_at: datetime


@dataclass(frozen=True, slots=True)
class Contribution:
    """`code` is the customer's or salesperson's id, or the code; None for those who have none.

    `share_percent` is of what everybody brought in that time; `place` is a rank without ties.
    """

    place: int
    rank: int
    code: str | None
    name_zh: str | None
    name_en: str | None
    customers: int
    orders: int
    revenue: Decimal
    share_percent: Decimal


@dataclass(frozen=True, slots=True)
class ContributionReport:
    """The greatest first; `orders` and `revenue` are of everybody, not only of those listed."""

    items: tuple[Contribution, ...]
    orders: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """How many are in it now, and what they brought in twelve months."""

    code: str
    name_zh: str
    name_en: str
    strategy_zh: str
    strategy_en: str
    customers: int
    orders_12m: int
    revenue_12m: Decimal


@dataclass(frozen=True, slots=True)
class HealthCount:
    code: str
    name_zh: str
    name_en: str
    advice_zh: str
    advice_en: str
    severity: str
    customers: int


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """Who put rules in force, and when; `actor_name` None: Zongji itself."""

    version: int
    at: datetime
    actor_id: int | None
    actor_name: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Of `customers`, `current` are worked out by the rules in force; `queued` and `due` wait for a look."""

    customers: int
    current: int
    queued: int
    due: int
