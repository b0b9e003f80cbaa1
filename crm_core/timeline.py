"""What a room tells of a customer's history. Rule: an entry carries a code and its parameters, never a
sentence, so that screens say it in the reader's language.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened. `kind` such as "todo.done"; `reference` is the record's id."""

    at: datetime
    kind: str
    reference: str
    title: str
    params: Mapping[str, str]
    actor_id: int | None
