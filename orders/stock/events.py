"""What stock tells the rest of the daemon. Rule: published after the commit, never before."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StockChanged:
    """`available` is what can still be ordered, in base units."""

    sku: str
    available: int
