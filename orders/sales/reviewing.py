"""An order held against the rules of review, from what was read to price it. Rule: it reads nothing itself; what is
off is counted from the list prices that were true when the lines were priced, of what is ordered and not of what
comes free, so that asking again later says the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import asyncpg

from orders.methods import Method
from orders.money import total_of
from orders.review.rules import (
    Assessment,
    ReviewFacts,
    ReviewKind,
    ReviewRule,
    Says,
    assess,
)
from orders.sales.views import OrderLineView, QuotedLine

PREPAID = frozenset({Method.PREPAID, Method.TRANSFER})


def assessment(
    rows: Sequence[asyncpg.Record],
    lines: Iterable[QuotedLine | OrderLineView],
    total: Decimal,
    *,
    over_credit: bool,
    note: str | None,
    payment: str | None,
    itself: int = 0,
) -> Assessment:
    """`rows` as `facts.read` gives them; `itself` is 1 when the order stands among the customer's already."""
    first = rows[0]
    facts = ReviewFacts(
        total=total,
        list_total=total_of(_listed(line) for line in lines),
        overdue=first["overdue"],
        over_credit=over_credit,
        orders_before=max(first["orders_before"] - itself, 0),
        bad_before=first["bad_before"],
        terms_prepaid=first["terms_prepaid"],
        prepaid=payment in PREPAID,
        note=note,
    )
    return assess(facts, [_rule(each) for each in first["review_rules"] or ()])


def _listed(line: QuotedLine | OrderLineView) -> Decimal:
    """By its list price; of a line that does not tell one, as of goods that come free, nothing is off."""
    told = (each.params["amount"] for each in line.why if each.code == "list_price")
    price = next(told, None)
    return (line.unit_price if price is None else Decimal(price)) * line.quantity


def _rule(stored: Mapping[str, Any]) -> ReviewRule:
    return ReviewRule(
        stored["id"],
        ReviewKind(stored["kind"]),
        Says(stored["says"]),
        stored["name_zh"],
        stored["name_en"],
        Decimal(stored["value"]),
        tuple(stored["words"]),
    )
