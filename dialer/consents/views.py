"""Consents as they are shown."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ConsentView:
    """`number` None: every number of the customer; `campaign_id` None: every campaign. `holds`: now."""

    id: int
    number: str | None
    customer_id: int | None
    campaign_id: int | None
    proof: str | None
    call_id: str | None
    reference: str | None
    given_at: datetime
    expires_at: datetime | None
    recorded_by: str | None
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_why: str | None
    holds: bool
