"""Questions as people see them, and the columns they are read from.

Rule: the view's fields stand in the order of its columns.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from crm_core.customers.tables import Customer
from crm_core.knowledge.tables import KnowledgeQuestion
from crm_core.people.tables import User


@dataclass(frozen=True, slots=True)
class QuestionView:
    id: int
    text: str
    customer_id: int | None
    customer_name: str | None
    call_id: str | None
    asker_id: int
    asker_name: str
    asked_at: datetime
    answer: str | None
    answered_by_id: int | None
    answered_by_name: str | None
    answered_at: datetime | None
    entry_id: int | None


@dataclass(frozen=True, slots=True)
class LiveQuestion:
    """A question that waits, or was answered lately; `readers` may answer it and see its customer."""

    question: QuestionView
    readers: tuple[int, ...]


Asker, Answerer = aliased(User), aliased(User)


def questions() -> Select[*tuple[Any, ...]]:
    """The columns of QuestionView."""
    table = KnowledgeQuestion
    return (
        select(
            table.id,
            table.text,
            table.customer_id,
            Customer.name,
            table.call_id,
            table.asker_id,
            Asker.name,
            table.asked_at,
            table.answer,
            table.answered_by_id,
            Answerer.name,
            table.answered_at,
            table.entry_id,
        )
        .join(Asker, Asker.id == table.asker_id)
        .outerjoin(Answerer, Answerer.id == table.answered_by_id)
        .outerjoin(Customer, Customer.id == table.customer_id)
    )
