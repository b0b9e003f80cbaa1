"""Tables of what stock should be: policies, alarms and forecasts."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

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
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from orders.stock.planning.alarm_kinds import AlarmKind

_KINDS = ",".join(f"'{kind}'" for kind in AlarmKind)


class StockPolicy(Base):
    """How much of a product a warehouse should hold: an alarm below `min_quantity`, restocked up to
    `target_quantity`; new goods take `lead_days` and come in multiples of `lot`.
    """

    __tablename__ = "stock_policies"
    __table_args__ = (
        CheckConstraint(
            "0 <= min_quantity AND min_quantity <= target_quantity", name="target_above_the_least"
        ),
        CheckConstraint("lead_days > 0", name="lead_days_positive"),
        CheckConstraint("lot > 0", name="lot_positive"),
    )

    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    warehouse: Mapped[str] = mapped_column(ForeignKey("warehouses.code"), primary_key=True)
    min_quantity: Mapped[int]
    target_quantity: Mapped[int]
    lead_days: Mapped[int]
    lot: Mapped[int | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class StockAlarm(Base):
    """One occasion, from when it was noticed until it was over: `quantity` is what there was, `bound` what it
    was held against.
    """

    __tablename__ = "stock_alarms"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_KINDS})", name="kind_known"),
        Index(
            "ix_stock_alarms_open",
            "kind",
            "sku",
            "warehouse",
            text("coalesce(batch_id, 0)"),
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"))
    warehouse: Mapped[str] = mapped_column(ForeignKey("warehouses.code"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("stock_batches.id"))
    quantity: Mapped[int]
    bound: Mapped[int]
    raised_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class StockForecast(Base):
    """What a product is expected to sell in `horizon_days` days from `made_on`, by the method that was best in
    back-test; `deviation` is the root mean square error of that sum there; `errors` those of every method.
    """

    __tablename__ = "stock_forecasts"

    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    warehouse: Mapped[str] = mapped_column(ForeignKey("warehouses.code"), primary_key=True)
    made_on: Mapped[date]
    history_days: Mapped[int]
    horizon_days: Mapped[int]
    method: Mapped[str] = mapped_column(String(20))
    expected: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    deviation: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    origins: Mapped[int]
    errors: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
