"""What may be asked of the planning of stock."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Text, Version
from orders.catalogue.commands import CategoryCode, Sku
from orders.stock.commands import WarehouseCode
from orders.stock.planning.alarm_kinds import AlarmKind
from orders.stock.tables import MAIN

_Quantity = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Policy(Command):
    """How much of a product a warehouse should hold; `version` is that of the policy it replaces, None for the
    first one; `lot` None: by the pack, or by the step in which it is ordered.
    """

    sku: Sku
    warehouse: WarehouseCode = MAIN
    min_quantity: _Quantity
    target_quantity: _Quantity
    lead_days: Annotated[int, Field(ge=1, le=180)] = 7
    lot: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    version: Version | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.target_quantity < self.min_quantity:
            raise ValueError("target_quantity: it is below the least")
        return self


class PlanQuery(Command):
    """In the order of product and warehouse, from after `after` (and `after_warehouse`) on."""

    sku: Sku | None = None
    category_code: CategoryCode | None = None
    warehouse: WarehouseCode | None = None
    after: Annotated[Text, Field(max_length=40)] = ""
    after_warehouse: Annotated[Text, Field(max_length=20)] = ""
    limit: Limit = PAGE


class AdviceQuery(PlanQuery):
    """`service_level`: the share of lead times without a shortage."""

    service_level: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95


class AlarmQuery(Command):
    """The newest first; `before` is the last id of the page before; `ended` for those that are over too."""

    kind: AlarmKind | None = None
    sku: Sku | None = None
    warehouse: WarehouseCode | None = None
    ended: bool = False
    before: Id | None = None
    limit: Limit = PAGE
