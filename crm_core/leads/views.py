"""What others see of leads and opportunities."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class LeadView:
    id: int
    source: str
    name: str
    phone: str | None
    province: str | None
    city: str | None
    interest: str | None
    note: str | None
    call_id: str | None
    state: str
    lost_reason: str | None
    owner_id: int | None
    owner_name: str | None
    dealer_customer_id: int | None
    dealer_name: str | None
    customer_id: int | None
    created_by: int | None
    created_at: datetime
    closed_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class HandoverView:
    owner_id: int | None
    dealer_customer_id: int | None
    note: str | None
    actor_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A dealer whose territory the lead lies in, and the salesperson who looks after that dealer."""

    dealer_customer_id: int
    dealer_name: str
    salesperson_id: int | None
    salesperson_name: str | None


@dataclass(frozen=True, slots=True)
class LeadDetail:
    """`same_number`: other open leads; `known_as`: the customer who has this number, when one may be seen."""

    lead: LeadView
    handovers: tuple[HandoverView, ...]
    suggestions: tuple[Suggestion, ...]
    same_number: tuple[int, ...]
    known_as: int | None


@dataclass(frozen=True, slots=True)
class CallersLead:
    """What whoever has the caller on the telephone sees of an open lead with the caller's number."""

    id: int
    name: str
    source: str
    state: str
    interest: str | None
    owner_name: str | None
    dealer_name: str | None


@dataclass(frozen=True, slots=True)
class LeadReportLine:
    """Of one source, or of one person (None: with nobody or with a dealer).

    `won`: their opportunities were won; `conversion` are the converted ones in per cent of all.
    """

    source: str | None
    owner_id: int | None
    owner_name: str | None
    leads: int
    converted: int
    won: int
    lost: int
    conversion: Decimal


@dataclass(frozen=True, slots=True)
class OpportunityView:
    id: int
    customer_id: int
    customer_name: str
    lead_id: int | None
    title: str
    note: str | None
    stage_code: str
    percent: int
    outcome: str | None
    amount: Decimal
    close_on: date | None
    lost_reason: str | None
    owner_id: int | None
    owner_name: str | None
    dealer_customer_id: int | None
    dealer_name: str | None
    created_at: datetime
    closed_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class MoveView:
    """`from_stage` None: where it began."""

    from_stage: str | None
    to_stage: str
    actor_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class OpportunityHistory:
    opportunity: OpportunityView
    moves: tuple[MoveView, ...]
    handovers: tuple[HandoverView, ...]


@dataclass(frozen=True, slots=True)
class StageView:
    code: str
    name_zh: str
    name_en: str
    percent: int
    place: int
    outcome: str | None
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class PipelineStage:
    """Open opportunities at a stage; `weighted` is the sum by the stage's per cent."""

    stage_code: str
    opportunities: int
    amount: Decimal
    weighted: Decimal
