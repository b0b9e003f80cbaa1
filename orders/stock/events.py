"""What stock tells the rest of the daemon. Rule: published after the commit, never before."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StockChanged:
    """`available` is what can still be ordered from this warehouse, in base units; less than nothing
    when goods that orders hold may no longer be sold.
    """

    sku: str
    available: int
    warehouse: str
