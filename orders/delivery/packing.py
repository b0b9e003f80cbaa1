"""Which stops a vehicle takes, and in which order. Rule: pure; the order of the route is kept, what does not
fit is left out and said, and what was taken before stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """One order's goods; `place` is where the route visits its customer, None when the route does not say."""

    order_id: int
    place: int | None
    weight_g: int
    volume_ml: int


@dataclass(frozen=True, slots=True)
class Capacity:
    weight_g: int
    volume_ml: int


@dataclass(frozen=True, slots=True)
class Packed:
    """Both in the order of visits."""

    taken: tuple[Load, ...]
    left: tuple[Load, ...]


def pack(wanted: Sequence[Load], room: Capacity) -> Packed:
    """In the order of the route, and of the orders' ids where it is the same; those it does not name come last."""
    taken: list[Load] = []
    left: list[Load] = []
    weight, volume = room.weight_g, room.volume_ml
    for load in sorted(wanted, key=visit):
        if load.weight_g <= weight and load.volume_ml <= volume:
            weight, volume = weight - load.weight_g, volume - load.volume_ml
            taken.append(load)
        else:
            left.append(load)
    return Packed(tuple(taken), tuple(left))


def visit(load: Load) -> tuple[bool, int, int]:
    return load.place is None, load.place or 0, load.order_id
