"""A shop behind the order line, for tests of callers who serve themselves."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import delete, func, select, update

from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.db import Database
from crm_core.people.tables import LoginLimit
from crm_core.pins.tables import CustomerPin
from crm_core.rights import SYSTEM
from orders.catalogue.commands import NewProduct
from orders.quotas.tables import OrderWindow
from orders.sales.tables import Order
from orders.services import Trade
from orders.stock import ledger
from tests.ivr.ivr_line import KNOWN, NOON, Channel
from tests.ivr.ivr_line import OrderLine as Line

PIN = "270418"
ORDER = ("4", "2", *PIN, "#")
"""The keys that begin an order."""
_numbers = itertools.count(100)


@dataclass
class Shop:
    """A line with two products that nobody has ordered yet, and a known customer `customer` who has credit and a PIN;
    `since` is the last order before.
    """

    line: Line
    beer: str
    wine: str
    customer: int
    since: int

    @property
    def trade(self) -> Trade:
        return self.line.house.trade

    def ordered(self, quantity: int = 3, *more: str) -> list[str]:
        """The keys that order so much beer and confirm it; `more` are pressed before the order is finished."""
        return [*ORDER, *keys(self.beer), *f"{quantity}#", *more, "2", "1"]


def keys(sku: str) -> str:
    return f"{sku[1:]}#"


async def open_shop(line: Line, database: Database) -> Shop:
    number = next(_numbers)
    made = Shop(line, f"B1{number}", f"W2{number}", 0, 0)
    for sku, price in ((made.beer, "65.00"), (made.wine, "168.50")):
        new = NewProduct(
            sku=sku,
            name_zh="货",
            name_en="Goods",
            unit="箱",
            list_price=Decimal(price),
            keypad_code=sku[1:],
        )
        await line.house.trade.catalogue.add(SYSTEM, new)
    async with database.begin() as session:
        for sku in (made.beer, made.wine):
            await ledger.receive(session, sku, 20, NOON)
        await session.execute(update(Customer).values(credit_limit=100_000))
        await session.execute(update(OrderWindow).values(active=False))
        for table in (CustomerPin, LoginLimit):
            await session.execute(delete(table))
        made.customer = await session.scalar(
            select(CustomerPhone.customer_id).where(CustomerPhone.number == KNOWN)
        )
        made.since = await session.scalar(select(func.coalesce(func.max(Order.id), 0)))
    await line.house.pins.choose(made.customer, PIN)
    return made


async def ring(shop: Shop, pressed: Sequence[str | None], **channel: object) -> Channel:
    """Who presses these keys, then is silent and in the end speaks with the agent."""
    agent = shop.line.acd.agent_view(1)
    if agent is None:
        await shop.line.agent(1, "north", "service", "retail")
    elif agent.state == "wrap_up":
        await shop.line.acd.finish_wrap_up(1)
    caller = Channel(keys=pressed, dials=[("ANSWER", 1)], **channel)
    await shop.line.ring(caller)
    return caller


async def orders(shop: Shop, database: Database) -> list[Order]:
    async with database.begin() as session:
        found = select(Order).where(Order.id > shop.since).order_by(Order.id)
        return list((await session.scalars(found)).all())


def heard(caller: Channel, *prompts: str) -> bool:
    """Whether these were played in one go."""
    played, many = caller.played, len(prompts)
    return any(tuple(played[at : at + many]) == prompts for at in range(len(played)))
