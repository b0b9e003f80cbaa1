"""Tables of couriers and waybills. Rule: a number stands for one waybill of its courier, an order has one
waybill on its way, and the same word of a courier is kept once.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import PART, dash_for, emptied
from orders.delivery.codes import Check, CourierKind, EventCode, Outcome, State, Way, WaybillKind

_Time = DateTime(timezone=True)
_Money = Numeric(12, 2)
_EMPTY = text("'{}'")


def one_of(column: str, codes: type[Any]) -> str:
    return f"{column} IN ({','.join(repr(str(code)) for code in codes)})"


class Courier(Base):
    """Who carries goods; of those that can carry an order the least `priority` does, then the cheapest.

    `feedback_columns` names the columns of the courier's files, `feedback_codes` what its words mean.
    """

    __tablename__ = "couriers"
    __table_args__ = (
        CheckConstraint(one_of("kind", CourierKind), name="kind_known"),
        CheckConstraint(one_of("number_check", Check), name="number_check_known"),
        CheckConstraint("cod_fee_percent BETWEEN 0 AND 100", name="cod_fee_percent_sensible"),
        CheckConstraint("cod_fee_least >= 0", name="cod_fee_not_negative"),
        CheckConstraint("cod_most > 0", name="cod_most_positive"),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    kind: Mapped[str] = mapped_column(String(10))
    paper: Mapped[str] = mapped_column(String(30))
    ways: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    not_served: Mapped[list[str]] = mapped_column(ARRAY(String(40)), server_default=_EMPTY)
    priority: Mapped[int] = mapped_column(server_default="0")
    number_check: Mapped[str] = mapped_column(String(10), server_default="none")
    cod: Mapped[bool] = mapped_column(server_default=text("false"))
    cod_fee_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2), server_default="0")
    cod_fee_least: Mapped[Decimal] = mapped_column(_Money, server_default="0")
    cod_most: Mapped[Decimal | None] = mapped_column(_Money)
    feedback_columns: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=_EMPTY)
    feedback_codes: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=_EMPTY)
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class CourierTariff(Base):
    """What a parcel costs into these areas (none: everywhere), heavier than `over_g` up to `up_to_g`.

    The first `first_g` grams cost `first_price`, each further `further_g` begun `further_price`.
    """

    __tablename__ = "courier_tariffs"
    __table_args__ = (
        CheckConstraint("over_g >= 0 AND (up_to_g IS NULL OR up_to_g > over_g)", name="bracket"),
        CheckConstraint("first_g > 0 AND further_g > 0", name="steps_positive"),
        CheckConstraint("first_price >= 0 AND further_price >= 0", name="prices_not_negative"),
        CheckConstraint("days BETWEEN 0 AND 90", name="days_sensible"),
    )

    courier_code: Mapped[str] = mapped_column(ForeignKey("couriers.code"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    areas: Mapped[list[str]] = mapped_column(ARRAY(String(40)), server_default=_EMPTY)
    over_g: Mapped[int] = mapped_column(server_default="0")
    up_to_g: Mapped[int | None]
    first_g: Mapped[int]
    first_price: Mapped[Decimal] = mapped_column(_Money)
    further_g: Mapped[int]
    further_price: Mapped[Decimal] = mapped_column(_Money)
    days: Mapped[int]


class NumberRange(Base):
    """Waybill numbers that a courier has given out: `prefix`, the serial in `width` digits, `suffix`."""

    __tablename__ = "waybill_number_ranges"
    __table_args__ = (
        CheckConstraint("first_serial >= 0 AND last_serial >= first_serial", name="in_order"),
        CheckConstraint("next_serial BETWEEN first_serial AND last_serial + 1", name="next_within"),
        CheckConstraint("width BETWEEN 1 AND 18", name="width_sensible"),
        Index("ix_waybill_number_ranges_courier_code", "courier_code", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    courier_code: Mapped[str] = mapped_column(ForeignKey("couriers.code"))
    prefix: Mapped[str] = mapped_column(String(10), server_default="")
    suffix: Mapped[str] = mapped_column(String(10), server_default="")
    width: Mapped[int]
    first_serial: Mapped[int] = mapped_column(BigInteger)
    last_serial: Mapped[int] = mapped_column(BigInteger)
    next_serial: Mapped[int] = mapped_column(BigInteger)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time)


class Consignee(Base):
    """Who gets an order and where: a copy of its own, so that an old paper stays true."""

    __tablename__ = "order_consignees"
    __table_args__ = (CheckConstraint(one_of("way", Way), name="way_known"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True, info=PART)
    recipient: Mapped[str] = mapped_column(String(100), info=emptied("—"))
    phone: Mapped[str | None] = mapped_column(String(32), info=emptied())
    province: Mapped[str | None] = mapped_column(String(20), info=emptied())
    city: Mapped[str | None] = mapped_column(String(20), info=emptied())
    district: Mapped[str | None] = mapped_column(String(30), info=emptied())
    street: Mapped[str] = mapped_column(String(300), info=emptied("—"))
    postcode: Mapped[str | None] = mapped_column(String(10), info=emptied())
    way: Mapped[str] = mapped_column(String(20), server_default=Way.STANDARD)
    version: Mapped[int] = mapped_column(server_default="1")


class Waybill(Base):
    """A parcel of an order at a courier.

    `freight` is what the courier takes for it, `cod_amount` what it collects and owes us, `cod_fee` what it
    keeps of that; `collected` what it said it collected. `why` explains the choice of the courier;
    `order_version` is that of the order for which it was made.
    """

    __tablename__ = "waybills"
    __table_args__ = (
        CheckConstraint(one_of("kind", WaybillKind), name="kind_known"),
        CheckConstraint(one_of("state", State), name="state_known"),
        CheckConstraint("weight_g >= 0 AND volume_ml >= 0", name="measures_not_negative"),
        CheckConstraint("freight >= 0 AND cod_fee >= 0", name="costs_not_negative"),
        CheckConstraint("cod_amount >= 0 AND collected >= 0", name="cash_not_negative"),
        UniqueConstraint("courier_code", "number"),
        Index(
            "uq_waybills_outward",
            "order_id",
            unique=True,
            postgresql_where=text("kind = 'outward' AND state <> 'void'"),
        ),
        Index("ix_waybills_order_id", "order_id"),
        Index(
            "ix_waybills_due",
            "due_at",
            postgresql_where=text("state IN ('handed_over','in_transit') AND late_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), info=PART)
    order_version: Mapped[int] = mapped_column(server_default="1")
    courier_code: Mapped[str] = mapped_column(ForeignKey("couriers.code"))
    number: Mapped[str] = mapped_column(String(30))
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(12), server_default=State.CREATED)
    weight_g: Mapped[int]
    volume_ml: Mapped[int]
    freight: Mapped[Decimal] = mapped_column(_Money)
    cod_amount: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    cod_fee: Mapped[Decimal] = mapped_column(_Money, server_default="0")
    collected: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    days: Mapped[int] = mapped_column(server_default="0")
    why: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    reason: Mapped[str | None] = mapped_column(String(200), info=emptied())
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time)
    printed_at: Mapped[datetime | None] = mapped_column(_Time)
    handed_over_at: Mapped[datetime | None] = mapped_column(_Time)
    due_at: Mapped[datetime | None] = mapped_column(_Time)
    late_at: Mapped[datetime | None] = mapped_column(_Time)
    state_at: Mapped[datetime] = mapped_column(_Time)
    voided_reason: Mapped[str | None] = mapped_column(
        String(200), info=emptied(dash_for("voided_reason"))
    )


class WaybillEvent(Base):
    """What was said of a waybill, once for each `key`; `why` says why it could not be followed."""

    __tablename__ = "waybill_events"
    __table_args__ = (
        CheckConstraint(one_of("code", EventCode), name="code_known"),
        CheckConstraint(one_of("outcome", Outcome), name="outcome_known"),
        CheckConstraint("collected >= 0", name="collected_not_negative"),
        UniqueConstraint("waybill_id", "key"),
        Index(
            "ix_waybill_events_conflict",
            "id",
            postgresql_where=text("outcome = 'conflict' AND resolved_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    waybill_id: Mapped[int] = mapped_column(ForeignKey("waybills.id"), info=PART)
    key: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(_Time)
    place: Mapped[str | None] = mapped_column(String(100), info=emptied())
    signer: Mapped[str | None] = mapped_column(String(50), info=emptied())
    note: Mapped[str | None] = mapped_column(String(300), info=emptied())
    collected: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    source: Mapped[str] = mapped_column(String(10))
    reported_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    received_at: Mapped[datetime] = mapped_column(_Time)
    outcome: Mapped[str] = mapped_column(String(10))
    why: Mapped[str | None] = mapped_column(String(40))
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    resolved_at: Mapped[datetime | None] = mapped_column(_Time)
