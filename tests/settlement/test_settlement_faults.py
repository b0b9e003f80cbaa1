"""Settling while the daemon is killed: at every statement and every commit, then done again; nothing twice."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from orders.settlement.finishing import Finisher
from tests.settlement.counting_house import CountingHouse

ROOT = Path(__file__).resolve().parent.parent.parent
# A program that settles couriers' parcels to the end, each in a process forked from it, which dies at its step:
# before the nth statement (`statement:n`), before the nth commit or right after it (`commit:n`, `committed:n`).
# Then each is done again; it prints how both ended.
CHILD = """
import asyncio, json, os, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.errors import DomainError
from crm_core.rights import SYSTEM
from orders.services import Trade
from orders.settlement.commands import ChangeSettlement, NewSettlement, NewSettlementPayment, SettlementQuery
from orders.settlement.finishing import Finisher
from tests.orders.order_shop import Clock

left = {}

def step(name):
    left[name] = left.get(name, 0) - 1
    if left[name] == 0:
        os._exit(9)

@event.listens_for(Engine, "before_cursor_execute")
def _(*args):
    step("statement")

class Mortal(Database):
    async def _commit(self, session):
        step("commit")
        await super()._commit(session)
        step("committed")

async def main(told):
    database, clock = Mortal(told["url"]), Clock()
    trade = Trade.of(database, Bus(), clock=clock)
    settlements = trade.settlements
    query = SettlementQuery(party_kind="courier", party_code=told["courier"])
    found = await settlements.listed(SYSTEM, query)
    if not found:
        new = NewSettlement(party_kind="courier", party_code=told["courier"],
                            begins="2026-03-01", ends="2026-03-31")
        await settlements.draft(SYSTEM, new)
    (view,) = await settlements.listed(SYSTEM, query)
    if view.state == "draft":
        await settlements.confirm(SYSTEM, view.id, ChangeSettlement(version=view.version))
    (view,) = await settlements.listed(SYSTEM, query)
    if view.state == "confirmed":
        money = NewSettlementPayment(amount=view.balance, method="transfer",
                                     reference=told["courier"], paid_at=clock.now)
        await settlements.pay(SYSTEM, view.id, money)
    finisher = Finisher(database, Bus(), clock=clock, batch=2)
    while await finisher.finish_some(view.id) is not None:
        pass
    await database.close()

def forked(url, courier, die_at):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    kind, _, place = die_at.partition(":")
    left[kind] = int(place)
    os.dup2(2, 1)
    code = 1
    try:
        asyncio.run(main({"url": url, "courier": courier}))
        code = 0
    finally:
        os._exit(code)

told = json.loads(sys.argv[1])
print(json.dumps([
    [forked(told["url"], courier, step), forked(told["url"], courier, "nowhere:0")]
    for step, courier in told["couriers"].items()
]))
"""
STEPS = (
    *(f"commit:{n}" for n in (1, 2, 3, 4, 5)),
    *(f"committed:{n}" for n in (1, 2, 3, 4)),
    *(f"statement:{n}" for n in (5, 12, 20, 25, 28, 31, 34)),
)


async def settle(house: CountingHouse, couriers: dict[str, str]) -> list[list[int]]:
    """Another process settles the parcels of the courier of each step."""
    url = house.shop.database._engine.url.render_as_string(hide_password=False)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CHILD,
        json.dumps({"url": url, "couriers": couriers}),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    told, _ = await child.communicate()
    return json.loads(told)


async def test_killed_at_every_step_and_started_again_it_settles_everything_once(
    house: CountingHouse,
):
    couriers = {step: await house.courier() for step in STEPS}
    orders = [(await house.delivered(courier))[0] for courier in couriers.values()]
    ended = await settle(house, couriers)
    assert dict(zip(STEPS, ended, strict=True)) == {step: [9, 0] for step in STEPS}
    for order_id in orders:
        assert (await house.status(order_id), await house.paid(order_id)) == ("settled", 100)
    found = await house.rows(
        "SELECT party_code, state, balance, finished_at IS NOT NULL FROM settlements"
    )
    assert sorted(found) == sorted((code, "paid", 86, True) for code in couriers.values())
    await house.assert_adds_up()


async def test_several_daemons_at_once_work_a_settlement_off_once(house: CountingHouse):
    courier = await house.courier()
    orders = [(await house.delivered(courier))[0] for _ in range(3)]
    await house.pay((await house.confirm((await house.draft(courier)).settlement)).settlement)
    finishers = [
        Finisher(house.shop.database, house.shop.bus, clock=house.shop.clock, batch=2)
        for _ in range(4)
    ]

    async def work(finisher: Finisher) -> None:
        for _ in range(8):
            await finisher.finish_some()

    await asyncio.gather(*map(work, finishers))
    assert [await house.status(each) for each in orders] == ["settled"] * 3
    await house.assert_adds_up()


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
async def test_batches_of_any_size_end_alike(house: CountingHouse, batch: int):
    courier = await house.courier()
    orders = [(await house.delivered(courier))[0] for _ in range(2)]
    await house.pay((await house.confirm((await house.draft(courier)).settlement)).settlement)
    finisher = Finisher(house.shop.database, house.shop.bus, clock=house.shop.clock, batch=batch)
    while await finisher.finish_some() is not None:
        pass
    assert [await house.status(each) for each in orders] == ["settled"] * 2
    await house.assert_adds_up()
