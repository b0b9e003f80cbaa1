"""What may be asked of care. Rule: only fields that are given are kept or changed."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from crm_core.care.occasions import Occasion
from crm_core.care.wording import known_placeholders
from crm_core.fields import PAGE, Command, Id, Limit, Text, Versioned
from crm_core.todos.commands import Priority


class AssignTo(StrEnum):
    """Who does it: the customer's salesperson, a person by name, or the salesperson's supervisor."""

    SALESPERSON = "salesperson"
    USER = "user"
    SUPERVISOR = "supervisor"


class DatedOccasion(StrEnum):
    """The occasions that come round each year."""

    BIRTHDAY = Occasion.BIRTHDAY
    CONTACT_BIRTHDAY = Occasion.CONTACT_BIRTHDAY
    ANNIVERSARY = Occasion.ANNIVERSARY
    FIRST_ORDER = Occasion.FIRST_ORDER


Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Label = Annotated[Text, Field(min_length=1, max_length=50)]
Title = Annotated[Text, Field(min_length=1, max_length=100), AfterValidator(known_placeholders)]
DaysBefore = Annotated[int, Field(ge=0, le=60)]
LocalHour = Annotated[int, Field(ge=0, le=23)]
HoursAfter = Annotated[int, Field(ge=1, le=720)]
LeadHours = Annotated[int, Field(ge=0, le=168)]
LevelCodes = Annotated[tuple[Code, ...], Field(max_length=100)]


class NewCareRule(Command):
    """Days and an hour for what comes each year, hours for what follows a delivery.

    Titles may hold {customer}, {contact}, {date}, {years} and {order}.
    """

    code: Code
    name_zh: Label
    name_en: Label
    occasion: Occasion
    days_before: DaysBefore | None = None
    local_hour: LocalHour | None = None
    hours_after: HoursAfter | None = None
    lead_hours: LeadHours | None = None
    level_codes: LevelCodes = ()
    assign_to: AssignTo = AssignTo.SALESPERSON
    assignee_id: Id | None = None
    title_zh: Title
    title_en: Title
    priority: Priority = Priority.NORMAL
    active: bool = True


class CareRuleEdit(Versioned):
    name_zh: Label = ""
    name_en: Label = ""
    days_before: DaysBefore | None = None
    local_hour: LocalHour | None = None
    hours_after: HoursAfter | None = None
    lead_hours: LeadHours | None = None
    level_codes: LevelCodes = ()
    assign_to: AssignTo = AssignTo.SALESPERSON
    assignee_id: Id | None = None
    title_zh: Title = ""
    title_en: Title = ""
    priority: Priority = Priority.NORMAL
    active: bool = True


class UpcomingQuery(Command):
    """Today and the `days` after it; `after`: the key of the last line of the page before."""

    occasion: DatedOccasion
    days: DaysBefore = 7
    after: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}:\d{1,9}:\d{1,9}$")] | None = None
    limit: Limit = PAGE


class CareHistoryQuery(Command):
    """`before`: the last to-do of the page before this one; the newest come first."""

    customer_id: Id
    before: Id | None = None
    limit: Limit = PAGE


class Key(Command):
    """Where a page of what is coming begins."""

    day: date
    customer_id: int
    part: int
