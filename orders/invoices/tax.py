"""Tax in prices that include it. Rule: pure, exact to the fen; net = gross ÷ (1 + rate), half a fen up, tax is the
rest; what is shared out adds up again, the largest remainders first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from orders.money import FEN, to_fen


@dataclass(frozen=True, slots=True)
class Split:
    """`net` + `tax` = `gross`."""

    gross: Decimal
    net: Decimal
    tax: Decimal


def split(gross: Decimal, rate: Decimal) -> Split:
    """One line of an invoice. `rate` is a fraction such as 0.13."""
    net = to_fen(gross / (1 + rate))
    return Split(gross, net, gross - net)


def share(total: Decimal, weights: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """`total` (to the fen, not negative) in proportion to the weights, no share below zero or off by a fen or more
    from its exact part. Without any weight the first takes all.
    """
    whole = sum(weights, Decimal(0))
    if not whole:
        return tuple(total if place == 0 else Decimal(0) for place in range(len(weights)))
    exact = [total * weight / whole for weight in weights]
    shares = [part.quantize(FEN, rounding=ROUND_DOWN) for part in exact]
    missing = int((total - sum(shares, Decimal(0))) / FEN)
    by_remainder = sorted(
        range(len(shares)), key=lambda place: (shares[place] - exact[place], place)
    )
    for place in by_remainder[:missing]:
        shares[place] += FEN
    return tuple(shares)


def after_discount(line_totals: Sequence[Decimal], total: Decimal) -> tuple[Decimal, ...]:
    """What each line of an order brings when the order brings `total` in all: the discount of the whole order is
    spread over the lines.
    """
    return share(total, line_totals)


def part_of(left: Split, amount: Decimal, rate: Decimal) -> Split:
    """`amount` out of what is `left` of a line, so that all parts of it add up to it again."""
    if amount == left.gross:
        return left
    least, most = max(amount - left.tax, Decimal(0)), min(left.net, amount)
    net = min(max(split(amount, rate).net, least), most)
    return Split(amount, net, amount - net)
