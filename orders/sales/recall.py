"""Where the goods of a batch went (召回): the orders that took some, and their customers.

Rule: the batch's moves lead to the orders; whose customers somebody may see is as everywhere.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.customers.visibility import within_scope
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.sales.tables import Order
from orders.stock import reading
from orders.stock.tables import StockBatch, StockBatchMove, StockMove

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class RecalledOrder:
    """`quantity` base units of the batch are with this customer, from whatever warehouse they came."""

    order_id: int
    number: str
    status: str
    placed_at: datetime
    customer_id: int
    customer_name: str
    phone: str | None
    quantity: int


class RecallService:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def orders_of(self, actor: Actor, batch_id: int) -> tuple[RecalledOrder, ...]:
        """What was returned is not counted. Raises NotFound, Forbidden, DatabaseUnavailable."""
        actor.require(Right.STOCK_MANAGE)
        out = -func.sum(StockBatchMove.quantity)
        async with self._database.reading() as connection:
            batch = await reading.batch(connection, batch_id)
            same = select(StockBatch.id).where(
                StockBatch.sku == batch.sku,
                StockBatch.batch_no == batch.batch_no,
                StockBatch.expires_on == batch.expires_on,
            )
            rows = await connection.execute(
                select(
                    Order.id,
                    Order.number,
                    Order.status,
                    Order.placed_at,
                    Customer.id,
                    Customer.name,
                    CustomerPhone.number,
                    out,
                )
                .join(StockMove, StockMove.order_id == Order.id)
                .join(StockBatchMove, StockBatchMove.move_id == StockMove.id)
                .join(Customer, Customer.id == Order.customer_id)
                .outerjoin(
                    CustomerPhone,
                    (CustomerPhone.customer_id == Customer.id) & CustomerPhone.is_main,
                )
                .where(StockBatchMove.batch_id.in_(same), within_scope(actor))
                .group_by(Order.id, Customer.id, CustomerPhone.number)
                .having(out > 0)
                .order_by(Order.id)
                .limit(_MOST)
            )
        return tuple(RecalledOrder(*row) for row in rows)
