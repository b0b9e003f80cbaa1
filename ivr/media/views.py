"""What the report of adverts tells. Rule: frozen; money in yuan."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class MediaLine:
    """What an advert brought. What it is not grouped by is None; `medium` is None as well for numbers of none.

    `callers` are numbers that differ; `abandoned` left the line, `left_in_menu` the menu; `orders` go on or are done,
    `cancelled` came to nothing; `revenue` is what the former bring after goods have come back.
    """

    medium: str | None
    did: str | None
    day: date | None
    hour: int | None
    calls: int = 0
    callers: int = 0
    answered: int = 0
    abandoned: int = 0
    left_in_menu: int = 0
    orders: int = 0
    cancelled: int = 0
    revenue: Decimal = Decimal("0.00")

    @property
    def conversion(self) -> float | None:
        """Orders for each call; None without calls."""
        return self.orders / self.calls if self.calls else None


@dataclass(frozen=True, slots=True)
class MediaReport:
    """The most revenue first; by days or hours, in their order."""

    since: datetime
    until: datetime
    lines: tuple[MediaLine, ...]
    total: MediaLine
