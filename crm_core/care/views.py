"""Care as people see it. Rule: a view's fields stand in the order of its columns."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select

from crm_core.care.tables import CareRule
from crm_core.people.tables import User


@dataclass(frozen=True, slots=True)
class CareRuleView:
    """Without `level_codes` for customers of all levels."""

    code: str
    name_zh: str
    name_en: str
    occasion: str
    days_before: int | None
    local_hour: int | None
    hours_after: int | None
    lead_hours: int | None
    level_codes: list[str]
    assign_to: str
    assignee_id: int | None
    assignee_name: str | None
    title_zh: str
    title_en: str
    priority: str
    active: bool
    version: int
    active_since: datetime
    looked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A day that is celebrated; `part` tells the contacts of a customer apart, else it is 0."""

    day: date
    customer_id: int
    part: int
    customer_name: str
    level_code: str
    salesperson_id: int | None
    salesperson_name: str | None
    contact_name: str | None
    years: int

    @property
    def key(self) -> str:
        return f"{self.day}:{self.customer_id}:{self.part}"


@dataclass(frozen=True, slots=True)
class CarePreview:
    """How many to-dos a rule makes of one day and of seven: of those to come where days are celebrated,
    of the past ones where something follows a delivery.
    """

    today: int
    seven_days: int


def rules() -> Select[*tuple[Any, ...]]:
    """The columns of CareRuleView."""
    return select(
        CareRule.code,
        CareRule.name_zh,
        CareRule.name_en,
        CareRule.occasion,
        CareRule.days_before,
        CareRule.local_hour,
        CareRule.hours_after,
        CareRule.lead_hours,
        CareRule.level_codes,
        CareRule.assign_to,
        CareRule.assignee_id,
        User.name,
        CareRule.title_zh,
        CareRule.title_en,
        CareRule.priority,
        CareRule.active,
        CareRule.version,
        CareRule.active_since,
        CareRule.looked_at,
    ).outerjoin(User, User.id == CareRule.assignee_id)
