"""What other packages see of the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class CategoryView:
    """`path`: the codes from the top down to this one."""

    code: str
    parent_code: str | None
    path: tuple[str, ...]
    name_zh: str
    name_en: str
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class PackItem:
    unit: str
    factor: int
    list_price: Decimal | None
    barcode: str | None
    weight_g: int | None
    volume_ml: int | None


@dataclass(frozen=True, slots=True)
class CatalogueProduct:
    """A product as those who keep the catalogue see it."""

    sku: str
    name_zh: str
    name_en: str
    category_code: str | None
    specification: str | None
    attributes: Mapping[str, str]
    barcode: str | None
    keypad_code: str | None
    unit: str
    list_price: Decimal
    floor_price: Decimal | None
    tax_rate: Decimal
    order_step: int
    shelf_life_days: int | None
    weight_g: int | None
    volume_ml: int | None
    active: bool
    version: int
    changed_at: datetime
    packs: tuple[PackItem, ...]
    substitutes: tuple[str, ...]
