"""What may be asked of price rules."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Text, Version
from orders.catalogue.commands import CategoryCode, Sku, Unit
from orders.pricing.rules import OF_AN_ORDER, RuleKind

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
LevelCode = Annotated[Text, Field(min_length=1, max_length=20)]
_Value = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
_Count = Annotated[int, Field(ge=1, le=1_000_000)]
_Name = Annotated[Text, Field(min_length=1, max_length=100)]
_PERCENT = (RuleKind.PERCENT_OFF, RuleKind.ORDER_PERCENT_OFF)


class RuleContent(Command):
    """One price rule (see `orders.pricing.rules`): what for, for whom, when, and what it does.

    Without `sku` and `category_code` it is for all goods, without `customer_id` and `level_code` for
    everybody, without days for always. `value` is yuan, or per cent.
    """

    kind: RuleKind
    name_zh: _Name | None = None
    name_en: _Name | None = None
    sku: Sku | None = None
    category_code: CategoryCode | None = None
    unit: Unit | None = None
    customer_id: Id | None = None
    level_code: LevelCode | None = None
    min_quantity: _Count = 1
    min_total: _Value | None = None
    value: _Value = Decimal(0)
    free_sku: Sku | None = None
    free_quantity: _Count | None = None
    free_most: _Count | None = None
    stackable: bool = False
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    valid_from: Day | None = None
    valid_until: Day | None = None
    active: bool = True

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        problem = next((sentence for wrong, sentence in self._problems() if wrong), None)
        if problem is not None:
            raise ValueError(problem)
        return self

    def _problems(self) -> tuple[tuple[bool, str], ...]:
        free = self.kind is RuleKind.FREE_GOODS
        whole = self.kind in OF_AN_ORDER
        named = self.sku is not None or self.category_code is not None
        return (
            (bool(self.sku and self.category_code), "sku: give a product or a category, not both"),
            (
                self.customer_id is not None and self.level_code is not None,
                "customer_id: give a customer or a level, not both",
            ),
            (self.kind is RuleKind.PRICE and self.sku is None, "sku: a price is a product's"),
            (self.unit is not None and self.sku is None, "unit: name the product that it is of"),
            (free and self.free_quantity is None, "free_quantity: how many come free"),
            (free and self.value > 0, "value: goods that come free have none"),
            (
                not free and bool(self.free_sku or self.free_quantity or self.free_most),
                "free_quantity: only for free_goods",
            ),
            (
                free and self.sku is None and self.free_sku is None,
                "free_sku: which product comes free",
            ),
            (whole and (named or self.min_quantity > 1), "sku: this kind is for whole orders"),
            (not whole and self.min_total is not None, "min_total: only for whole orders"),
            (self.kind in _PERCENT and not 0 < self.value <= 100, "value: 0 to 100 per cent"),  # noqa: PLR2004
            (
                bool(self.valid_from and self.valid_until and self.valid_until < self.valid_from),
                "valid_until: it ends before it begins",
            ),
        )


class NewRule(RuleContent):
    """A rule to enter."""


class ChangedRule(RuleContent):
    """The whole content anew, made from `version`."""

    version: Version


class RuleQuery(Command):
    """Rules, the newest first, from before `before` on; `on` asks for those that hold on that day."""

    kind: RuleKind | None = None
    sku: Sku | None = None
    category_code: CategoryCode | None = None
    customer_id: Id | None = None
    level_code: LevelCode | None = None
    on: Day | None = None
    before: Id | None = None
    limit: Limit = PAGE
