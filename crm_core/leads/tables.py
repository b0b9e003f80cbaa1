"""Tables of sales leads (线索) and opportunities (商机).

Rule: a lead and an opportunity are with one salesperson or one dealer, or with nobody yet; a lead becomes one
opportunity, once.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import STAYS
from crm_core.db import Base
from crm_core.personal import NUMBER, PART, dash_for, emptied, entity
from crm_core.search_text import text_index

_Time = DateTime(timezone=True)
_WITH_ONE = "num_nonnulls(owner_id, dealer_customer_id) <= 1"


class Lead(Base):
    """Somebody who may buy. `customer_id` is whom the lead became, `search_text` what
    `crm_core.search_text` makes of the name.
    """

    __tablename__ = "leads"
    __table_args__ = (
        CheckConstraint(
            "source IN ('call','web','fair','referral','campaign','other')", name="source_known"
        ),
        CheckConstraint("state IN ('new','contacted','converted','lost')", name="state_known"),
        CheckConstraint(_WITH_ONE, name="with_one"),
        CheckConstraint(
            "(state = 'converted') = (customer_id IS NOT NULL)", name="converted_to_somebody"
        ),
        CheckConstraint("(state = 'lost') = (lost_reason IS NOT NULL)", name="lost_with_reason"),
        Index("ix_leads_owner", "owner_id", "id", postgresql_where=text("closed_at IS NULL")),
        Index("ix_leads_phone", "phone"),
        text_index("ix_leads_search_grams", "search_text"),
        text_index("ix_leads_phone_grams", "phone", postgresql_where=text("phone IS NOT NULL")),
        {"info": entity("lead")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    source: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(100), info=emptied("—"))
    search_text: Mapped[str] = mapped_column(String(1000), server_default="", info=emptied(""))
    phone: Mapped[str | None] = mapped_column(String(32), info=NUMBER | emptied())
    province: Mapped[str | None] = mapped_column(String(20))
    city: Mapped[str | None] = mapped_column(String(20))
    interest: Mapped[str | None] = mapped_column(String(1000), info=emptied())
    note: Mapped[str | None] = mapped_column(String(2000), info=emptied())
    call_id: Mapped[str | None] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(10), server_default="new")
    lost_reason: Mapped[str | None] = mapped_column(
        String(200), info=emptied(dash_for("lost_reason"))
    )
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    dealer_customer_id: Mapped[int | None] = mapped_column(
        ForeignKey("customers.id"), index=True, info=STAYS
    )
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time)
    closed_at: Mapped[datetime | None] = mapped_column(_Time)
    version: Mapped[int] = mapped_column(server_default="1")


class LeadHandover(Base):
    """With whom a lead came to be, and from when on; never changed."""

    __tablename__ = "lead_handovers"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"), index=True, info=PART)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    dealer_customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), info=STAYS)
    note: Mapped[str | None] = mapped_column(String(500), info=emptied())
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(_Time)


class OpportunityStage(Base):
    """A step towards an order; `outcome` marks the two at which it ends."""

    __tablename__ = "opportunity_stages"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent_sensible"),
        CheckConstraint("outcome IN ('won','lost')", name="outcome_known"),
        Index(
            "uq_opportunity_stages_outcome",
            "outcome",
            unique=True,
            postgresql_where=text("outcome IS NOT NULL"),
        ),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    percent: Mapped[int]
    place: Mapped[int]
    outcome: Mapped[str | None] = mapped_column(String(5))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class Opportunity(Base):
    """A customer may buy something by a day; `closed_at` when it is won or lost."""

    __tablename__ = "opportunities"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        CheckConstraint(_WITH_ONE, name="with_one"),
        Index(
            "ix_opportunities_owner", "owner_id", "id", postgresql_where=text("closed_at IS NULL")
        ),
        Index("ix_opportunities_stage", "stage_code", "id"),
        {"info": entity("opportunity")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("leads.id"), unique=True)
    title: Mapped[str] = mapped_column(String(100), info=emptied("—"))
    note: Mapped[str | None] = mapped_column(String(2000), info=emptied())
    stage_code: Mapped[str] = mapped_column(ForeignKey("opportunity_stages.code"))
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    close_on: Mapped[date | None]
    lost_reason: Mapped[str | None] = mapped_column(String(200), info=emptied())
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    dealer_customer_id: Mapped[int | None] = mapped_column(
        ForeignKey("customers.id"), index=True, info=STAYS
    )
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time)
    closed_at: Mapped[datetime | None] = mapped_column(_Time)
    version: Mapped[int] = mapped_column(server_default="1")


class OpportunityHandover(Base):
    """With whom an opportunity came to be, and from when on; never changed."""

    __tablename__ = "opportunity_handovers"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    opportunity_id: Mapped[int] = mapped_column(
        ForeignKey("opportunities.id"), index=True, info=PART
    )
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    dealer_customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), info=STAYS)
    note: Mapped[str | None] = mapped_column(String(500), info=emptied())
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(_Time)


class OpportunityMove(Base):
    """When an opportunity came to a stage; never changed."""

    __tablename__ = "opportunity_moves"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    opportunity_id: Mapped[int] = mapped_column(
        ForeignKey("opportunities.id"), index=True, info=PART
    )
    from_stage: Mapped[str | None] = mapped_column(String(30))
    to_stage: Mapped[str] = mapped_column(String(30))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(_Time)
