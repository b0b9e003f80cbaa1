"""A depot whose parcels are to be settled, each test with a courier or supplier of its own."""

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import text

from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.delivery.commands import NewRange, PutCourier
from orders.settlement.commands import (
    ChangeSettlement,
    DifferenceQuery,
    ItemQuery,
    NewCharge,
    NewSettlement,
    NewSettlementPayment,
    PutSupplier,
    ResolveDifference,
)
from orders.settlement.views import SettlementDetail, SettlementView
from tests.delivery.depot import COURIERS, RANGES, Depot, open_depot

MARCH = {"begins": "2026-03-01", "ends": "2026-03-31"}


@dataclass
class CountingHouse:
    depot: Depot
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    @property
    def shop(self):
        return self.depot.shop

    @property
    def trade(self):
        return self.depot.trade

    @property
    def settlements(self):
        return self.trade.settlements

    async def courier(self) -> str:
        """A new courier who collects cash for one per cent, at least two yuan, and takes 12 a parcel."""
        number = next(self._numbers)
        code = f"courier{number}"
        content = COURIERS["ems"] | {"number_check": "none", "name_en": code}
        await self.trade.couriers.put(SYSTEM, code, PutCourier.model_validate(content))
        numbers = RANGES["ems"] | {"prefix": f"C{number}N", "suffix": ""}
        await self.trade.couriers.add_numbers(SYSTEM, code, NewRange.model_validate(numbers))
        return code

    async def delivered(
        self, courier: str, price: str = "100.00", *, collected: str | None = None, **rest
    ) -> tuple[int, str]:
        """A parcel that was delivered; its order and number. By default the courier collects."""
        rest = {"payment": "cash_on_delivery", "address": "天津市河西区友谊路5号"} | rest
        sku = await self.shop.product(on_hand=1, price=price, weight_g=500, volume_ml=1000)
        customer = await self.shop.customer("到付客户")
        placed = await self.shop.place((sku, 1), customer=customer, **rest)
        await self.shop.move(placed.order.id, "reviewed", "picking")
        waybill = await self.depot.waybill(placed.order.id, courier_code=courier, reason="结算")
        await self.depot.hear(waybill, "accepted")
        told = {"collected": collected} if collected is not None else {}
        await self.depot.hear(waybill, "delivered", **told)
        assert await self.depot.now(waybill) == ("delivered", "delivered")
        return placed.order.id, waybill.number

    async def draft(self, code: str, kind: str = "courier", **days) -> SettlementDetail:
        new = NewSettlement.model_validate(MARCH | {"party_kind": kind, "party_code": code} | days)
        return await self.settlements.draft(SYSTEM, new)

    async def confirm(self, view: SettlementView) -> SettlementDetail:
        return await self.settlements.confirm(
            SYSTEM, view.id, ChangeSettlement(version=view.version)
        )

    async def pay(self, view: SettlementView, amount: Decimal | None = None) -> SettlementDetail:
        """The whole balance, or this much of it."""
        new = NewSettlementPayment(
            amount=amount or abs(view.balance),
            method="transfer",
            reference=f"slip-{next(self._numbers)}",
            paid_at=self.shop.clock.now,
        )
        return await self.settlements.pay(SYSTEM, view.id, new)

    async def finish(self) -> None:
        while await self.trade.finisher.finish_some() is not None:
            pass

    async def settled(self, code: str) -> SettlementDetail:
        """Draft, confirmation, payment and what follows of it."""
        draft = await self.draft(code)
        confirmed = await self.confirm(draft.settlement)
        if confirmed.settlement.state == "confirmed":
            await self.pay(confirmed.settlement)
        await self.finish()
        return await self.get(draft.settlement.id)

    async def get(self, settlement_id: int) -> SettlementDetail:
        return await self.settlements.get(SYSTEM, settlement_id)

    async def items(self, settlement_id: int) -> list[tuple[str, str, Decimal]]:
        found = await self.settlements.items(SYSTEM, settlement_id, ItemQuery(limit=1000))
        return [(each.reference, each.kind, each.amount) for each in found]

    async def differences(self, settlement_id: int, *, open_only: bool = True):
        query = DifferenceQuery(open_only=open_only, limit=200)
        return await self.settlements.differences(SYSTEM, settlement_id, query)

    async def resolve(self, difference_id: int, resolution: str, reason: str = "问过了"):
        command = ResolveDifference(resolution=resolution, reason=reason)
        return await self.settlements.resolve(SYSTEM, difference_id, command)

    async def statement(self, view: SettlementView, folder: Path, content: str, **how):
        """Hand in the party's file."""
        path = folder / f"statement{next(self._numbers)}.csv"
        path.write_bytes(content.encode(how.get("encoding", "gbk")))
        return await self.settlements.take_statement(SYSTEM, view.id, path, view.version)

    async def supplier(self) -> str:
        code = f"supplier{next(self._numbers)}"
        await self.trade.suppliers.put(
            SYSTEM, code, PutSupplier(name_zh="津味食品", name_en="Jinwei Foods")
        )
        return code

    async def charge(self, supplier: str, amount: str, kind: str = "goods", **rest):
        content = {
            "supplier_code": supplier,
            "kind": kind,
            "reference": f"D{next(self._numbers)}",
            "amount": amount,
            "happened_at": self.shop.clock.now - timedelta(hours=1),
        }
        return await self.trade.suppliers.charge(SYSTEM, NewCharge.model_validate(content | rest))

    async def status(self, order_id: int) -> str:
        return await self.shop.scalar("SELECT status FROM orders WHERE id = :id", id=order_id)

    async def paid(self, order_id: int) -> Decimal:
        return (await self.trade.payments.of_order(SYSTEM, order_id)).paid

    async def rows(self, sql: str, **values) -> list[tuple]:
        async with self.shop.database.begin() as session:
            return [tuple(row) for row in await session.execute(text(sql), values)]

    async def assert_adds_up(self) -> None:
        """Balances are the sums of items and totals; of each order no more was booked than its items say."""
        wrong = await self.rows("""
            SELECT s.id FROM settlements s
            LEFT JOIN (SELECT settlement_id, sum(amount) AS a, count(*) AS n
                       FROM settlement_items GROUP BY 1) i ON i.settlement_id = s.id
            LEFT JOIN (SELECT settlement_id, sum(amount) AS a, sum(items) AS n
                       FROM settlement_totals GROUP BY 1) t ON t.settlement_id = s.id
            LEFT JOIN (SELECT settlement_id, sum(amount) AS a
                       FROM settlement_payments GROUP BY 1) p ON p.settlement_id = s.id
            WHERE s.balance <> coalesce(i.a, 0) OR s.balance <> coalesce(t.a, 0)
               OR s.items <> coalesce(i.n, 0) OR s.items <> coalesce(t.n, 0)
               OR s.paid <> coalesce(p.a, 0)""")
        assert wrong == []
        unlike = await self.rows("""
            SELECT t.id FROM settlements t
            LEFT JOIN (SELECT settlement_id, sum(amount) AS a FROM settlement_items
                       WHERE kind = 'cod' GROUP BY 1) i ON i.settlement_id = t.id
            LEFT JOIN (SELECT split_part(reference, ':', 1) AS number, sum(amount) AS a
                       FROM payment_entries WHERE source = 'settlement' GROUP BY 1) e ON e.number = t.number
            WHERE t.party_kind = 'courier' AND CASE WHEN t.finished_at IS NOT NULL
                THEN coalesce(e.a, 0) <> coalesce(i.a, 0) ELSE coalesce(e.a, 0) > coalesce(i.a, 0) END""")
        assert unlike == []
        held = await self.rows("""
            SELECT c.id FROM customers c
            JOIN (SELECT customer_id, sum(credit_held) AS held FROM orders GROUP BY 1) o
                ON o.customer_id = c.id WHERE o.held <> c.credit_used""")
        assert held == []


async def open_house(database: Database) -> CountingHouse:
    return CountingHouse(await open_depot(database))
