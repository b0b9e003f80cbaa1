"""Tables of review. Rule: a rule that ended stays, so that every verdict of the past can be explained."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Numeric,
    String,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from orders.review.rules import ReviewKind, Says

_KINDS = ",".join(f"'{kind}'" for kind in ReviewKind)
_SAYS = ",".join(f"'{each}'" for each in Says)


class OrderReviewRule(Base):
    """One rule; docs in `orders.review.rules`."""

    __tablename__ = "order_review_rules"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_KINDS})", name="kind_known"),
        CheckConstraint(f"says IN ({_SAYS})", name="says_known"),
        CheckConstraint("value >= 0", name="value_not_negative"),
        CheckConstraint(
            "(kind = 'note_words') = (cardinality(words) > 0)", name="words_for_notes_only"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    says: Mapped[str] = mapped_column(String(10))
    name_zh: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    value: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    words: Mapped[list[str]] = mapped_column(ARRAY(String(50)), server_default=text("'{}'"))
    active: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(server_default=text("1"))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class OrderReviewLimit(Base):
    """How much people of a role may approve, an order with all its parts; None is without limit.
    `most_beyond_credit` is how far an order they approve may go beyond the customer's credit; `most_discount` is how
    many per cent they may take off in a quote (`orders.sales.discounts` says what None is); `most_waived` is how much of
    an order they may settle that is not paid. A role that does not
    stand here approves nothing that was held, and waives nothing.
    """

    __tablename__ = "order_review_limits"
    __table_args__ = (
        CheckConstraint("most_total >= 0", name="most_total_not_negative"),
        CheckConstraint("most_beyond_credit >= 0", name="most_beyond_credit_not_negative"),
        CheckConstraint("most_discount BETWEEN 0 AND 100", name="most_discount_sensible"),
        CheckConstraint("most_waived >= 0", name="most_waived_not_negative"),
    )

    role_code: Mapped[str] = mapped_column(ForeignKey("roles.code"), primary_key=True)
    most_total: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    most_beyond_credit: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    most_discount: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    most_waived: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    version: Mapped[int] = mapped_column(server_default=text("1"))
