"""Calls out: how each far end of the simulated carrier behaves, and what may be dialled at all."""

import asyncio
import uuid
from collections.abc import Callable

import pytest

from ami_bridge.agi import AgiSession
from ami_bridge.agi_framing import AgiEnvironment
from ami_bridge.commands import Originate
from ami_bridge.events import AsteriskEvent, ChannelCreated, ChannelState, DialBegun, DialEnded
from ami_bridge.originations import Fate, Originated, OriginateFailed
from tests.platform.exchange import PATIENCE_S, Exchange
from zongji.platform.carrier import PhoneMode


async def dial(pbx: Exchange, channel: str, *, timeout_s: float = 20, **variables: str) -> Fate:
    """Dial as the daemon does; an answered call enters the dialplan."""
    return await pbx.ami.originate(
        Originate(
            channel=channel,
            channel_id=f"zj-{uuid.uuid4().hex}",
            context="zongji-outbound",
            caller_id="4006001001",
            timeout_s=timeout_s,
            variables=variables,
        )
    )


async def done(session: AgiSession) -> None:
    await session.set_variable("ZJ_DONE", "1")


@pytest.mark.parametrize("last", ["00", "01", "12", "13", "16", "77"])
async def test_far_ends_that_answer(pbx: Exchange, last: str):
    async with pbx.desk(done):
        fate = await dial(pbx, f"PJSIP/138001380{last}@trunk")
        await pbx.ear.hung_up("PJSIP/trunk")

    assert isinstance(fate, Originated)


@pytest.mark.parametrize(
    ("last", "cause", "said"),
    [
        ("10", 17, "486"),
        ("15", 1, "404"),
        ("17", 21, "603"),
        ("18", 19, "480"),
        ("19", 34, "503"),
    ],
)
async def test_far_ends_that_do_not_answer_say_why(pbx: Exchange, last: str, cause: int, said: str):
    fate = await dial(pbx, f"PJSIP/138001380{last}@trunk")

    assert isinstance(fate, OriginateFailed)
    assert (fate.cause, fate.tech_cause) == (cause, said)


async def test_a_far_end_where_nobody_answers_rings_until_the_time_is_over(pbx: Exchange):
    fate = await dial(pbx, "PJSIP/13800138011@trunk", timeout_s=1)

    assert isinstance(fate, OriginateFailed)
    assert fate.code == "no_answer"
    assert any(
        isinstance(event, ChannelState) and event.state == "ringing" for event in pbx.ear.events
    )


async def test_a_far_end_that_hangs_up_at_once_is_heard_of(pbx: Exchange):
    async def listen(session: AgiSession) -> None:
        await session.wait_for_digit(PATIENCE_S)

    async with pbx.desk(listen):
        assert isinstance(await dial(pbx, "PJSIP/13800138016@trunk"), Originated)
        ended = await pbx.ear.hung_up("PJSIP/trunk")

    assert ended.cause == 16


async def test_an_answered_call_enters_the_daemon_with_all_it_was_told(pbx: Exchange):
    arrived: asyncio.Future[AgiEnvironment] = asyncio.get_running_loop().create_future()

    async def take(session: AgiSession) -> None:
        arrived.set_result(session.env)
        await done(session)

    told = {"ZJ_NUMBER": "+85221234567", "ZJ_QUEUE": "a,b&call=c", "ZJ_PURPOSE": "callback"}
    async with pbx.desk(take), asyncio.timeout(PATIENCE_S):
        await dial(pbx, "PJSIP/13800138000@trunk", __ZJ_CALL="abc123", **told)
        env = await arrived

    assert env.script.strip("/") == "outbound"
    assert env.query["call"] == "abc123"
    assert env.query["number"] == "+85221234567"
    assert env.query["purpose"] == "callback"
    assert env.query["queue"] == "a,b&call=c"


async def allow(session: AgiSession) -> None:
    """A daemon that lets everybody dial."""
    await session.set_variable("ZJ_MAY_DIAL", "1")


def _is_called(number: str) -> Callable[[AsteriskEvent], bool]:
    """Whether the carrier is asked for a number."""
    return lambda event: isinstance(event, ChannelCreated) and event.exten == number


async def test_an_agent_dials_a_number_and_shows_the_companys(pbx: Exchange):
    asked: list[AgiEnvironment] = []

    async def decide(session: AgiSession) -> None:
        asked.append(session.env)
        await allow(session)

    async with pbx.desk(decide), asyncio.timeout(PATIENCE_S):
        await pbx.callers.dial("1001", "13800138000")
        called = await pbx.carrier_ear.hears(_is_called("13800138000"))
        await pbx.clear()

    assert isinstance(called, ChannelCreated)
    assert called.caller == "4006001001"
    assert [(env.script.strip("/"), env.query["phone"], env.query["number"]) for env in asked] == [
        ("dial", "1001", "13800138000")
    ]


@pytest.mark.parametrize("number", ["13800138000", "02288880000", "0085221234567"])
async def test_what_the_daemon_does_not_allow_is_not_dialled(pbx: Exchange, number: str):
    asked = asyncio.Event()

    async def refuse(_: AgiSession) -> None:
        asked.set()

    async with pbx.desk(refuse), asyncio.timeout(PATIENCE_S):
        await pbx.callers.dial("1001", number)
        await asked.wait()
        await pbx.ear.hung_up("PJSIP/1001")
        await pbx.clear()

    assert not any(isinstance(event, DialBegun) for event in pbx.ear.events)


async def test_without_a_daemon_agents_dial_nobody_outside_but_emergencies(pbx: Exchange):
    async with asyncio.timeout(PATIENCE_S):
        await pbx.callers.dial("1001", "13800138000")
        await pbx.ear.hung_up("PJSIP/1001")
        assert not any(isinstance(event, DialBegun) for event in pbx.ear.events)

        await pbx.callers.dial("1001", "110")
        await pbx.ear.hears(
            lambda event: isinstance(event, DialBegun) and event.dial_string == "110@trunk"
        )
        await pbx.clear()


@pytest.mark.parametrize("number", ["00", "1380013800", "12345678", "9"])
async def test_what_is_no_number_cannot_be_dialled(pbx: Exchange, number: str):
    fate = await dial(pbx, f"Local/{number}@from-agent")

    assert isinstance(fate, OriginateFailed)
    assert not any(isinstance(event, DialBegun) for event in pbx.ear.events)


async def talking(session: AgiSession) -> None:
    if session.env.script.strip("/") == "dial":
        await allow(session)
        return
    await session.answer()
    await session.wait_for_digit(PATIENCE_S)


async def test_calls_out_end_at_the_cap_whoever_placed_them(pbx: Exchange):
    async with pbx.desk(talking):
        assert isinstance(await dial(pbx, "PJSIP/13800138000@trunk"), Originated)

        await dial(pbx, "Local/13900139000@from-agent", timeout_s=1)

        assert not any(
            isinstance(event, DialBegun) and event.dial_string == "13900139000@trunk"
            for event in pbx.ear.events
        )
        await pbx.clear()


async def test_calls_in_do_not_use_up_the_calls_out(pbx: Exchange):
    async with pbx.desk(talking):
        call = await pbx.call()
        async with asyncio.timeout(PATIENCE_S):
            await call.answered.wait()

        assert isinstance(await dial(pbx, "Local/13900139000@from-agent"), Originated)
        assert not call.over.is_set()
        await pbx.clear()


async def test_emergency_numbers_pass_the_cap(pbx: Exchange):
    async with pbx.desk(talking):
        assert isinstance(await dial(pbx, "PJSIP/13800138000@trunk"), Originated)

        await dial(pbx, "Local/110@from-agent", timeout_s=2)

        await pbx.ear.hears(
            lambda event: isinstance(event, DialBegun) and event.dial_string == "110@trunk"
        )
        await pbx.clear()


@pytest.mark.parametrize(
    ("mode", "status"), [("busy", "BUSY"), ("reject", "NOANSWER"), ("noanswer", "NOANSWER")]
)
async def test_a_telephone_does_as_it_is_told(pbx: Exchange, mode: PhoneMode, status: str):
    await pbx.carrier.set_phone("1001", mode=mode, ring_s=0)

    async def connect(session: AgiSession) -> None:
        await session.answer()
        await session.exec("Dial", "PJSIP/1001", "1", "g")
        await done(session)

    async with pbx.desk(connect):
        await pbx.call()
        ended = await pbx.ear.hears(lambda event: isinstance(event, DialEnded))

    assert isinstance(ended, DialEnded)
    assert ended.status == status
