"""What may be asked of leads and opportunities."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from crm_core.customers.channel import Code
from crm_core.customers.fields import Custom
from crm_core.fields import PAGE, CallId, Command, Id, Limit, Text, Versioned
from crm_core.numbers import normalise


class LeadSource(StrEnum):
    CALL = "call"
    WEB = "web"
    FAIR = "fair"
    REFERRAL = "referral"
    CAMPAIGN = "campaign"
    OTHER = "other"


class LeadState(StrEnum):
    NEW = "new"
    CONTACTED = "contacted"
    CONVERTED = "converted"
    LOST = "lost"


def _number(typed: str) -> str:
    found = normalise(typed)
    if found is None:
        raise ValueError("write a telephone number, with its area code for a landline")
    return found


Name = Annotated[Text, Field(min_length=1, max_length=100)]
Phone = Annotated[Text, Field(min_length=3, max_length=32), AfterValidator(_number)]
Place = Annotated[Text, Field(min_length=1, max_length=20)]
Reason = Annotated[Text, Field(min_length=1, max_length=200)]
Money = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]
Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]


class NewLead(Command):
    """`owner_id` None: nobody has it yet."""

    name: Name
    source: LeadSource = LeadSource.CALL
    phone: Phone | None = None
    province: Place | None = None
    city: Place | None = None
    interest: Annotated[Text, Field(max_length=1000)] | None = None
    note: Annotated[Text, Field(max_length=2000)] | None = None
    call_id: CallId | None = None


class LeadEdit(Versioned):
    """Only what is given is changed."""

    name: Name = ""
    phone: Phone | None = None
    province: Place | None = None
    city: Place | None = None
    interest: Annotated[Text, Field(max_length=1000)] | None = None
    note: Annotated[Text, Field(max_length=2000)] | None = None
    contacted: bool = False


class HandOver(Versioned):
    """To a salesperson or to a dealer; to neither: back to everybody."""

    owner_id: Id | None = None
    dealer_customer_id: Id | None = None
    note: Annotated[Text, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.owner_id is not None and self.dealer_customer_id is not None:
            raise ValueError("hand it to a salesperson or to a dealer, not to both")
        return self


class Lose(Versioned):
    reason: Reason


class Reopen(Versioned):
    """Why there is hope again."""

    reason: Reason


class Convert(Versioned):
    """Without `customer_id` the customer who has the lead's number, or a new one with these values of the fields that
    the business added; who is known keeps the own.
    """

    customer_id: Id | None = None
    title: Name
    amount: Money = Decimal(0)
    close_on: Day | None = None
    custom: Custom = Field(default_factory=dict)


class LeadScope(StrEnum):
    MINE = "mine"
    UNASSIGNED = "unassigned"
    ALL = "all"


class LeadQuery(Command):
    """`before`: the last lead of the page before; the newest come first. `all` needs lead.manage.

    `name`: by Chinese words, pinyin or initials; `number`: a fragment of it; `since` and `until`: the days, in
    the company's zone, between which it was entered.
    """

    scope: LeadScope = LeadScope.MINE
    state: LeadState | None = None
    name: Annotated[Text, Field(max_length=100)] = ""
    number: Annotated[Text, Field(max_length=32)] = ""
    source: LeadSource | None = None
    province: Place | None = None
    city: Place | None = None
    owner_id: Id | None = None
    dealer_customer_id: Id | None = None
    since: Day | None = None
    until: Day | None = None
    before: Id | None = None
    limit: Limit = PAGE


class LeadReportBy(StrEnum):
    SOURCE = "source"
    OWNER = "owner"


class LeadReport(Command):
    """Leads that were entered on these days of the company's zone."""

    by: LeadReportBy = LeadReportBy.SOURCE
    since: Day
    until: Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.since:
            raise ValueError("until: the last day comes before the first")
        return self


class NewOpportunity(Command):
    customer_id: Id
    title: Name
    note: Annotated[Text, Field(max_length=2000)] | None = None
    amount: Money = Decimal(0)
    close_on: Day | None = None


class OpportunityEdit(Versioned):
    """Only what is given is changed."""

    title: Name = ""
    note: Annotated[Text, Field(max_length=2000)] | None = None
    amount: Money = Decimal(0)
    close_on: Day | None = None


class MoveOpportunity(Versioned):
    """`lost_reason` goes with the stage at which it is lost, and with no other."""

    stage_code: Code
    lost_reason: Reason | None = None


class OpportunityQuery(Command):
    scope: LeadScope = LeadScope.MINE
    customer_id: Id | None = None
    stage_code: Code | None = None
    open_only: bool = True
    before: Id | None = None
    limit: Limit = PAGE


class StageContent(Command):
    """`version` 0 makes a new stage; the two at which it ends stay."""

    version: Annotated[int, Field(ge=0, le=999_999_999)] = 0
    name_zh: Annotated[Text, Field(min_length=1, max_length=50)]
    name_en: Annotated[Text, Field(min_length=1, max_length=50)]
    percent: Annotated[int, Field(ge=0, le=100)]
    place: Annotated[int, Field(ge=0, le=1000)]
    active: bool = True
