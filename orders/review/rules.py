"""What the rules of review say of an order. Rule: pure; the same facts and rules give the same assessment,
in whatever order the rules come.

`total_over`         its total is above `value`
`first_order_over`   the customer's first order, and its total is above `value`
`overdue_over`       the customer owes more than `value` beyond its terms
`bad_history`        of the last 20 orders (three at least) more than `value` per cent were refused or returned
`discount_over`      it costs more than `value` per cent less than the list prices
`not_prepaid`        the customer's terms ask for payment before delivery, and it is to be paid otherwise
`note_words`         the order's note has one of the `words` (加急, 定制 …)

Each says `note` (worth knowing), `urgent` (it comes before others), `hold` (a person decides) or `reject` (it
is not accepted). An order beyond the customer's credit is held whatever the rules say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from orders.reasons import Reason

_HUNDRED = Decimal(100)
_ENOUGH_HISTORY = 3


class ReviewKind(StrEnum):
    TOTAL_OVER = "total_over"
    FIRST_ORDER_OVER = "first_order_over"
    OVERDUE_OVER = "overdue_over"
    BAD_HISTORY = "bad_history"
    DISCOUNT_OVER = "discount_over"
    NOT_PREPAID = "not_prepaid"
    NOTE_WORDS = "note_words"


class Says(StrEnum):
    NOTE = "note"
    URGENT = "urgent"
    HOLD = "hold"
    REJECT = "reject"


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105
    HOLD = "hold"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """`value` is yuan or per cent; `words` are looked for in the note, capitals or not."""

    id: int
    kind: ReviewKind
    says: Says
    name_zh: str
    name_en: str
    value: Decimal = Decimal(0)
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """An order and its customer, in yuan. `orders_before` and `bad_before` are of the last 20 orders."""

    total: Decimal
    list_total: Decimal
    overdue: Decimal = Decimal(0)
    over_credit: bool = False
    orders_before: int = 0
    bad_before: int = 0
    terms_prepaid: bool = False
    prepaid: bool = False
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    verdict: Verdict
    urgent: bool
    why: tuple[Reason, ...]


def assess(facts: ReviewFacts, rules: Iterable[ReviewRule]) -> Assessment:
    """What the rules say, the gravest first."""
    hits = [
        (rule, params)
        for rule in sorted(rules, key=lambda rule: rule.id)
        if (params := _applies(rule, facts)) is not None
    ]
    grave = sorted(hits, key=lambda hit: -_GRAVITY[hit[0].says])
    why = [Reason(f"review_{rule.kind}", _named(rule) | params) for rule, params in grave]
    said = {rule.says for rule, _ in hits}
    verdict = Verdict.PASS
    if Says.REJECT in said:
        verdict = Verdict.REJECT
    elif Says.HOLD in said or facts.over_credit:
        verdict = Verdict.HOLD
    if facts.over_credit:
        why.insert(0, Reason("review_over_credit", {"total": str(facts.total), "says": "hold"}))
    return Assessment(verdict, Says.URGENT in said, tuple(why))


_GRAVITY = {Says.REJECT: 3, Says.HOLD: 2, Says.URGENT: 1, Says.NOTE: 0}


def _named(rule: ReviewRule) -> dict[str, str]:
    return {
        "rule": str(rule.id),
        "name_zh": rule.name_zh,
        "name_en": rule.name_en,
        "says": str(rule.says),
    }


def _applies(rule: ReviewRule, facts: ReviewFacts) -> dict[str, str] | None:
    """What the reason tells besides, None when the rule says nothing of this order."""
    limit = {"limit": f"{rule.value:f}"}
    match rule.kind:
        case ReviewKind.TOTAL_OVER:
            hit, told = facts.total > rule.value, limit | {"total": str(facts.total)}
        case ReviewKind.FIRST_ORDER_OVER:
            hit = not facts.orders_before and facts.total > rule.value
            told = limit | {"total": str(facts.total)}
        case ReviewKind.OVERDUE_OVER:
            hit, told = facts.overdue > rule.value, limit | {"overdue": str(facts.overdue)}
        case ReviewKind.BAD_HISTORY:
            enough = facts.orders_before >= _ENOUGH_HISTORY
            hit = enough and facts.bad_before * _HUNDRED > rule.value * facts.orders_before
            told = limit | {"bad": str(facts.bad_before), "orders": str(facts.orders_before)}
        case ReviewKind.DISCOUNT_OVER:
            off = facts.list_total - facts.total
            hit = off * _HUNDRED > rule.value * facts.list_total
            told = limit | {"off": str(off), "list_total": str(facts.list_total)}
        case ReviewKind.NOT_PREPAID:
            hit, told = facts.terms_prepaid and not facts.prepaid, {}
        case ReviewKind.NOTE_WORDS:
            found = _found(rule.words, facts.note)
            hit, told = bool(found), {"words": ", ".join(found)}
    return told if hit else None


def _found(words: Sequence[str], note: str | None) -> tuple[str, ...]:
    read = (note or "").casefold()
    return tuple(word for word in words if word.casefold() in read)
