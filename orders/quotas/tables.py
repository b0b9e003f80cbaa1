"""Tables of quotas and order windows. Rule: what was used of a quota is not kept but added up from the orders,
so that cancelling, changing and splitting them need no booking; one that ended stays.
"""

from datetime import date, datetime, time

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    String,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import emptied
from orders.quotas.limits import Period

_PERIODS = ",".join(f"'{each}'" for each in Period)
_BUYER = (
    "coalesce('customer:' || CAST(customer_id AS text), 'level:' || level_code,"
    " 'route:' || route_code, 'all')"
)


class Quota(Base):
    """At most `quantity` base units in each period; `together`: for everybody whom it is for, not for each.

    `goods_key` and `buyer_key` say what it is for in one word each, as those of price rules do.
    """

    __tablename__ = "quotas"
    __table_args__ = (
        CheckConstraint("num_nonnulls(sku, category_code) = 1", name="one_kind_of_goods"),
        CheckConstraint(
            "num_nonnulls(customer_id, level_code, route_code) <= 1", name="one_kind_of_buyer"
        ),
        CheckConstraint(f"period IN ({_PERIODS})", name="period_known"),
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        CheckConstraint("valid_until >= valid_from", name="ends_after_it_begins"),
        Index("ix_quotas_who_what", "goods_key", "buyer_key"),
        Index("ix_quotas_customer_id", "customer_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sku: Mapped[str | None] = mapped_column(ForeignKey("products.sku"))
    category_code: Mapped[str | None] = mapped_column(ForeignKey("product_categories.code"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    level_code: Mapped[str | None] = mapped_column(ForeignKey("levels.code"))
    route_code: Mapped[str | None] = mapped_column(ForeignKey("delivery_routes.code"))
    together: Mapped[bool] = mapped_column(server_default=text("false"))
    period: Mapped[str] = mapped_column(String(10))
    quantity: Mapped[int]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    active: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(server_default=text("1"))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    goods_key: Mapped[str] = mapped_column(
        String(60),
        Computed("coalesce('sku:' || sku, 'category:' || category_code)", persisted=True),
    )
    buyer_key: Mapped[str] = mapped_column(String(60), Computed(_BUYER, persisted=True))


class QuotaGrant(Base):
    """What one customer was given beyond a quota (下达), or had taken back (收回, negative), in the period that
    begins on `period_begins`.
    """

    __tablename__ = "quota_grants"
    __table_args__ = (
        CheckConstraint("quantity <> 0", name="quantity_given_or_taken"),
        Index("ix_quota_grants_whose", "quota_id", "customer_id", "period_begins"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    quota_id: Mapped[int] = mapped_column(ForeignKey("quotas.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    period_begins: Mapped[date]
    quantity: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200), info=emptied("—"))
    given_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    given_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class OrderWindow(Base):
    """When customers of a level, or on a delivery route (None: all), may order; see `orders.quotas.limits`."""

    __tablename__ = "order_windows"
    __table_args__ = (CheckConstraint("cardinality(weekdays) > 0", name="some_day"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    level_code: Mapped[str | None] = mapped_column(ForeignKey("levels.code"))
    route_code: Mapped[str | None] = mapped_column(ForeignKey("delivery_routes.code"))
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    opens: Mapped[time]
    closes: Mapped[time]
    active: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(server_default=text("1"))
