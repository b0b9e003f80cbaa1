"""The table of consents. Rule: one that was withdrawn, or is over, stays as a proof of what was allowed and when."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Identity, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import NUMBER, REMOVED, entity

_Time = DateTime(timezone=True)


class CallConsent(Base):
    """Somebody agrees to be called by campaigns, with `campaign_id` by this one alone; without `number` at every number of
    the customer. What proves it is said (`proof`), is a call of ours (`call_id`), or a paper or file (`reference`).
    """

    __tablename__ = "call_consents"
    __table_args__ = (
        CheckConstraint("num_nonnulls(number, customer_id) > 0", name="of_somebody"),
        CheckConstraint("num_nonnulls(proof, call_id, reference) > 0", name="proved"),
        CheckConstraint("expires_at > given_at", name="over_after_it_was_given"),
        CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_why IS NULL)", name="withdrawn_with_its_reason"
        ),
        Index("ix_call_consents_number", "number"),
        Index("ix_call_consents_customer_id", "customer_id"),
        {"info": REMOVED | entity("call_consent")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str | None] = mapped_column(String(32), info=NUMBER)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id"))
    proof: Mapped[str | None] = mapped_column(String(500))
    call_id: Mapped[str | None] = mapped_column(String(32))
    reference: Mapped[str | None] = mapped_column(String(200))
    given_at: Mapped[datetime] = mapped_column(_Time)
    expires_at: Mapped[datetime | None] = mapped_column(_Time)
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at: Mapped[datetime] = mapped_column(_Time)
    withdrawn_at: Mapped[datetime | None] = mapped_column(_Time)
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    withdrawn_why: Mapped[str | None] = mapped_column(String(200))
