"""What was worked out about customers from their orders and calls."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import STAYS
from crm_core.db import Base


class CustomerInsight(Base):
    __tablename__ = "customer_insight"

    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, info=STAYS
    )
    segment_code: Mapped[str | None] = mapped_column(String(30), index=True)
    grade_code: Mapped[str | None] = mapped_column(String(10), index=True)
    last_order_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)
    last_contact_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)
    warnings: Mapped[list[dict[str, object]]] = mapped_column(JSONB, server_default="[]")
