"""What a coupon takes off an order. Rule: pure; half a cent goes up, and never more than the order costs."""

from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)


def discount(what: str, value: Decimal, total: Decimal, *, most: Decimal | None = None) -> Decimal:
    """Off `total`: the value itself, or that many per cent, at most `most` and at most the total."""
    full = value if what == "amount" else total * value / _HUNDRED
    bounded = min(full, total) if most is None else min(full, total, most)
    return max(bounded, Decimal(0)).quantize(_CENT, ROUND_HALF_UP)
