"""What was worked out about customers from their orders and calls, and whose is to be worked out again.

Rule: the queue is only ever added to and taken from, never changed in place: who writes an order or a
call into it waits for nobody, and nobody waits for them.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import STAYS
from crm_core.db import Base
from crm_core.personal import REMOVED

_NOW = func.now()
_Time = DateTime(timezone=True)
_Money = Numeric(16, 2)


class CustomerInsight(Base):
    """`quarter_…`: this quarter first, then the three before. `rules_version` 0: not worked out yet;
    `next_due_at`: the first moment at which time alone may change what stands here.
    """

    __tablename__ = "customer_insight"
    __table_args__ = (
        CheckConstraint("least(r, f, m) >= 1 AND greatest(r, f, m) <= 5", name="scores_1_to_5"),
        Index("ix_customer_insight_segment", "segment_code", "revenue_12m", "customer_id"),
        Index("ix_customer_insight_rules", "rules_version", "customer_id"),
        Index(
            "ix_customer_insight_warned",
            "revenue_12m",
            "customer_id",
            postgresql_where=text("warnings <> '[]'"),
        ),
        {"info": REMOVED},
    )

    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, info=STAYS
    )
    computed_at: Mapped[datetime] = mapped_column(_Time, server_default=_NOW)
    next_due_at: Mapped[datetime | None] = mapped_column(_Time, index=True)
    rules_version: Mapped[int] = mapped_column(server_default="0")
    orders_12m: Mapped[int] = mapped_column(server_default="0")
    revenue_12m: Mapped[Decimal] = mapped_column(_Money, server_default="0")
    orders_90d: Mapped[int] = mapped_column(server_default="0")
    revenue_90d: Mapped[Decimal] = mapped_column(_Money, server_default="0")
    quarter_orders: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{0,0,0,0}")
    quarter_revenue: Mapped[list[Decimal]] = mapped_column(
        ARRAY(_Money), server_default="{0,0,0,0}"
    )
    first_order_at: Mapped[datetime | None] = mapped_column(_Time)
    last_order_at: Mapped[datetime | None] = mapped_column(_Time, index=True)
    last_contact_at: Mapped[datetime | None] = mapped_column(_Time, index=True)
    order_interval_days: Mapped[Decimal | None] = mapped_column(Numeric(8, 1))
    r: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    f: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    m: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    segment_code: Mapped[str | None] = mapped_column(String(30))
    grade_code: Mapped[str | None] = mapped_column(String(10), index=True)
    warnings: Mapped[list[dict[str, object]]] = mapped_column(JSONB, server_default="[]")
    reasons: Mapped[list[dict[str, object]]] = mapped_column(JSONB, server_default="[]")


class InsightQueueEntry(Base):
    """Something about this customer has changed."""

    __tablename__ = "insight_queue"
    __table_args__ = ({"info": REMOVED},)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True, info=STAYS
    )
    since: Mapped[datetime] = mapped_column(_Time, server_default=_NOW)
