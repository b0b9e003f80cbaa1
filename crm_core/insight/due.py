"""When time alone may change what is said of a customer: a sale leaves a span, a silence reaches a bound, a
quarter ends.

Rule: pure, and never later than the first change; a moment too early only costs one look.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, timedelta
from math import ceil, floor

from crm_core.insight import calendar
from crm_core.insight.conditions import Metric, Operator
from crm_core.insight.metrics import Facts
from crm_core.insight.rules import InsightRules

_LAST_YEAR = 2199


class Due:
    """What of the rules depends on days, found once for many customers."""

    def __init__(self, rules: InsightRules) -> None:
        recency = {bound + 1 for bound in rules.rfm.r_days}
        self._order = sorted(recency | _bounds(rules, Metric.DAYS_SINCE_ORDER))
        self._first = sorted(_bounds(rules, Metric.DAYS_SINCE_FIRST_ORDER))
        self._contact = sorted(_bounds(rules, Metric.DAYS_SINCE_CONTACT))
        self._waited = [each.value for each in rules.conditions_on(Metric.INTERVALS_WAITED)]

    def after(self, facts: Facts, today: date) -> date | None:
        """The first day after `today` on which the result may differ, None when it stays for ever."""
        found = [day for day in self._days(facts, today) if day > today and day.year <= _LAST_YEAR]
        return min(found, default=None)

    def _days(self, facts: Facts, today: date) -> Iterator[date]:
        yield from _next(facts.contact_on, self._contact, today)
        days = [sale.day for sale in facts.sales]
        known = bisect_right(days, today)
        if known < len(days):
            yield days[known]
        del days[known:]
        if not days:
            return
        yield from _next(days[-1], self._order, today)
        yield from _next(days[0], self._first, today)
        yield from self._overdue(days, today)
        for span in (calendar.YEAR, calendar.NINETY):
            leaves = bisect_right(days, today - span)
            if leaves < len(days):
                yield days[leaves] + span
        if days[-1] >= calendar.quarter_starts(today)[-1]:
            yield calendar.next_quarter(today)

    def _overdue(self, days: list[date], today: date) -> Iterator[date]:
        """Around the day on which a multiple of the average interval has passed, as fractions round."""
        if len(days) > 1:
            span, gaps = (days[-1] - days[0]).days, len(days) - 1
            for multiple in self._waited:
                near = floor(multiple * span / gaps)
                yield from _next(days[-1], range(near, near + 3), today)


def _bounds(rules: InsightRules, metric: Metric) -> set[int]:
    """Every number of days at which a condition on it begins or ceases to hold."""
    found: set[int] = set()
    for each in rules.conditions_on(metric):
        if each.operator not in (Operator.MORE, Operator.AT_MOST):
            found.add(ceil(each.value))
        if each.operator not in (Operator.AT_LEAST, Operator.LESS):
            found.add(floor(each.value) + 1)
    return found


def _next(base: date, offsets: "list[int] | range", today: date) -> Iterator[date]:
    """The first of the days `base` + offset that comes after `today`; the offsets rise."""
    elapsed = (today - base).days
    place = bisect_right(offsets, elapsed)
    if place < len(offsets) and (ahead := offsets[place]) < (date.max - base).days:
        yield base + timedelta(days=ahead)
