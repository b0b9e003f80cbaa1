"""Tables of own delivery: routes, vehicles, drivers, load lists. Rule: a waybill stands on one open load list;
what a driver brought back, cash and goods, is kept by stop.
"""

from datetime import date, datetime
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
    String,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import one_for_each
from crm_core.db import Base
from crm_core.personal import PART, emptied
from orders.delivery.codes import RunState, StopResult
from orders.delivery.tables import one_of

_Time = DateTime(timezone=True)
_OPEN = text("open")


class DeliveryRoute(Base):
    """Customers visited on certain days of the week (1 is Monday), in the order of their stops."""

    __tablename__ = "delivery_routes"
    __table_args__ = (CheckConstraint("weekdays <@ ARRAY[1,2,3,4,5,6,7]", name="weekdays_known"),)

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    areas: Mapped[list[str]] = mapped_column(ARRAY(String(40)), server_default=text("'{}'"))
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default=text("'{}'"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class RouteCustomer(Base):
    """A stop of a route."""

    __tablename__ = "delivery_route_customers"
    __table_args__ = (Index("ix_delivery_route_customers_customer_id", "customer_id"),)

    route_code: Mapped[str] = mapped_column(ForeignKey("delivery_routes.code"), primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id"), primary_key=True, info=one_for_each("route_code")
    )
    place: Mapped[int]


class Vehicle(Base):
    __tablename__ = "vehicles"
    __table_args__ = (
        CheckConstraint("capacity_g > 0 AND capacity_ml > 0", name="capacity_positive"),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    plate: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str | None] = mapped_column(String(50))
    capacity_g: Mapped[int] = mapped_column(BigInteger)
    capacity_ml: Mapped[int] = mapped_column(BigInteger)
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class Driver(Base):
    """One of the company's people; with `user_id` the one who logs in as that person."""

    __tablename__ = "drivers"

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    phone: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), unique=True)
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class DeliveryRun(Base):
    """A load list (装车单): one vehicle with one driver on one day."""

    __tablename__ = "delivery_runs"
    __table_args__ = (
        CheckConstraint(one_of("state", RunState), name="state_known"),
        Index("ix_delivery_runs_day", "day", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    day: Mapped[date]
    courier_code: Mapped[str] = mapped_column(ForeignKey("couriers.code"))
    route_code: Mapped[str | None] = mapped_column(ForeignKey("delivery_routes.code"))
    vehicle_code: Mapped[str] = mapped_column(ForeignKey("vehicles.code"), index=True)
    driver_code: Mapped[str] = mapped_column(ForeignKey("drivers.code"), index=True)
    state: Mapped[str] = mapped_column(String(10), server_default=RunState.PLANNED)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time)
    out_at: Mapped[datetime | None] = mapped_column(_Time)
    settled_at: Mapped[datetime | None] = mapped_column(_Time)
    version: Mapped[int] = mapped_column(server_default="1")


class RunStop(Base):
    """A waybill on a load list; `cash_collected` is what the driver handed in for it."""

    __tablename__ = "run_stops"
    __table_args__ = (
        CheckConstraint(f"result IS NULL OR {one_of('result', StopResult)}", name="result_known"),
        CheckConstraint("cash_due >= 0 AND cash_collected >= 0", name="cash_not_negative"),
        Index("uq_run_stops_open", "waybill_id", unique=True, postgresql_where=_OPEN),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("delivery_runs.id"), primary_key=True)
    waybill_id: Mapped[int] = mapped_column(ForeignKey("waybills.id"), primary_key=True, info=PART)
    place: Mapped[int]
    open: Mapped[bool] = mapped_column(server_default=text("true"))
    cash_due: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    result: Mapped[str | None] = mapped_column(String(20))
    cash_collected: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    note: Mapped[str | None] = mapped_column(String(300), info=emptied())


class RunReturn(Base):
    """Goods of a stop that came back, in base units; the warehouse checks them before they are stock again."""

    __tablename__ = "run_returns"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("delivery_runs.id"), primary_key=True)
    waybill_id: Mapped[int] = mapped_column(ForeignKey("waybills.id"), primary_key=True, info=PART)
    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    quantity: Mapped[int]
