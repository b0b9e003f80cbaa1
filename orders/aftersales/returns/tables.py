"""Tables of returns (退换货). Rule: how much of a line comes back stands with the order's own line, which forbids more
than was ordered; a return says when, why, and what was counted.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Numeric,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import PART, emptied, entity
from orders.aftersales.returns.flow import Kind, State, Way, Why
from orders.delivery.tables import Waybill

_Time = DateTime(timezone=True)


def one_of(column: str, codes: list[str]) -> str:
    return f"{column} IN ({','.join(repr(str(code)) for code in codes)})"


class OrderReturn(Base):
    """`value` is what the goods that came are worth to the fen, `asked_back` how much of it was asked of the payment
    gateway; `replacement_id` is the part that goes out for them; `late_reason` says why it was taken after its time.
    """

    __tablename__ = "order_returns"
    __table_args__ = (
        CheckConstraint(one_of("kind", list(Kind)), name="kind_known"),
        CheckConstraint(one_of("way", list(Way)), name="way_known"),
        CheckConstraint(one_of("reason_code", list(Why)), name="reason_known"),
        CheckConstraint(one_of("state", list(State)), name="state_known"),
        CheckConstraint("0 <= asked_back AND asked_back <= value", name="money_sensible"),
        CheckConstraint(
            "replacement_id IS NULL OR kind = 'exchange'", name="only_exchanges_replace"
        ),
        Index(
            "ix_order_returns_going_on",
            "id",
            postgresql_where=text("state IN ('requested','approved','received')"),
        ),
        {"info": entity("order_return")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True, info=PART)
    kind: Mapped[str] = mapped_column(String(20))
    way: Mapped[str] = mapped_column(String(10))
    reason_code: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(500), info=emptied())
    late_reason: Mapped[str | None] = mapped_column(String(300), info=emptied())
    state: Mapped[str] = mapped_column(String(10))
    value: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    asked_back: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    waybill_id: Mapped[int | None] = mapped_column(ForeignKey(Waybill.id))
    replacement_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), unique=True)
    version: Mapped[int] = mapped_column(server_default=text("1"))
    requested_at: Mapped[datetime] = mapped_column(_Time)
    changed_at: Mapped[datetime] = mapped_column(_Time)


class OrderReturnLine(Base):
    """`quantity` of the line's unit is to come; once received, so many are good, damaged and missing, and what is
    credited is worth `value`.
    """

    __tablename__ = "order_return_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["order_id", "line_no"], ["order_lines.order_id", "order_lines.line_no"]
        ),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("num_nonnulls(good, damaged, missing) IN (0, 3)", name="counted_in_full"),
        CheckConstraint(
            "good >= 0 AND damaged >= 0 AND missing >= 0 AND good + damaged + missing = quantity",
            name="count_adds_up",
        ),
        CheckConstraint("value >= 0", name="value_not_negative"),
    )

    return_id: Mapped[int] = mapped_column(
        ForeignKey("order_returns.id"), primary_key=True, info=PART
    )
    line_no: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int]
    quantity: Mapped[int]
    good: Mapped[int | None]
    damaged: Mapped[int | None]
    missing: Mapped[int | None]
    value: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")


class OrderReturnStep(Base):
    """Who brought a return into a state, when, and with which words; only ever added."""

    __tablename__ = "order_return_steps"
    __table_args__ = (Index("ix_order_return_steps_return", "return_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    return_id: Mapped[int] = mapped_column(ForeignKey("order_returns.id"), info=PART)
    state: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(_Time)
    text: Mapped[str | None] = mapped_column(String(500), info=emptied())


class ReturnTerm(Base):
    """Within how many days after the delivery goods may be returned: those of a category and what is below it,
    or, by the code `general`, all others; None: at any time.
    """

    __tablename__ = "return_terms"
    __table_args__ = (CheckConstraint("days BETWEEN 0 AND 3650", name="days_sensible"),)

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    days: Mapped[int | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
