"""What may be asked of warehouses and of what lies in them."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Text, Version
from orders.catalogue.commands import CategoryCode, Sku

_FIRST_YEAR, _LAST_YEAR = 2000, 2199

WarehouseCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,19}$")]
BatchNo = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,39}$")]
Place = Annotated[Text, Field(min_length=1, max_length=20)]
_Name = Annotated[Text, Field(min_length=1, max_length=50)]


def _within_reason(value: date) -> date:
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"give a day between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return value


Day = Annotated[date, AfterValidator(_within_reason)]


class WarehouseContent(Command):
    """`serves` are the cities and provinces it delivers to, as customers' addresses name them."""

    name_zh: _Name
    name_en: _Name
    kind: Literal["warehouse", "outlet"] = "warehouse"
    serves: Annotated[tuple[Place, ...], Field(max_length=500)] = ()
    priority: Annotated[int, Field(ge=0, le=1000)] = 0
    keeper_id: Id | None = None
    expiry_days: Annotated[int, Field(ge=0, le=3650)] = 30
    active: bool = True


class NewWarehouse(WarehouseContent):
    code: WarehouseCode


class ChangedWarehouse(WarehouseContent):
    version: Version


class ChangedBatch(Command):
    """The last day of sale; and whether it may be sold, with the reason why not."""

    version: Version
    expires_on: Day
    blocked_reason: Annotated[Text, Field(min_length=1, max_length=20)] | None = None


class StockQuery(Command):
    """Balances in the order of product and warehouse, from after `after` (and `after_warehouse`) on."""

    q: Annotated[Text, Field(max_length=100)] = ""
    category_code: CategoryCode | None = None
    warehouse: WarehouseCode | None = None
    after: Annotated[Text, Field(max_length=40)] = ""
    after_warehouse: Annotated[Text, Field(max_length=20)] = ""
    limit: Limit = PAGE


class BatchQuery(Command):
    """Batches that hold something, what expires first first, from after `after` on."""

    sku: Sku | None = None
    warehouse: WarehouseCode | None = None
    expires_until: Day | None = None
    blocked: bool | None = None
    after: Id | None = None
    limit: Limit = PAGE


class MoveQuery(Command):
    """The ledger, the newest first; `before` is the last id of the page before."""

    sku: Sku | None = None
    warehouse: WarehouseCode | None = None
    order_id: Id | None = None
    document_id: Id | None = None
    batch_id: Id | None = None
    before: Id | None = None
    limit: Limit = PAGE


class ComparisonQuery(Command):
    """Days of the company's calendar, both included; of these products and warehouses."""

    since: Day
    until: Day
    sku: Sku | None = None
    category_code: CategoryCode | None = None
    warehouse: WarehouseCode | None = None
    after: Annotated[Text, Field(max_length=40)] = ""
    after_warehouse: Annotated[Text, Field(max_length=20)] = ""
    limit: Limit = PAGE

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.since:
            raise ValueError("until: it lies before the first day")
        return self
