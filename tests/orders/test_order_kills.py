"""A process killed at every step of placing, changing, splitting and shipping an order.

A step is what goes over the wire to PostgreSQL: the process dies before it is sent, or before it is answered.
"""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy.engine import make_url

from crm_core.rights import SYSTEM
from orders.errors import ChangedMeanwhile
from orders.sales.commands import EditOrder, SplitOrder
from tests.orders.order_shop import NOW, Shop
from tests.proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]
When = Literal["unsent", "unanswered"]


class KillingProxy(Proxy):
    """Kills `victim` at its `step`-th message after the word `armed`."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.arm(0, "unsent")

    def arm(self, step: int, when: When) -> None:
        self.step, self.when, self.victim = step, when, 0
        self._count: int | None = None

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server = writer.get_extra_info("peername")[1] == self._target
        try:
            while data := await reader.read(65_536):
                hit = to_server and self._is_the_step(data)
                if hit and self.when == "unsent":
                    os.kill(self.victim, signal.SIGKILL)
                    continue
                writer.write(data)
                await writer.drain()
                if hit:
                    os.kill(self.victim, signal.SIGKILL)
        finally:
            writer.close()

    def _is_the_step(self, data: bytes) -> bool:
        if self._count is None:
            self._count = 0 if b"armed" in data else None
            return False
        self._count += 1
        return self._count == self.step


class Victims:
    """Does jobs in processes that die at a step."""

    def __init__(self, process: asyncio.subprocess.Process, proxy: KillingProxy, url: str) -> None:
        self._process, self._proxy, self._url = process, proxy, url

    async def do(self, step: int, when: When, **job: Any) -> bool:
        """False when the job came to its end without that many steps."""
        self._proxy.arm(step, when)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        said = {"url": self._url, "now": NOW.isoformat()} | job
        self._process.stdin.write(json.dumps(said).encode() + b"\n")
        self._proxy.victim = int(await self._process.stdout.readline())
        ended = (await self._process.stdout.readline()).strip()
        assert ended in (b"killed", b"0"), ended
        return ended == b"killed"


@pytest.fixture(scope="module")
async def victims(shop: Shop) -> AsyncIterator[Victims]:
    direct = make_url(shop.database._engine.url).set(drivername="postgresql")
    async with KillingProxy(direct.port or 0) as proxy:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.orders.order_worker", cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        url = direct.set(port=proxy.port).render_as_string(hide_password=False)
        yield Victims(process, proxy, url)
        process.kill()
        await process.wait()


def steps() -> itertools.count:
    return itertools.count(1)


async def told(shop: Shop, order_id: int, kind: str) -> int:
    return await shop.scalar(
        "SELECT count(*) FROM outbox WHERE subject = 'order' AND subject_id = :id AND kind = :kind",
        id=order_id,
        kind=kind,
    )


@pytest.mark.parametrize("when", ["unsent", "unanswered"])
async def test_placing(shop: Shop, victims: Victims, when: When):
    there, short = await shop.product(on_hand=500), await shop.product(on_hand=3)
    died = 0
    for step in steps():
        key, lines = f"killed-{when}-{step}", [(there, 2), (short, 2)]
        job = {"do": "place", "key": key, "customer": shop.dealer, "lines": lines}
        if not await victims.do(step, when, backorder=True, **job):
            break
        died += 1
        before = await shop.scalar("SELECT count(*) FROM orders WHERE key = :key", key=key)
        placed = await shop.place(*lines, key=key, backorder=True)
        assert placed.created == (before == 0)
        whole = [placed.order, *placed.order.parts]
        goods = await shop.scalar(
            "SELECT sum(base_quantity) FROM order_lines WHERE order_id = ANY (:ids)",
            ids=[each.id for each in whole],
        )
        assert goods == 4
        assert await told(shop, placed.order.id, f"order_{placed.order.status}") == 2
        await shop.assert_ledger_adds_up()
        await shop.move(placed.order.id, "cancelled")
    assert died >= 4


@pytest.mark.parametrize("when", ["unsent", "unanswered"])
async def test_shipping(shop: Shop, victims: Victims, when: When):
    sku = await shop.product(on_hand=500)
    died = 0
    for step in steps():
        order = (await shop.place((sku, 2))).order
        await shop.move(order.id, "reviewed", "picking")
        if not await victims.do(step, when, do="move", order=order.id, to="shipped"):
            break
        died += 1
        if (await shop.service.get(SYSTEM, order.id)).status == "picking":
            await shop.move(order.id, "shipped")
        assert await told(shop, order.id, "order_shipped") == 2
        await shop.assert_ledger_adds_up()
    assert died >= 5


@pytest.mark.parametrize("when", ["unsent", "unanswered"])
async def test_changing(shop: Shop, victims: Victims, when: When):
    one, two = [await shop.product(on_hand=500) for _ in range(2)]
    content = {"version": 1, "lines": [{"sku": two, "quantity": 3}]}
    died = 0
    for step in steps():
        order = (await shop.place((one, 2))).order
        if not await victims.do(step, when, do="edit", order=order.id, content=content):
            break
        died += 1
        with contextlib.suppress(ChangedMeanwhile):
            await shop.trade.changes.edit(SYSTEM, order.id, EditOrder.model_validate(content))
        edited = await shop.service.get(SYSTEM, order.id)
        assert [(each.sku, each.quantity) for each in edited.lines] == [(two, 3)]
        assert (edited.version, edited.credit_held) == (2, edited.total)
        await shop.assert_ledger_adds_up()
    assert died >= 8


@pytest.mark.parametrize("when", ["unsent", "unanswered"])
async def test_splitting(shop: Shop, victims: Victims, when: When):
    sku = await shop.product(on_hand=500)
    content = {"version": 1, "lines": [{"line_no": 1, "quantity": 1}], "backorder": True}
    died = 0
    for step in steps():
        order = (await shop.place((sku, 3))).order
        if not await victims.do(step, when, do="split", order=order.id, content=content):
            break
        died += 1
        with contextlib.suppress(ChangedMeanwhile):
            await shop.trade.changes.split(SYSTEM, order.id, SplitOrder.model_validate(content))
        left = await shop.service.get(SYSTEM, order.id)
        (part,) = left.parts
        assert left.total + part.total == order.total
        assert (part.status, left.lines[0].quantity) == ("backordered", 2)
        await shop.assert_ledger_adds_up()
    assert died >= 8
