"""What others see of requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RequestView:
    """`done`: how many rows of each table were given or erased; `files` are still to be removed."""

    id: int
    customer_id: int
    kind: str
    state: str
    identified_by: str
    requested_at: datetime
    due_at: datetime
    overdue: bool
    entered_by: int | None
    decided_at: datetime | None
    decided_by: int | None
    reason: str | None
    done: Mapping[str, int]
    files: int


@dataclass(frozen=True, slots=True)
class PersonalData:
    """All that is kept of a person: rows by table, and who changed what when."""

    customer_id: int
    made_at: datetime
    tables: Mapping[str, tuple[Mapping[str, Any], ...]]
    history: tuple[Mapping[str, Any], ...]
