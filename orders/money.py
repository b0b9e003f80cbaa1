"""Sums of money in yuan. Rule: exact decimals; half a fen goes up (四舍五入), once, where the price of one
unit is fixed, so that unit price times quantity is the line's total to the fen.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

FEN = Decimal("0.01")


def to_fen(amount: Decimal) -> Decimal:
    """Two places; half a fen goes up."""
    return amount.quantize(FEN, rounding=ROUND_HALF_UP)


def line_total(price: Decimal, quantity: int) -> Decimal:
    return to_fen(price * quantity)


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    return to_fen(sum(amounts, Decimal(0)))
