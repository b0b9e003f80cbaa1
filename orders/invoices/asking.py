"""The worker that asks for the invoices which were wished with orders, once the goods are delivered. Rule: each order is a
transaction of its own, and asked for once, by whichever daemon comes first.
"""

from sqlalchemy import select

from crm_core.db import Database
from crm_core.worker import Worker
from orders.invoices.service import InvoiceService
from orders.sales.flow import Status
from orders.sales.tables import Order, OrderInvoiceWish

_EVERY_S = 30.0
_BATCH = 100
_DELIVERED = (Status.DELIVERED, Status.EXCHANGED, Status.SETTLED)


class InvoiceAsking(Worker):
    """Looks every `every_s` seconds."""

    def __init__(
        self,
        database: Database,
        invoices: InvoiceService,
        *,
        every_s: float = _EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("invoice-asking", every_s=every_s, batch=batch)
        self._database = database
        self._invoices = invoices
        self._batch = batch

    async def run_once(self) -> int:
        """One batch; of how many orders. Raises DatabaseUnavailable."""
        wish = OrderInvoiceWish
        async with self._database.reading() as connection:
            found = await connection.scalars(
                select(wish.order_id)
                .join(Order, Order.id == wish.order_id)
                .where(wish.asked_at.is_(None), Order.status.in_(_DELIVERED))
                .order_by(wish.order_id)
                .limit(self._batch)
            )
            orders = found.all()
        for order_id in orders:
            await self._invoices.request_wished(order_id)
        return len(orders)
