"""Two lists of movements held against each other. Rule: pure; a movement is known by kind and reference, each is
matched once, and whatever is left over is said.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Movement:
    """`id` is its row's, on its own side."""

    id: int
    kind: str
    reference: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Matching:
    """`same` and `differing` are pairs (theirs, ours)."""

    same: tuple[tuple[Movement, Movement], ...]
    differing: tuple[tuple[Movement, Movement], ...]
    missing_here: tuple[Movement, ...]
    missing_there: tuple[Movement, ...]


def match(theirs: Iterable[Movement], ours: Iterable[Movement]) -> Matching:
    """Either side has a reference of one kind once."""
    left = {(each.kind, each.reference): each for each in ours}
    same: list[tuple[Movement, Movement]] = []
    differing: list[tuple[Movement, Movement]] = []
    missing_here: list[Movement] = []
    for each in theirs:
        found = left.pop((each.kind, each.reference), None)
        if found is None:
            missing_here.append(each)
        elif found.amount == each.amount:
            same.append((each, found))
        else:
            differing.append((each, found))
    return Matching(tuple(same), tuple(differing), tuple(missing_here), tuple(left.values()))
