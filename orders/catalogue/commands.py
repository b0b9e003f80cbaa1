"""What may be asked of the catalogue."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from crm_core.fields import PAGE, Command, Limit, Text, Version

Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
CategoryCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Unit = Annotated[Text, Field(min_length=1, max_length=20)]
Barcode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{4,40}$")]
KeypadCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,8}$")]
Price = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
WeightG = Annotated[int, Field(ge=1, le=10_000_000)]
VolumeMl = Annotated[int, Field(ge=1, le=100_000_000)]
TaxRate = Annotated[Decimal, Field(ge=0, lt=1, max_digits=5, decimal_places=4)]
_Name = Annotated[Text, Field(min_length=1, max_length=100)]
_Property = Annotated[Text, Field(min_length=1, max_length=50)]


class Pack(Command):
    """`factor` base units; what a pack has no price, weight or volume of its own for is that of its units."""

    unit: Unit
    factor: Annotated[int, Field(ge=2, le=100_000)]
    list_price: Price | None = None
    barcode: Barcode | None = None
    weight_g: WeightG | None = None
    volume_ml: VolumeMl | None = None


class ProductContent(Command):
    """Everything that is kept of a product, beside its code."""

    name_zh: _Name
    name_en: _Name
    category_code: CategoryCode | None = None
    specification: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    attributes: dict[_Property, _Property] = Field(default_factory=dict, max_length=30)
    barcode: Barcode | None = None
    keypad_code: KeypadCode | None = None
    unit: Unit
    list_price: Price
    floor_price: Price | None = None
    tax_rate: TaxRate = Decimal("0.13")
    order_step: Annotated[int, Field(ge=1, le=100_000)] = 1
    shelf_life_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    weight_g: WeightG | None = None
    volume_ml: VolumeMl | None = None
    active: bool = True
    packs: Annotated[tuple[Pack, ...], Field(max_length=10)] = ()
    substitutes: Annotated[tuple[Sku, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        units = [self.unit, *(pack.unit for pack in self.packs)]
        if len(set(units)) != len(units):
            raise ValueError("packs: each unit of a product has another name")
        if len(set(self.substitutes)) != len(self.substitutes):
            raise ValueError("substitutes: a product stands there twice")
        if self.floor_price is not None and self.floor_price > self.list_price:
            raise ValueError("floor_price: it is above the list price")
        return self


class NewProduct(ProductContent):
    sku: Sku


class ChangedProduct(ProductContent):
    """The whole content anew, made from `version`."""

    version: Version


class ProductQuery(Command):
    """The products in the order of their codes, from after `after` on."""

    q: Annotated[Text, Field(max_length=100)] = ""
    category_code: CategoryCode | None = None
    active: bool | None = None
    after: Annotated[Text, Field(max_length=40)] = ""
    limit: Limit = PAGE


class CategoryContent(Command):
    name_zh: Annotated[Text, Field(min_length=1, max_length=50)]
    name_en: Annotated[Text, Field(min_length=1, max_length=50)]
    parent_code: CategoryCode | None = None
    active: bool = True


class NewCategory(CategoryContent):
    code: CategoryCode


class ChangedCategory(CategoryContent):
    version: Version
