"""What may be asked of stock documents. Rule: a line is one product, and one batch of it, once."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Text
from orders.catalogue.commands import CategoryCode, Price, Sku
from orders.stock.commands import BatchNo, Day, WarehouseCode
from orders.stock.documents.kinds import Cause, Kind, State
from orders.stock.tables import MAIN

MOST_LINES, MOST_COUNTED = 200, 2000
_MOST = 1_000_000

Quantity = Annotated[int, Field(ge=1, le=_MOST)]
UnitCost = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=4)]
LineNo = Annotated[int, Field(ge=1, le=MOST_COUNTED)]
Note = Annotated[Text, Field(max_length=500)]


def _not_nothing(value: int) -> int:
    if value == 0:
        raise ValueError("nothing changes: give a quantity")
    return value


Difference = Annotated[int, Field(ge=-_MOST, le=_MOST), AfterValidator(_not_nothing)]


class _Line(Command):
    sku: Sku
    batch_no: BatchNo | None = None


class ReceiptLine(_Line):
    """Of goods with a shelf life the batch, and when it was made or expires."""

    quantity: Quantity
    unit_cost: UnitCost = Decimal(0)
    made_on: Day | None = None
    expires_on: Day | None = None


class TransferLine(_Line):
    quantity: Quantity


class AdjustmentLine(_Line):
    """More than nothing was found, less was lost."""

    quantity: Difference


class WriteOffLine(_Line):
    """`blocked`: of what is blocked; a batch knows that by itself."""

    quantity: Quantity
    blocked: bool = False


class HoldLine(Command):
    """More than nothing is blocked, less is freed again; a batch is blocked by itself."""

    sku: Sku
    quantity: Difference


class PriceLine(Command):
    sku: Sku
    price: Price


class CostLine(Command):
    sku: Sku
    unit_cost: UnitCost


class _Document(Command):
    note: Note | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        lines: Sequence[_Line] = getattr(self, "lines", ())
        names = [(line.sku, getattr(line, "batch_no", None)) for line in lines]
        if len(set(names)) != len(names):
            raise ValueError("lines: a product or batch stands there twice")
        return self


class NewReceipt(_Document):
    """Goods that came from a supplier."""

    warehouse: WarehouseCode = MAIN
    supplier: Annotated[Text, Field(max_length=100)] | None = None
    lines: Annotated[tuple[ReceiptLine, ...], Field(min_length=1, max_length=MOST_LINES)]


class NewTransfer(_Document):
    """Goods sent from one warehouse to another."""

    warehouse: WarehouseCode
    to_warehouse: WarehouseCode
    lines: Annotated[tuple[TransferLine, ...], Field(min_length=1, max_length=MOST_LINES)]

    @model_validator(mode="after")
    def _two_ends(self) -> Self:
        if self.warehouse == self.to_warehouse:
            raise ValueError("to_warehouse: goods go to another warehouse")
        return self


class LineQuantity(Command):
    line_no: LineNo
    quantity: Annotated[int, Field(ge=0, le=_MOST)]


class LineQuantities(Command):
    """By the number of the line, each once."""

    lines: Annotated[tuple[LineQuantity, ...], Field(max_length=MOST_LINES)] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({line.line_no for line in self.lines}) != len(self.lines):
            raise ValueError("lines: a line stands there twice")
        return self


class NewCount(_Document):
    """What is to be counted: these products, those of a category, or all that are there."""

    warehouse: WarehouseCode = MAIN
    skus: Annotated[tuple[Sku, ...], Field(max_length=MOST_LINES)] = ()
    category_code: CategoryCode | None = None


class NewAdjustment(_Document):
    warehouse: WarehouseCode = MAIN
    reason: Cause
    lines: Annotated[tuple[AdjustmentLine, ...], Field(min_length=1, max_length=MOST_LINES)]


class NewWriteOff(_Document):
    warehouse: WarehouseCode = MAIN
    reason: Cause
    lines: Annotated[tuple[WriteOffLine, ...], Field(min_length=1, max_length=MOST_LINES)]


class NewHold(_Document):
    warehouse: WarehouseCode = MAIN
    reason: Cause
    lines: Annotated[tuple[HoldLine, ...], Field(min_length=1, max_length=MOST_LINES)]


class NewCostChange(_Document):
    """Goods are worth another cost a unit."""

    warehouse: WarehouseCode = MAIN
    lines: Annotated[tuple[CostLine, ...], Field(min_length=1, max_length=MOST_LINES)]


class NewPriceChange(_Document):
    """New list prices, with what that makes of the goods that are there."""

    lines: Annotated[tuple[PriceLine, ...], Field(min_length=1, max_length=MOST_LINES)]


class DocumentQuery(Command):
    """The newest first; `before` is the last id of the page before."""

    kind: Kind | None = None
    state: State | None = None
    warehouse: WarehouseCode | None = None
    sku: Sku | None = None
    before: Id | None = None
    limit: Limit = PAGE
