"""How much may be ordered, and when. Rule: pure; days and hours are those of the business's own calendar.

A quota (限量) is so many base units of a product, or of all products of a category, in each period: for every
customer it is for, or for all of them together. A window (订货时段) is when customers may order; who has none
may order always.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum

_WEEK = 7
_MORE_THAN_A_MONTH = 32


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class QuotaTerms:
    """A quota, with what it is for in one word each (`sku:…`, `category:…`; `customer:…`, `level:…`, `all`)."""

    id: int
    goods_key: str
    buyer_key: str
    together: bool
    period: Period
    quantity: int
    valid_from: date

    @property
    def goods(self) -> str:
        """The product's or the category's code."""
        return self.goods_key.partition(":")[2]

    def begins(self, day: date) -> date:
        """The first day of the period that a day lies in."""
        return begins(self.period, day, self.valid_from)

    def ends(self, day: date) -> date | None:
        """The first day after the period that a day lies in; None where it never ends."""
        return ends(self.period, max(day, self.valid_from))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a quota stands for one customer on one day, in base units; `own` is what the order that is changed has of
    it already, which `used` does not count.
    """

    quota: QuotaTerms
    begins: date
    allowed: int
    used: int
    own: int = 0

    @property
    def left(self) -> int:
        """What may be ordered; an order never has to give back what it has."""
        return max(self.allowed - self.used, self.own, 0)


def midnight(day: date, zone: tzinfo) -> datetime:
    """The moment at which a day of the business begins."""
    return datetime.combine(day, time.min, tzinfo=zone)


def begins(period: Period, day: date, valid_from: date) -> date:
    """The first day of the period that `day` lies in; weeks begin on Monday, `whole` when the quota does."""
    match period:
        case Period.DAY:
            first = day
        case Period.WEEK:
            first = day - timedelta(days=day.weekday())
        case Period.MONTH:
            first = day.replace(day=1)
        case Period.WHOLE:
            first = valid_from
    return max(first, valid_from)


def ends(period: Period, day: date) -> date | None:
    """The first day after the period that `day` lies in."""
    match period:
        case Period.DAY:
            return day + timedelta(days=1)
        case Period.WEEK:
            return day + timedelta(days=_WEEK - day.weekday())
        case Period.MONTH:
            return (day.replace(day=1) + timedelta(days=_MORE_THAN_A_MONTH)).replace(day=1)
        case Period.WHOLE:
            return None


@dataclass(frozen=True, slots=True)
class Window:
    """Open on these days of the week (1 is Monday) from `opens` until before `closes`; one that closes at or
    before it opens goes on into the next day.
    """

    weekdays: frozenset[int]
    opens: time
    closes: time

    def holds(self, local: datetime) -> bool:
        at = local.time()
        if self.opens < self.closes:
            return local.isoweekday() in self.weekdays and self.opens <= at < self.closes
        if at >= self.opens:
            return local.isoweekday() in self.weekdays
        yesterday = (local - timedelta(days=1)).isoweekday()
        return at < self.closes and yesterday in self.weekdays


def is_open(windows: Iterable[Window], local: datetime) -> bool:
    """Whether orders are taken at this time of the business's clock."""
    windows = tuple(windows)
    return not windows or any(window.holds(local) for window in windows)


def next_opening(windows: Iterable[Window], local: datetime) -> datetime | None:
    """When the next window opens after `local`; None where none ever does."""
    openings = (
        datetime.combine(day, window.opens, tzinfo=local.tzinfo)
        for window in windows
        for day in (local.date() + timedelta(days=ahead) for ahead in range(_WEEK + 1))
        if day.isoweekday() in window.weekdays
    )
    return min((each for each in openings if each > local), default=None)
