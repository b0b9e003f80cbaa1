"""An order held against the rules of review, from what was read to price it. Rule: it reads nothing itself."""

from collections.abc import Mapping, Sequence
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

PREPAID = frozenset({Method.PREPAID, Method.TRANSFER})


def assessment(
    rows: Sequence[asyncpg.Record],
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
        list_total=total_of(_listed(row) for row in rows),
        overdue=first["overdue"],
        over_credit=over_credit,
        orders_before=max(first["orders_before"] - itself, 0),
        bad_before=first["bad_before"],
        terms_prepaid=first["terms_prepaid"],
        prepaid=payment in PREPAID,
        note=note,
    )
    return assess(facts, [_rule(each) for each in first["review_rules"] or ()])


def _listed(row: asyncpg.Record) -> Decimal:
    price: Decimal | None = row["pack_price"]
    if price is None:
        price = row["list_price"] * (row["pack_factor"] or 1)
    return price * int(row["quantity"])


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
