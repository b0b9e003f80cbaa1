"""A daemon that is not there is a normal state of the telephone line: nobody is lost."""

import asyncio

from ami_bridge.agi import AgiSession
from ami_bridge.events import BridgeLeft
from tests.platform.exchange import PATIENCE_S, Exchange

PLACE = "1~north~30~1790000000.123456~7~20~1-2~zh"


class Died(Exception):
    """Stands for a daemon that is gone from one moment to the next."""


async def member(pbx: Exchange, extension: str) -> None:
    await pbx.pbx.console(f"queue add member PJSIP/{extension} to fallback")


async def test_without_a_daemon_an_agent_of_the_plain_queue_answers(pbx: Exchange):
    await member(pbx, "1002")

    await pbx.call()

    await pbx.ear.bridged("PJSIP/1002")


async def test_when_that_agent_hangs_up_the_call_is_over(pbx: Exchange):
    await member(pbx, "1002")
    call = await pbx.call()
    await pbx.ear.bridged("PJSIP/1002")

    await pbx.agent_hangs_up("1002")

    async with asyncio.timeout(PATIENCE_S):
        await call.over.wait()


async def test_a_caller_whom_nobody_takes_is_asked_to_call_again(pbx: Exchange):
    before = len(pbx.log())
    call = await pbx.call()

    async with asyncio.timeout(PATIENCE_S):
        await call.over.wait()
    assert call.answered_at is not None
    assert call.cause == 16
    assert "does not exist in any format" not in pbx.log()[before:]


async def test_a_caller_whose_daemon_dies_comes_back_with_the_place_in_the_line(pbx: Exchange):
    seen: list[tuple[str, str]] = []
    back = asyncio.Event()

    async def die_once(session: AgiSession) -> None:
        seen.append((session.env.query["call"], session.env.query["place"]))
        if len(seen) == 1:
            await session.answer()
            await session.set_variable("ZJ_PLACE", PLACE)
            raise Died
        await session.set_variable("ZJ_DONE", "1")
        back.set()

    async with pbx.desk(die_once), asyncio.timeout(PATIENCE_S):
        call = await pbx.call()
        await back.wait()
        await call.over.wait()

    (first_id, no_place), (second_id, place) = seen
    assert first_id == second_id
    assert (no_place, place) == ("", PLACE)


async def test_a_daemon_that_dies_again_and_again_is_left_for_the_plain_queue(pbx: Exchange):
    await member(pbx, "1001")
    entered: list[str] = []

    async def die(session: AgiSession) -> None:
        entered.append(session.env.query["call"])
        raise Died

    async with pbx.desk(die):
        await pbx.call()
        await pbx.ear.bridged("PJSIP/1001")

    assert len(entered) == 2


async def test_who_waits_in_the_plain_queue_goes_back_to_a_daemon_that_returns(pbx: Exchange):
    back = asyncio.Event()

    async def take(session: AgiSession) -> None:
        await session.set_variable("ZJ_DONE", "1")
        back.set()

    call = await pbx.call()
    async with asyncio.timeout(PATIENCE_S):
        while "1 calls" not in await pbx.pbx.console("queue show fallback"):
            await asyncio.sleep(0.02)
        async with pbx.desk(take):
            await back.wait()
            await call.over.wait()


async def test_a_conversation_outlives_the_daemon_and_ends_with_it(pbx: Exchange):
    entered: list[str] = []
    dialling: list[asyncio.Task[int]] = []

    async def die_while_they_talk(session: AgiSession) -> None:
        entered.append(session.env.query["call"])
        await session.answer()
        dialling.append(asyncio.create_task(session.exec("Dial", "PJSIP/1001", "20", "g")))
        await pbx.ear.bridged("PJSIP/1001")
        raise Died

    async with pbx.desk(die_while_they_talk) as desk:
        call = await pbx.call()
        async with asyncio.timeout(PATIENCE_S):
            await pbx.ear.bridged("PJSIP/1001")
            while desk.connections:
                await asyncio.sleep(0.02)
        assert not any(isinstance(event, BridgeLeft) for event in pbx.ear.events)

        await pbx.agent_hangs_up("1001")
        async with asyncio.timeout(PATIENCE_S):
            await call.over.wait()

    await asyncio.gather(*dialling, return_exceptions=True)
    assert len(entered) == 1
