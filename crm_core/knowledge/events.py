"""What questions tell the rest of the daemon, on the bus. Rule: published once, after the commit."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """For those who may answer it and may see its customer."""

    question_id: int
    text: str
    customer_id: int | None
    call_id: str | None
    asker_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    """For the asker. `entry_id`: the answer became this entry of the knowledge base."""

    question_id: int
    text: str
    customer_id: int | None
    call_id: str | None
    asker_id: int
    answered_by_id: int | None
    entry_id: int | None
    at: datetime
