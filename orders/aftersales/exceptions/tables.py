"""Tables of exceptions (异常单). Rule: a decision is there with who made it and when, once; steps are only added."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    String,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.benefits.tables import Coupon, Package
from crm_core.db import Base
from crm_core.personal import PART, dash_for, emptied, entity
from orders.aftersales.exceptions.flow import Action, Kind, Resolution, State
from orders.aftersales.returns.tables import one_of

_Time = DateTime(timezone=True)
_DECIDED = "state IN ('decided','closed')"


class OrderException(Base):
    """`cost` is what its decision costs the business in yuan, `refund` how much of it the order brings less."""

    __tablename__ = "order_exceptions"
    __table_args__ = (
        CheckConstraint(one_of("kind", list(Kind)), name="kind_known"),
        CheckConstraint(one_of("state", list(State)), name="state_known"),
        CheckConstraint(one_of("resolution", list(Resolution)), name="resolution_known"),
        CheckConstraint("level BETWEEN 1 AND 3", name="level_known"),
        CheckConstraint(
            f"({_DECIDED}) = (decided_at IS NOT NULL)"
            " AND (decided_at IS NULL) = (resolution IS NULL)",
            name="decided_once",
        ),
        CheckConstraint("0 <= refund AND refund <= cost", name="money_sensible"),
        Index("ix_order_exceptions_due", "due_at", postgresql_where=text("state = 'open'")),
        Index("ix_order_exceptions_raised_at", "raised_at"),
        {"info": entity("order_exception")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True, info=PART)
    kind: Mapped[str] = mapped_column(String(15))
    level: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    description: Mapped[str] = mapped_column(String(2000), info=emptied("—"))
    raised_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    raised_at: Mapped[datetime] = mapped_column(_Time)
    due_at: Mapped[datetime] = mapped_column(_Time)
    escalated_at: Mapped[datetime | None] = mapped_column(_Time)
    resolution: Mapped[str | None] = mapped_column(String(12))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(_Time)
    words: Mapped[str | None] = mapped_column(String(300), info=emptied(dash_for("words")))
    cost: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    refund: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey(Coupon.id), unique=True)
    package_id: Mapped[int | None] = mapped_column(ForeignKey(Package.id), unique=True)
    return_id: Mapped[int | None] = mapped_column(ForeignKey("order_returns.id"), unique=True)
    version: Mapped[int] = mapped_column(server_default=text("1"))


class OrderExceptionStep(Base):
    """What was done to an exception, on which level it then stood, and by whom (None: Zongji itself)."""

    __tablename__ = "order_exception_steps"
    __table_args__ = (
        CheckConstraint(one_of("action", list(Action)), name="action_known"),
        Index("ix_order_exception_steps_exception", "exception_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    exception_id: Mapped[int] = mapped_column(ForeignKey("order_exceptions.id"), info=PART)
    action: Mapped[str] = mapped_column(String(10))
    level: Mapped[int]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(_Time)
    text: Mapped[str | None] = mapped_column(String(500), info=emptied())


class ExceptionLevel(Base):
    """A level: within how many hours it is decided, and the most (yuan) that may be given on it; None: any."""

    __tablename__ = "exception_levels"
    __table_args__ = (
        CheckConstraint("level BETWEEN 1 AND 3", name="level_known"),
        CheckConstraint("hours BETWEEN 1 AND 8784", name="hours_sensible"),
        CheckConstraint("most >= 0", name="most_not_negative"),
    )

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    hours: Mapped[int]
    most: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    version: Mapped[int] = mapped_column(server_default=text("1"))


class ExceptionRule(Base):
    """Exceptions that fit (kind, least total of the order, customer's level, only VIPs) begin on `level`."""

    __tablename__ = "exception_rules"
    __table_args__ = (
        CheckConstraint(one_of("kind", list(Kind)), name="kind_known"),
        CheckConstraint("level BETWEEN 1 AND 3", name="level_known"),
        CheckConstraint("least_total >= 0", name="least_total_not_negative"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str | None] = mapped_column(String(15))
    least_total: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    level_code: Mapped[str | None] = mapped_column(ForeignKey("levels.code"))
    vip: Mapped[bool] = mapped_column(server_default=text("false"))
    level: Mapped[int]
    active: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(server_default=text("1"))
