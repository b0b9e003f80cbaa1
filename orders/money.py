"""Sums of money in yuan. Rule: exact decimals; half a fen goes up (四舍五入), once, where the price of one
unit is fixed, so that unit price times quantity is the line's total to the fen.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

FEN = Decimal("0.01")


def to_fen(amount: Decimal) -> Decimal:
    """Two places; half a fen goes up."""
    return amount.quantize(FEN, rounding=ROUND_HALF_UP)


def line_total(price: Decimal, quantity: int) -> Decimal:
    return to_fen(price * quantity)


def shared(amount: Decimal, weights: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """`amount` (fen, not negative) in as many parts as there are weights; the parts are whole fen and add up.

    Largest remainder (Hamilton's method): each part is rounded down, and what is left goes, fen by fen, to
    those that lost most. Where all weights are nothing, the first takes everything.
    """
    whole = sum(weights, Decimal(0))
    if not whole:
        return (amount, *(Decimal("0.00") for _ in weights[1:]))
    exact = [amount * weight / whole for weight in weights]
    parts = [each.quantize(FEN, rounding=ROUND_DOWN) for each in exact]
    left = int((amount - sum(parts)) / FEN)
    by_loss = sorted(range(len(parts)), key=lambda place: parts[place] - exact[place])
    for place in by_loss[:left]:
        parts[place] += FEN
    return tuple(parts)


def part_worth(worth: Decimal, quantity: int, many: int) -> Decimal:
    """What the first `many` of `quantity` are worth, when all of them are worth `worth`. The differences of
    such parts are what those between are worth, and add up to the whole to the fen.
    """
    return to_fen(worth * many / quantity)


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    return to_fen(sum(amounts, Decimal(0)))
