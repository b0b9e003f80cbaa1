"""Tables of the catalogue. Rule: a product keeps its code for ever; what is no longer sold is not active."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Numeric, String, func, text, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.search_text import text_index

_VERSION = text("1")


class ProductCategory(Base):
    """A class of products, in a tree; `path` is the codes from the top down to this one."""

    __tablename__ = "product_categories"

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("product_categories.code"))
    path: Mapped[list[str]] = mapped_column(ARRAY(String(30)))
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    active: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(server_default=_VERSION)


class Product(Base):
    """What is sold; `list_price` is for one `unit`, the base unit in which stock is kept.

    `specification` is what tells it from its like (42度 500ml×12); `attributes` are further properties by
    name; `floor_price` is the least that a promotion may leave of the price of one unit; `tax_rate` is the
    share of value-added tax within the price (0.13: thirteen per cent); `weight_g` and `volume_ml` are those
    of one unit as it is sent, None while nobody has weighed it; `keypad_code` is what callers press for it.
    """

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("list_price >= 0", name="list_price_not_negative"),
        CheckConstraint("floor_price >= 0", name="floor_price_not_negative"),
        CheckConstraint("tax_rate >= 0 AND tax_rate < 1", name="tax_rate_is_a_share"),
        CheckConstraint("order_step > 0", name="order_step_positive"),
        CheckConstraint("shelf_life_days > 0", name="shelf_life_positive"),
        CheckConstraint("weight_g > 0", name="weight_positive"),
        CheckConstraint("volume_ml > 0", name="volume_positive"),
        CheckConstraint("keypad_code ~ '^[0-9]{1,8}$'", name="keypad_code_of_digits"),
        text_index("ix_products_search", "search"),
    )

    sku: Mapped[str] = mapped_column(String(40), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    category_code: Mapped[str | None] = mapped_column(
        ForeignKey("product_categories.code"), index=True
    )
    specification: Mapped[str | None] = mapped_column(String(100))
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    barcode: Mapped[str | None] = mapped_column(String(40), unique=True)
    keypad_code: Mapped[str | None] = mapped_column(String(8), unique=True)
    unit: Mapped[str] = mapped_column(String(20))
    list_price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    floor_price: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(5, 4), server_default="0.13")
    order_step: Mapped[int] = mapped_column(server_default=text("1"))
    shelf_life_days: Mapped[int | None]
    weight_g: Mapped[int | None]
    volume_ml: Mapped[int | None]
    active: Mapped[bool] = mapped_column(server_default=true())
    search: Mapped[str] = mapped_column(String(2000), server_default="")
    version: Mapped[int] = mapped_column(server_default=_VERSION)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ProductPack(Base):
    """A larger unit of a product: one 箱 holds `factor` base units.

    `list_price` is the price of one pack; without it a pack costs what its units cost. So also with its
    weight and volume.
    """

    __tablename__ = "product_packs"
    __table_args__ = (
        CheckConstraint("factor > 1", name="holds_several"),
        CheckConstraint("list_price >= 0", name="list_price_not_negative"),
        CheckConstraint("weight_g > 0", name="weight_positive"),
        CheckConstraint("volume_ml > 0", name="volume_positive"),
    )

    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    unit: Mapped[str] = mapped_column(String(20), primary_key=True)
    factor: Mapped[int]
    list_price: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    barcode: Mapped[str | None] = mapped_column(String(40), unique=True)
    weight_g: Mapped[int | None]
    volume_ml: Mapped[int | None]


class ProductSubstitute(Base):
    """What may be offered instead of a product that is short, the least `position` first."""

    __tablename__ = "product_substitutes"
    __table_args__ = (CheckConstraint("sku <> substitute_sku", name="not_its_own"),)

    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    substitute_sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    position: Mapped[int] = mapped_column(server_default=text("0"))
