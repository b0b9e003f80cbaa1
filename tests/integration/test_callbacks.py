"""Call-backs through the trunk, with every part real: their turn, the callee who calls in first, the daemon's death.

How a number behaves is told by its last two digits (asterisk-conf/carrier/README.md).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from tests.databases import database_at
from tests.integration.workplace import (
    Workplace,
    finish_wrap_up,
    pop_of,
    state_of,
    until,
)
from zongji.demo.agent import DemoAgent

ANSWERS, RINGS = "0225550{:02d}01", "0225550{:02d}23"
OTHER = "02255590{:03d}"
ANSWERED, BUSY = "00", "10"


async def test_a_callback_has_its_turn_before_those_who_came_later(work: Workplace) -> None:
    number = ANSWERS.format(1)
    agent = await work.agent("agent2")
    talk = await work.call_by_area(OTHER.format(1))
    await pop_of(agent, "talking")
    promise = await _asks_to_be_called(work, number)
    await work.call_by_area(OTHER.format(2))
    behind = await work.queued(OTHER.format(2))

    await work.hang_up(talk)
    await finish_wrap_up(agent)
    pop = await pop_of(agent, "talking")
    assert pop["direction"] == "callback"
    assert [each["call_id"] for each in await work.in_line(1)] == [behind]
    await _callee_hangs_up(work, number)
    record = await work.ended(number)
    assert (record["call"]["id"], record["call"]["outcome"]) == (pop["call_id"], "answered")
    assert record["call"]["agent_id"] == agent.agent["agent_id"]
    await _callback_is(work, promise, "done|reached|1")

    await finish_wrap_up(agent)
    assert (await pop_of(agent, "talking"))["call_id"] == behind
    assert len(work.called(number)) == 1


async def test_who_calls_in_while_the_callback_rings_is_rung_no_more_and_has_its_place(
    work: Workplace,
) -> None:
    number = RINGS.format(2)
    promise = await _asks_to_be_called(work, number)
    first = await work.call_by_area(OTHER.format(3))
    before = await work.queued(OTHER.format(3))
    await work.call_by_area(OTHER.format(4))
    behind = await work.queued(OTHER.format(4))
    agent = await work.agent("agent2")
    await _rings(work, number)
    assert agent.agent["state"] == "reserved"

    await work.call_by_area(number)
    await _rings_no_more(work, number)
    assert (await pop_of(agent, "talking"))["call_id"] == before
    back = await work.queued(number)
    assert [each["call_id"] for each in await work.in_line(2)] == [back, behind]

    await work.hang_up(first)
    await finish_wrap_up(agent)
    pop = await pop_of(agent, "talking")
    assert (pop["call_id"], pop["direction"]) == (back, "inbound")
    assert "callback_place" in {why["code"] for why in pop["why"]}
    await _callback_is(work, promise, "done|called_again|1")
    assert len(work.called(number)) == 1


async def test_a_daemon_killed_while_the_agent_is_held_has_dialled_nobody_and_the_next_one_does(
    work: Workplace,
) -> None:
    number = ANSWERS.format(3)
    promise = await _asks_to_be_called(work, number)
    async with _ledger_kept_waiting(work):
        await state_of(await work.agent("agent2"), "reserved")
        work.stack.daemon.kill()
    assert work.called(number) == ()

    agent = await _restart(work, "agent2")
    assert (await pop_of(agent, "talking"))["direction"] == "callback"
    await _callee_hangs_up(work, number)
    await _callback_is(work, promise, "done|reached|1")
    assert len(work.called(number)) == 1


async def test_a_callback_that_is_answered_after_the_daemons_death_is_not_dialled_again(
    work: Workplace,
) -> None:
    number = RINGS.format(4)
    promise = await _asks_to_be_called(work, number)
    await work.agent("agent2")
    await _rings(work, number)
    work.stack.daemon.kill()
    agent = await _restart(work, "agent2")
    await state_of(agent, "reserved")

    await _stops_ringing(work, number, ANSWERED)
    assert (await pop_of(agent, "talking"))["direction"] == "callback"
    await _callee_hangs_up(work, number)
    await _callback_is(work, promise, "done|reached|1")
    assert len(work.called(number)) == 1


async def test_of_a_callback_whose_talk_no_daemon_saw_a_person_decides(work: Workplace) -> None:
    number = RINGS.format(5)
    promise = await _asks_to_be_called(work, number)
    await work.agent("agent2")
    await _rings(work, number)
    work.stack.daemon.kill()
    await _stops_ringing(work, number, ANSWERED)
    await work.phone_talks("agent2")
    agent = await _restart(work, "agent2")
    await state_of(agent, "talking")
    await _callee_hangs_up(work, number)
    await state_of(agent, "wrap_up")
    await _callback_is(work, promise, "unknown|unknown|1")
    assert [each["id"] for each in await work.callbacks(number)] == [promise]
    assert len(work.called(number)) == 1


async def test_a_callback_that_nobody_answers_after_the_daemons_death_waits_for_the_next_time(
    work: Workplace,
) -> None:
    number = RINGS.format(6)
    promise = await _asks_to_be_called(work, number)
    await work.agent("agent2")
    await _rings(work, number)
    work.stack.daemon.kill()
    agent = await _restart(work, "agent2")
    await state_of(agent, "reserved")
    await _stops_ringing(work, number, BUSY)
    await state_of(agent, "ready")
    await _callback_is(work, promise, "waiting|busy|1")
    assert len(work.called(number)) == 1


async def test_a_callback_whose_talk_outlives_the_daemon_is_done_when_the_talk_is(
    work: Workplace,
) -> None:
    number = ANSWERS.format(7)
    promise = await _asks_to_be_called(work, number)
    pop = await pop_of(await work.agent("agent2"), "talking")
    work.stack.daemon.kill()
    agent = await _restart(work, "agent2")
    assert (await pop_of(agent, "talking"))["call_id"] == pop["call_id"]
    await _callback_is(work, promise, "dialling||1")
    await _callee_hangs_up(work, number)
    await finish_wrap_up(agent)
    await state_of(agent, "ready")
    await _callback_is(work, promise, "done|reached|1")
    assert len(work.called(number)) == 1


async def _asks_to_be_called(work: Workplace, number: str) -> int:
    """Somebody waits in the line, asks for a call-back by key and is gone; the call-back's id."""
    caller = await work.call_by_area(number)
    await caller.answered.wait()
    await work.queued(number)
    await work.press(caller, "2")
    await caller.over.wait()
    assert (await work.ended(number))["call"]["outcome"] == "callback_requested"
    (promise,) = await work.callbacks(number)
    assert promise["source"] == "caller_key"
    return int(promise["id"])


async def _callback_is(work: Workplace, promise: int, wanted: str) -> None:
    """Wait until it is kept so: status, last result, and how often its number was dialled."""

    async def is_so() -> bool:
        row = work.stack.postgres.execute(
            "SELECT status, last_result, (SELECT count(*) FROM attempts WHERE callback_id = c.id)"
            f" FROM callbacks c WHERE id = {promise}"
        )
        return row.strip() == wanted

    await until(is_so)


async def _leg(work: Workplace, number: str) -> list[str]:
    """What the carrier says of the call to this number: name, context, extension and more, as long as it lasts."""
    names = work.called(number)
    lines = (line.split("!") for line in await work.channels("carrier"))
    return next((line for line in lines if line[0] in names), [])


async def _rings(work: Workplace, number: str) -> None:
    async def rings() -> bool:
        return (await _leg(work, number))[1:3] == ["far-end", "23"]

    await until(rings)


async def _rings_no_more(work: Workplace, number: str) -> None:
    async def is_gone() -> bool:
        return not await _leg(work, number)

    await until(is_gone)


async def _stops_ringing(work: Workplace, number: str, far_end: str) -> None:
    """The call to this number goes on as one to another far end."""
    await work.stack.carrier.console(f"database put callee {number} {far_end}")


async def _callee_hangs_up(work: Workplace, number: str) -> None:
    name, *_ = await _leg(work, number)
    await work.stack.carrier.console(f"channel request hangup {name}")


async def _restart(work: Workplace, login: str) -> DemoAgent:
    await work.restart_daemon()
    return await work.reopen(login)


@asynccontextmanager
async def _ledger_kept_waiting(work: Workplace) -> AsyncIterator[None]:
    """Nobody writes into the ledger of attempts."""
    database = database_at(work.stack.postgres.url())
    try:
        async with database.begin() as session:
            await session.execute(text("LOCK TABLE attempts IN EXCLUSIVE MODE"))
            yield
    finally:
        await database.close()
