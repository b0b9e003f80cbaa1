"""Warehouses and outlets, and whom they serve."""

from crm_core.rights import Right
from orders.stock.commands import ChangedWarehouse, NewWarehouse
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, Route, needs
from webui.views import View


class WantedWarehouse(NewWarehouse, Model):
    """A warehouse to enter."""


class WantedWarehouseChange(ChangedWarehouse, Model):
    """The whole warehouse anew, made from `version`."""


class WarehouseItem(View):
    code: str
    name_zh: str
    name_en: str
    kind: str
    serves: tuple[str, ...]
    priority: int
    keeper_id: int | None
    expiry_days: int
    active: bool
    version: int


class WarehouseList(View):
    items: tuple[WarehouseItem, ...]


class WarehouseAnswer(View):
    warehouse: WarehouseItem


async def search(asked: Asked[Nothing, Nothing]) -> WarehouseList:
    """All of them, the closed ones too."""
    found = await asked.services.trade.stock.warehouses(asked.principal)
    return WarehouseList(items=tuple(map(WarehouseItem.model_validate, found)))


async def create(asked: Asked[WantedWarehouse, Nothing]) -> WarehouseAnswer:
    """Open a warehouse; it serves orders from now on."""
    made = await asked.services.trade.stock.add_warehouse(asked.principal, asked.body)
    return WarehouseAnswer(warehouse=WarehouseItem.model_validate(made))


async def change(asked: Asked[WantedWarehouseChange, Nothing]) -> WarehouseAnswer:
    """Change or close a warehouse; orders stay where they are."""
    made = await asked.services.trade.stock.change_warehouse(asked.principal, asked.id, asked.body)
    return WarehouseAnswer(warehouse=WarehouseItem.model_validate(made))


_MANAGE = needs(Right.STOCK_MANAGE)
_PATH = "/api/warehouses"

ROUTES = (
    Route("GET", _PATH, search, needs(Right.ORDER_VIEW), answer=WarehouseList),
    Route(
        "POST",
        _PATH,
        create,
        _MANAGE,
        WantedWarehouse,
        answer=WarehouseAnswer,
        status=201,
        once=True,
    ),
    Route("PUT", f"{_PATH}/{CODE}", change, _MANAGE, WantedWarehouseChange, answer=WarehouseAnswer),
)
