"""Tables of prices. Rule: a rule that ended stays, so that every price of the past can be explained."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    String,
    false,
    func,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import emptied
from orders.pricing.rules import RuleKind

_KINDS = ",".join(f"'{kind}'" for kind in RuleKind)


class PriceRule(Base):
    """One rule; docs in `orders.pricing.rules`. What is None is not asked for.

    `goods_key` and `buyer_key` say what it is for in one word each, for the index.
    """

    __tablename__ = "price_rules"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_KINDS})", name="kind_known"),
        CheckConstraint("num_nonnulls(sku, category_code) <= 1", name="one_kind_of_goods"),
        CheckConstraint("num_nonnulls(customer_id, level_code) <= 1", name="one_kind_of_buyer"),
        CheckConstraint("value >= 0", name="value_not_negative"),
        CheckConstraint("kind NOT LIKE '%percent_off' OR value <= 100", name="percent_sensible"),
        CheckConstraint("min_quantity > 0", name="min_quantity_positive"),
        CheckConstraint("min_total >= 0", name="min_total_not_negative"),
        CheckConstraint(
            "(kind = 'free_goods') = (free_quantity IS NOT NULL) AND free_quantity > 0",
            name="free_goods_have_a_quantity",
        ),
        CheckConstraint("free_most > 0", name="free_most_positive"),
        CheckConstraint("kind <> 'price' OR sku IS NOT NULL", name="price_of_a_product"),
        CheckConstraint("unit IS NULL OR sku IS NOT NULL", name="unit_of_a_product"),
        CheckConstraint("valid_until >= valid_from", name="ends_after_it_begins"),
        Index("ix_price_rules_who_what", "goods_key", "buyer_key"),
        Index("ix_price_rules_customer_id", "customer_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name_zh: Mapped[str | None] = mapped_column(String(100), info=emptied())
    name_en: Mapped[str | None] = mapped_column(String(100), info=emptied())
    sku: Mapped[str | None] = mapped_column(ForeignKey("products.sku"))
    category_code: Mapped[str | None] = mapped_column(ForeignKey("product_categories.code"))
    unit: Mapped[str | None] = mapped_column(String(20))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    level_code: Mapped[str | None] = mapped_column(ForeignKey("levels.code"))
    min_quantity: Mapped[int] = mapped_column(server_default=text("1"))
    min_total: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    value: Mapped[Decimal] = mapped_column(Numeric(12, 2), server_default="0")
    free_sku: Mapped[str | None] = mapped_column(ForeignKey("products.sku"))
    free_quantity: Mapped[int | None]
    free_most: Mapped[int | None]
    stackable: Mapped[bool] = mapped_column(server_default=false())
    priority: Mapped[int] = mapped_column(server_default=text("0"))
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    active: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    goods_key: Mapped[str] = mapped_column(
        String(60),
        Computed("coalesce('sku:' || sku, 'category:' || category_code, 'all')", persisted=True),
    )
    buyer_key: Mapped[str] = mapped_column(
        String(60),
        Computed(
            "coalesce('customer:' || CAST(customer_id AS text), 'level:' || level_code, 'all')",
            persisted=True,
        ),
    )
