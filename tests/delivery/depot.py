"""A shop with three couriers, a vehicle and a driver, and people who see to what goes wrong."""

import itertools
from dataclasses import dataclass, field

from sqlalchemy import insert, text

from crm_core.db import Database
from crm_core.people.tables import User
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_roles
from orders.delivery.codes import EventCode
from orders.delivery.commands import (
    MakeWaybills,
    NewRange,
    PutConsignee,
    PutCourier,
    Report,
    Reports,
    WaybillIds,
)
from orders.delivery.run_commands import PutDriver, PutVehicle
from orders.delivery.views import WaybillView
from tests.orders.order_shop import Shop, open_shop

COURIERS = {
    "ems": {
        "name_zh": "中国邮政EMS",
        "name_en": "EMS",
        "kind": "ems",
        "paper": "ems_100x150",
        "ways": ["standard", "urgent"],
        "priority": 20,
        "number_check": "s10",
        "cod": True,
        "cod_fee_percent": "1",
        "cod_fee_least": "2",
        "tariffs": [
            {
                "first_g": 1000,
                "first_price": "12",
                "further_g": 500,
                "further_price": "3",
                "days": 3,
            }
        ],
    },
    "post": {
        "name_zh": "中国邮政包裹",
        "name_en": "China Post",
        "kind": "post",
        "paper": "post_parcel",
        "ways": ["standard"],
        "priority": 20,
        "tariffs": [{"first_g": 1000, "first_price": "8", "further_price": "2", "days": 7}],
    },
    "own": {
        "name_zh": "自有车队",
        "name_en": "Own drivers",
        "kind": "own",
        "paper": "delivery_note_a5",
        "ways": ["standard", "urgent"],
        "priority": 10,
        "cod": True,
        "tariffs": [
            {"areas": ["天津市"], "first_g": 30000, "first_price": "0", "days": 1},
        ],
    },
}
RANGES = {
    "ems": {"prefix": "EE", "suffix": "CN", "width": 8, "first_serial": 1, "last_serial": 5000},
    "post": {"prefix": "99", "width": 11, "first_serial": 1, "last_serial": 5000},
    "own": {"prefix": "ZJ", "width": 6, "first_serial": 1, "last_serial": 5000},
}


@dataclass
class Depot:
    """What the tests ask of delivery; `shop` has the orders."""

    shop: Shop
    salesperson: int
    supervisor: int
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    @property
    def trade(self):
        return self.shop.trade

    async def order(
        self,
        *,
        address: str | None = "天津市河西区友谊路5号",
        status: str = "picking",
        quantity: int = 1,
        weight_g: int | None = 1500,
        **rest,
    ) -> int:
        """A new order of one product, as far as this status; returns its id."""
        sku = await self.shop.product(
            on_hand=quantity, weight_g=weight_g, volume_ml=weight_g and 2000
        )
        placed = await self.shop.place((sku, quantity), address=address, **rest)
        path = ("reviewed", "picking", "shipped", "in_transit", "delivered", "settled")
        done = path[: path.index(status) + 1] if status in path else ()
        if done:
            if "settled" in done:
                await self.shop.pay(placed.order.id, placed.order.total)
            await self.shop.move(placed.order.id, *done)
        return placed.order.id

    async def waybill(self, order_id: int | None = None, **wanted) -> WaybillView:
        order_id = order_id or await self.order()
        (done,) = await self.trade.waybills.make(
            SYSTEM, MakeWaybills(order_ids=(order_id,), **wanted)
        )
        assert done.waybill is not None, done
        return done.waybill

    async def handed_over(self, **wanted) -> WaybillView:
        made = await self.waybill(**wanted)
        (done,) = await self.trade.waybills.hand_over(SYSTEM, WaybillIds(waybill_ids=(made.id,)))
        assert done.waybill is not None, done
        return done.waybill

    async def hear(self, waybill: WaybillView, code: EventCode | str, **more):
        """What the courier's program is answered."""
        report = Report(number=waybill.number, code=code, **{"at": self.shop.clock.now, **more})
        (answer,) = await self.trade.waybills.report(
            SYSTEM, Reports(courier_code=waybill.courier_code, reports=(report,))
        )
        return answer

    async def now(self, waybill: WaybillView) -> tuple[str, str]:
        """The states of the waybill and of its order."""
        view, _ = await self.trade.waybills.get(SYSTEM, waybill.id)
        return view.state, view.order_status

    async def todos(self, waybill: WaybillView) -> list[tuple[str, int]]:
        """The problems that became to-dos, and whose they are."""
        async with self.shop.database.begin() as session:
            rows = await session.execute(
                text(
                    "SELECT split_part(source_reference, ':', 2), assignee_id FROM todos"
                    " WHERE source_kind = 'delivery' AND source_reference LIKE :these ORDER BY id"
                ),
                {"these": f"{waybill.id}:%"},
            )
            return [tuple(row) for row in rows]

    async def vehicle(self, capacity_g: int = 100_000, capacity_ml: int = 1_000_000) -> str:
        code = f"car{next(self._numbers)}"
        content = PutVehicle(
            plate=f"津A{next(self._numbers):05d}", capacity_g=capacity_g, capacity_ml=capacity_ml
        )
        return (await self.trade.fleet.put_vehicle(SYSTEM, code, content)).code

    async def driver(self) -> str:
        code = f"driver{next(self._numbers)}"
        content = PutDriver(name="李师傅", phone="13700000000")
        return (await self.trade.fleet.put_driver(SYSTEM, code, content)).code

    async def consignee(self, order_id: int, **content):
        return await self.trade.waybills.put_consignee(
            SYSTEM, order_id, PutConsignee(**{"recipient": "王五", "street": "友谊路5号"} | content)
        )


async def open_depot(database: Database) -> Depot:
    shop = await open_shop(database)
    async with database.begin() as session:
        await seed_roles(session)
        people = [
            (
                await session.execute(
                    insert(User)
                    .values(login=login, name=login, role_code=role, password_hash="-")
                    .returning(User.id)
                )
            ).scalar_one()
            for login, role in (("zhang", "agent"), ("chen", "supervisor"))
        ]
        await session.execute(
            text("UPDATE customers SET salesperson_id = :id WHERE id = :customer"),
            {"id": people[0], "customer": shop.dealer},
        )
    for code, content in COURIERS.items():
        await shop.trade.couriers.put(SYSTEM, code, PutCourier.model_validate(content))
        await shop.trade.couriers.add_numbers(SYSTEM, code, NewRange.model_validate(RANGES[code]))
    return Depot(shop, *people)
