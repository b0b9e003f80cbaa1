"""Asterisk or PostgreSQL dies under the daemon and comes back."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.integration.workplace import (
    Workplace,
    finish_wrap_up,
    kinds,
    pop_of,
    state_of,
    until,
)
from zongji.demo.agent import AgentRefused, DemoAgent, State
from zongji.platform.asterisk import AsteriskProcess
from zongji.platform.postgres import EmbeddedPostgres
from zongji.stack import EXTENSIONS

VIP = "02223456789"
TANGGU = "02225871234"
"""A customer of agent1's, no VIP."""
NUMBER = "022666600{:02d}"
NOBODY = "anonymous"
"""Cannot be called back, so the agent is free for the next caller."""
SKU = "BJ-003"
FSYNC_OFF = {"fsync": "off"}


@pytest.fixture
async def pbx(work: Workplace) -> AsyncIterator[AsteriskProcess]:
    yield work.stack.pbx
    if work.stack.pbx.pid is None:
        await work.stack.pbx.start()


@pytest.fixture
async def postgres(work: Workplace) -> AsyncIterator[EmbeddedPostgres]:
    server = work.stack.postgres
    yield server
    _signal(server, signal.SIGCONT)
    if server.pid is None:
        await asyncio.to_thread(server.start, settings=FSYNC_OFF)
    await work.board.until(_database(available=True))


def _asterisk(*, connected: bool) -> Callable[[State], bool]:
    return lambda now: now["system"]["asterisk"]["connected"] is connected


def _database(*, available: bool) -> Callable[[State], bool]:
    return lambda now: now["system"]["database"]["available"] is available


def _signal(server: EmbeddedPostgres, number: signal.Signals) -> None:
    """To every process of the server."""
    if (first := server.pid) is not None:
        others = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, others)):
            os.kill(pid, number)


async def _available(work: Workplace) -> int:
    found = await work.board.request("GET", f"/api/products?q={SKU}")
    return next(int(item["available"]) for item in found["items"] if item["sku"] == SKU)


async def _refusal(agent: DemoAgent, customer_id: int, key: str) -> AgentRefused:
    with pytest.raises(AgentRefused) as refused:
        await agent.place_order(customer_id, [(SKU, 1)], key=key)
    return refused.value


def _orders(postgres: EmbeddedPostgres, key: str) -> int:
    return int(postgres.execute(f"SELECT count(*) FROM orders WHERE key = '{key}'"))


async def test_asterisk_dies_with_its_calls_and_the_line_is_whole_again_when_it_is_back(
    work: Workplace, pbx: AsteriskProcess
) -> None:
    agent = await work.agent("agent1")
    await work.call_by_area(NUMBER.format(1))
    await pop_of(agent, "talking")
    await work.call_by_area(NOBODY)
    await work.record(None, has=lambda record: "queued" in kinds(record))

    pbx.kill()
    await work.board.until(_asterisk(connected=False))
    await state_of(agent, "wrap_up", "unavailable", "ready")
    await work.in_line(0)
    assert (await work.ended(NUMBER.format(1)))["call"]["outcome"] == "answered"
    assert (await work.ended(None))["call"]["outcome"] == "abandoned"

    await pbx.start()
    await work.board.until(_asterisk(connected=True))
    await until(lambda: _all_registered(work))
    if agent.agent["state"] == "wrap_up":
        await finish_wrap_up(agent)
    await state_of(agent, "ready", "reserved", "ringing", "talking")
    await work.call_by_area(NUMBER.format(3))
    pop = await pop_of(agent, "talking")
    assert pop["call_id"] == (await work.record(NUMBER.format(3)))["call"]["id"]
    await work.phone_talks("agent1")


async def _all_registered(work: Workplace) -> bool:
    contacts = await work.stack.pbx.console("pjsip show contacts")
    return all(f"{extension}/sip:" in contacts for extension in EXTENSIONS)


async def test_while_postgresql_is_away_calls_go_on_and_their_records_follow(
    work: Workplace, postgres: EmbeddedPostgres
) -> None:
    own, other = await work.agent("agent1"), await work.agent("agent2")
    await other.command("break", "meal")
    talk = await work.call_by_area(NUMBER.format(4))
    await pop_of(own, "talking")

    await asyncio.to_thread(postgres.stop, mode="immediate")
    await other.command("ready")
    stranger = await work.call_by_area(NUMBER.format(5))
    assert (await pop_of(other, "talking"))["customer"] is None
    await work.board.until(_database(available=False))
    assert not talk.over.is_set()
    for caller in (talk, stranger):
        await work.hang_up(caller)
    await finish_wrap_up(own)
    known = await work.call_by_area(TANGGU)
    pop = await pop_of(own, "talking")
    assert pop["customer"]["name"]
    assert "salesperson" in {why["code"] for why in pop["why"]}
    await work.hang_up(known)
    await state_of(own, "wrap_up")

    await asyncio.to_thread(postgres.start, settings=FSYNC_OFF)
    await work.board.until(_database(available=True))
    for number in (NUMBER.format(4), NUMBER.format(5), TANGGU):
        record = await work.ended(number)
        assert record["call"]["outcome"] == "answered"
        happened = kinds(record)
        expected = ["started", "identified", "routed", "queued", "offered", "answered", "ended"]
        assert [kind for kind in happened if kind in expected] == expected


async def test_an_order_that_postgresql_could_not_take_is_refused_and_placed_once_afterwards(
    work: Workplace, postgres: EmbeddedPostgres
) -> None:
    agent = await work.agent("agent1")
    await work.call_by_area(VIP)
    pop = await pop_of(agent, "talking")
    before, key = await _available(work), uuid.uuid4().hex

    await asyncio.to_thread(postgres.stop, mode="immediate")
    refused = await _refusal(agent, pop["customer"]["id"], key)
    assert (refused.status, refused.code) == (503, "database_unavailable")
    assert "nothing was changed" in str(refused)
    await work.board.until(_database(available=False))

    await asyncio.to_thread(postgres.start, settings=FSYNC_OFF)
    await work.board.until(_database(available=True))
    again = [await agent.place_order(pop["customer"]["id"], [(SKU, 1)], key=key) for _ in range(2)]
    assert again[0]["number"] == again[1]["number"]
    assert _orders(postgres, key) == 1
    assert await _available(work) == before - 1


async def test_while_postgresql_takes_no_changes_calls_go_on_orders_are_refused_and_nothing_is_lost(
    work: Workplace, postgres: EmbeddedPostgres
) -> None:
    agent = await work.agent("agent1")
    before, key = await _available(work), uuid.uuid4().hex
    _read_only(postgres, "SET default_transaction_read_only = on")
    try:
        caller = await work.call_by_area(VIP)
        pop = await pop_of(agent, "talking")
        refused = await _refusal(agent, pop["customer"]["id"], key)
        assert (refused.status, refused.code) == (503, "database_unavailable")
        assert "nothing was changed" in str(refused)
        await work.hang_up(caller)
        await state_of(agent, "wrap_up")
    finally:
        _read_only(postgres, "RESET default_transaction_read_only")
    again = await agent.place_order(pop["customer"]["id"], [(SKU, 1)], key=key)
    assert again["number"]
    record = await work.ended(VIP)
    assert record["call"]["outcome"] == "answered"
    assert await _available(work) == before - 1
    assert not (work.stack.installation.var / "journal" / "rejected").exists()


def _read_only(postgres: EmbeddedPostgres, change: str) -> None:
    """For every connection from now on; those that stand are ended when it begins."""
    postgres.execute(f"ALTER DATABASE zongji {change}", "postgres")
    if change.startswith("SET"):
        everybody = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'zongji'"
        )
        postgres.execute(everybody, "postgres")


async def test_an_order_for_a_frozen_postgresql_is_refused_before_the_agent_gives_up(
    work: Workplace, postgres: EmbeddedPostgres
) -> None:
    agent, other = await work.agent("agent1"), await work.agent("agent2")
    await work.call_by_area(VIP)
    pop = await pop_of(agent, "talking")
    before, key = await _available(work), uuid.uuid4().hex

    _signal(postgres, signal.SIGSTOP)
    async with asyncio.timeout(20):
        refused = await _refusal(agent, pop["customer"]["id"], key)
        await other.command("break", "meal")
        await other.command("ready")
    assert refused.status == 503
    assert refused.code in ("database_unavailable", "commit_unknown")
    await work.board.until(_database(available=False))
    await work.call_by_area(NUMBER.format(6))
    await pop_of(other, "talking")

    _signal(postgres, signal.SIGCONT)
    await work.board.until(_database(available=True))
    await agent.place_order(pop["customer"]["id"], [(SKU, 1)], key=key)
    assert _orders(postgres, key) == 1
    assert await _available(work) == before - 1
    await work.record(NUMBER.format(6), has=lambda record: "answered" in kinds(record))


async def test_the_same_order_sent_many_times_at_once_is_placed_once(work: Workplace) -> None:
    agent = await work.agent("agent1")
    await work.call_by_area(VIP)
    pop = await pop_of(agent, "talking")
    before, key = await _available(work), uuid.uuid4().hex
    placed = await asyncio.gather(
        *(agent.place_order(pop["customer"]["id"], [(SKU, 1)], key=key) for _ in range(8))
    )
    assert len({order["number"] for order in placed}) == 1
    assert _orders(work.stack.postgres, key) == 1
    assert await _available(work) == before - 1
