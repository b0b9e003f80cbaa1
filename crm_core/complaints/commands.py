"""What may be asked of the complaints. Rule: only fields that are given are kept or changed."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from crm_core.complaints.flow import State
from crm_core.fields import PAGE, CallId, Command, Id, Limit, Moment, Text, Versioned

_YEAR_H = 366 * 24

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Name = Annotated[Text, Field(min_length=1, max_length=50)]
Hours = Annotated[int, Field(ge=1, le=_YEAR_H)]
Severity = Annotated[int, Field(ge=1, le=3)]
Satisfaction = Annotated[int, Field(ge=1, le=5)]
Description = Annotated[Text, Field(min_length=1, max_length=4000)]
Words = Annotated[Text, Field(min_length=1, max_length=2000)]
OrderNumber = Annotated[Text, Field(max_length=30)]
Compensation = Annotated[Text, Field(max_length=1000)]


class Channel(StrEnum):
    PHONE = "phone"
    ONLINE = "online"
    EMAIL = "email"
    VISIT = "visit"
    OTHER = "other"


class NewCategory(Command):
    code: Code
    parent_code: Code | None = None
    name_zh: Name
    name_en: Name
    handling_hours: Hours
    active: bool = True


class CategoryEdit(Versioned):
    code: Code
    parent_code: Code | None = None
    name_zh: Name = ""
    name_en: Name = ""
    handling_hours: Hours = 1
    active: bool = True


class NewComplaint(Command):
    """`severity` 1 is a nuisance, 3 is grave."""

    customer_id: Id
    category_code: Code
    severity: Severity = 2
    channel: Channel = Channel.PHONE
    description: Description
    call_id: CallId | None = None
    order_number: OrderNumber | None = None


class ComplaintEdit(Versioned):
    category_code: Code = ""
    severity: Severity = 2
    channel: Channel = Channel.PHONE
    description: Description = ""
    order_number: OrderNumber | None = None


class Comment(Command):
    text: Words


class Assign(Versioned):
    handler_id: Id
    comment: Words | None = None


class Resolve(Versioned):
    resolution: Words
    compensation: Compensation | None = None


class Close(Versioned):
    """`satisfaction` is None when the customer did not say."""

    satisfaction: Satisfaction | None = None
    comment: Words | None = None


class Reason(Versioned):
    """Why it is rejected or reopened."""

    reason: Words


class ComplaintQuery(Command):
    """`before`: the last complaint of the page before this one; the newest come first.

    `open`: only those that are not handled yet. A category stands for all below it, too. `text` is any part of the
    description, the resolution, the order's number or the customer's name; entered from `since` until before `until`.
    """

    customer_id: Id | None = None
    category_code: Code | None = None
    state: State | None = None
    severity: Severity | None = None
    text: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    open: bool = False
    handler_id: Id | None = None
    before: Id | None = None
    limit: Limit = PAGE


class OverdueQuery(Command):
    """`after`: the last complaint of the page before this one; the longest overdue come first."""

    handler_id: Id | None = None
    after: Id | None = None
    limit: Limit = PAGE


class StepQuery(Command):
    """`after`: the last step of the page before this one; the oldest come first."""

    after: Annotated[int, Field(ge=1, le=2**62)] | None = None
    limit: Limit = PAGE


class Grouping(StrEnum):
    """`top_category`: the category at the root of the tree; `salesperson`, `province` and `city` (with its province) are
    the customer's of today; periods begin in the zone of `since`.
    """

    CATEGORY = "category"
    TOP_CATEGORY = "top_category"
    STATE = "state"
    SEVERITY = "severity"
    HANDLER = "handler"
    SALESPERSON = "salesperson"
    PROVINCE = "province"
    CITY = "city"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class ReportQuery(Command):
    """Complaints entered from `since` until before `until`."""

    since: Moment
    until: Moment
    by: Annotated[tuple[Grouping, ...], Field(max_length=3)] = (Grouping.CATEGORY,)
