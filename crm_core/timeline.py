"""What a room tells of a customer's history. Rule: an entry carries a code and its parameters, never a
sentence, so that screens say it in the reader's language. Entries stand in the order of their places (time,
kind, mark), which no two share, so that a page goes on exactly where the one before ended.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, String, and_, cast, literal, or_, tuple_

from crm_core.errors import Invalid
from crm_core.fields import Moment

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened. `kind` such as "todo.done"; `reference` is the record's id.

    `row` is the id of the row that tells it, where a record has several of one kind.
    """

    at: datetime
    kind: str
    reference: str
    title: str
    params: Mapping[str, str]
    actor_id: int | None
    row: int | None = None

    @property
    def place(self) -> "Place":
        return Place(self.at, self.kind, self.reference if self.row is None else str(self.row))


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an entry stands; a time alone stands before everything of that time."""

    at: datetime
    kind: str = ""
    mark: str = ""

    def __str__(self) -> str:
        return f"{self.at.isoformat()}|{self.kind}|{self.mark}"

    @classmethod
    def read(cls, written: str) -> Self:
        """What `str` made of one. Raises Invalid."""
        at, _, rest = written.partition("|")
        kind, _, mark = rest.partition("|")
        try:
            return cls(_MOMENT.validate_python(at), kind, mark)
        except ValidationError:
            raise Invalid(
                "Ask for the next page by what the page before gave.", fields={"after": "unknown"}
            ) from None

    def is_after(self, at: Any, kind: Any, mark: Any) -> ColumnElement[bool]:
        """The condition that a row's entry is older than this place; the mark is the id of its row."""
        same = tuple_(*_signs(kind, mark)) < tuple_(literal(self.kind), literal(self.mark))
        return and_(at <= self.at, or_(at < self.at, same))


def newest_first(at: Any, kind: Any, mark: Any) -> tuple[ColumnElement[Any], ...]:
    """The order of the rows of which a source takes the first."""
    return at.desc(), *(sign.desc() for sign in _signs(kind, mark))


def newest(entries: Iterable[TimelineEntry], limit: int) -> Sequence[TimelineEntry]:
    """The newest of all, the newest first."""
    return heapq.nlargest(limit, entries, key=lambda entry: entry.place)


def _signs(kind: Any, mark: Any) -> tuple[ColumnElement[Any], ...]:
    """Kind and mark in the order in which Python, too, compares texts."""
    told = literal(kind) if isinstance(kind, str) else kind
    return cast(told, String).collate("C"), cast(mark, String).collate("C")
