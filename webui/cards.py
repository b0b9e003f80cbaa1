"""Customers' cards, read in the background once the caller is on the way to an agent.

Rule: reading never holds up a pop; one card for each call, a bounded number of them, and a reader that
fails is forgotten, so that the next event of the call may try again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import structlog

from crm_core.errors import DatabaseUnavailable
from crm_core.services import Crm
from orders.sales.service import OrderService
from webui.present import Card

log = structlog.get_logger(__name__)

MOST = 5_000
AT_ONCE = 8
LAST_ORDERS = 3


async def read_card(crm: Crm, orders: OrderService, customer_id: int) -> Card | None:
    """All that the pop shows of a customer, None when there is no such one. Raises DatabaseUnavailable."""
    customer = await crm.customers.card(customer_id)
    if customer is None:
        return None
    return Card(
        customer,
        await orders.last_orders(customer.id, LAST_ORDERS),
        await crm.todos.open_of(customer.id),
        await crm.complaints.on_card(customer.id),
        await crm.notices.untold(customer.id),
        await crm.insight.brief(customer.id),
    )


class Cards:
    """Cards by call; `on_ready` hears of a call whose card has come."""

    def __init__(self, crm: Crm, orders: OrderService, *, on_ready: Callable[[str], None]) -> None:
        self._crm = crm
        self._orders = orders
        self._on_ready = on_ready
        self._cards: OrderedDict[str, Card] = OrderedDict()
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._outdated: set[str] = set()
        self._turn = asyncio.Semaphore(AT_ONCE)

    def get(self, call_id: str) -> Card | None:
        return self._cards.get(call_id)

    def fetch(self, call_id: str, customer_id: int, *, again: bool = False) -> None:
        """Read the card unless it is there or on its way; `again` after something changed."""
        if call_id in self._reading:
            self._outdated.update({call_id} if again else ())
            return
        if call_id in self._cards and not again:
            return
        task = asyncio.create_task(self._read(call_id, customer_id))
        self._reading[call_id] = task
        task.add_done_callback(lambda _: self._read_again(call_id, customer_id))

    def forget(self, call_id: str) -> None:
        self._cards.pop(call_id, None)

    async def close(self) -> None:
        self._outdated.clear()
        tasks = tuple(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _read_again(self, call_id: str, customer_id: int) -> None:
        """A reader is done; what changed meanwhile is read once more."""
        del self._reading[call_id]
        if call_id in self._outdated:
            self._outdated.discard(call_id)
            self.fetch(call_id, customer_id, again=True)

    async def _read(self, call_id: str, customer_id: int) -> None:
        try:
            async with self._turn:
                card = await read_card(self._crm, self._orders, customer_id)
        except DatabaseUnavailable:
            log.info("card_not_read", call_id=call_id, customer=customer_id)
            return
        except Exception:
            log.exception("card_failed", call_id=call_id, customer=customer_id)
            return
        if card is None:
            return
        self._cards[call_id] = card
        while len(self._cards) > MOST:
            self._cards.popitem(last=False)
        self._on_ready(call_id)
