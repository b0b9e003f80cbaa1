"""In what a step of after-sales is done. Rule: handed in, so that nothing below asks for a clock."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from crm_core.rights import Actor
from orders.sales.moving import Moved
from orders.stock.events import StockChanged


@dataclass(slots=True)
class Effects:
    """What is told on the bus after the commit."""

    stock: list[StockChanged] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)

    def add(self, moved: Moved) -> None:
        self.moved.append(moved)

    def events(self) -> tuple[object, ...]:
        """In the order in which they happened."""
        told: list[object] = []
        for each in self.moved:
            told += [each.event, *each.stock]
        return (*told, *self.stock)


@dataclass(frozen=True, slots=True)
class Setting:
    """By whom, when, which channels have a notifier, and the company's zone; `effects`
    grows with what is done.
    """

    actor: Actor
    channels: Collection[str]
    now: datetime
    zone: tzinfo
    effects: Effects = field(default_factory=Effects)

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()
