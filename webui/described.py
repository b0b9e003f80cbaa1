"""What events are about, in the words of the API. Rule: the same views as the routes give, by the eyes of
whoever is told: rights, customers of the own scope, hidden fields and masked numbers.
"""

import json
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func, select

from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.rights import Principal, Right
from crm_core.services import Crm
from orders.connections.feed import Describe
from orders.services import Trade
from orders.stock.tables import Stock
from webui.api.orders import OrderDetail
from webui.present import Card, customer_view
from webui.sight import seen
from webui.views import View


class StockData(View):
    """The balance of a product over all warehouses."""

    sku: str
    on_hand: int
    reserved: int
    available: int


def describer(database: Database, crm: Crm, trade: Trade) -> Describe:
    """The data of a subject for somebody; None when it is not there, or not to be seen."""

    async def order(who: Principal, key: str) -> BaseModel:
        return OrderDetail.model_validate(await trade.orders.get(who, int(key)))

    async def customer(who: Principal, key: str) -> BaseModel:
        who.require(Right.CUSTOMER_VIEW)
        return customer_view(Card(await crm.customers.get(who, int(key))), who.rights)

    async def stock(who: Principal, key: str) -> BaseModel:
        who.require(Right.ORDER_VIEW)
        there, held, barred = (
            func.coalesce(func.sum(column), 0)
            for column in (Stock.on_hand, Stock.reserved, Stock.blocked)
        )
        query = select(there, held, there - held - barred).where(Stock.sku == key)
        async with database.reading() as connection:
            on_hand, reserved, available = (await connection.execute(query)).one()
        return StockData(sku=key, on_hand=on_hand, reserved=reserved, available=available)

    readers = {"order": order, "customer": customer, "stock": stock}

    async def describe(who: Principal, subject: str, key: str) -> dict[str, Any] | None:
        try:
            view = await readers[subject](who, key)
        except NotFound:
            return None
        told: dict[str, Any] = json.loads(seen(view, who.hidden).model_dump_json())
        return told

    return describe
