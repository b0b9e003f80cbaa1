"""A call comes in through the trunk: what reaches the daemon, and how the call ends."""

import asyncio
from pathlib import Path

import pytest

from ami_bridge.agi import AgiSession
from ami_bridge.agi_framing import AgiEnvironment
from ami_bridge.events import ChannelState
from tests.ivr.test_prompts import silence
from tests.platform.exchange import DID, PATIENCE_S, Exchange


async def what_arrives(pbx: Exchange, number: str, did: str) -> AgiEnvironment:
    arrived: asyncio.Future[AgiEnvironment] = asyncio.get_running_loop().create_future()

    async def take(session: AgiSession) -> None:
        await session.set_variable("ZJ_DONE", "1")
        arrived.set_result(session.env)

    async with pbx.desk(take), asyncio.timeout(PATIENCE_S):
        call = await pbx.call(number, did)
        environment = await arrived
        await call.over.wait()
    return environment


async def test_a_call_reaches_the_daemon_with_all_it_needs_to_know(pbx: Exchange):
    env = await what_arrives(pbx, "02223456789", DID)

    assert env.caller == "02223456789"
    assert env.script.strip("/") == "inbound"
    assert env.query["did"] == DID
    assert env.query["node"] == "pbx1"
    assert env.query["place"] == ""
    assert len(env.query["call"]) == 32
    assert set(env.query["call"]) <= set("0123456789abcdef")


async def test_numbers_with_a_plus_arrive_with_their_plus(pbx: Exchange):
    env = await what_arrives(pbx, "+85221234567", f"+86{DID}")

    assert env.caller == "+85221234567"
    assert env.query["did"] == f"+86{DID}"


@pytest.mark.parametrize("did", ["4006001001&call=0", "4006001001%26x", "400,6001,001"])
async def test_a_number_called_cannot_smuggle_anything_into_the_dialplan(pbx: Exchange, did: str):
    env = await what_arrives(pbx, "13800138000", did)

    assert set(env.query["did"]) <= set("0123456789+")
    assert len(env.query["call"]) == 32


async def test_every_call_has_an_id_of_its_own(pbx: Exchange):
    first = await what_arrives(pbx, "13800138000", DID)
    second = await what_arrives(pbx, "13800138000", DID)

    assert first.query["call"] != second.query["call"]


async def test_keys_pressed_by_the_caller_arrive(pbx: Exchange):
    heard: list[str | None] = []

    async def listen(session: AgiSession) -> None:
        await session.answer()
        heard.extend([await session.wait_for_digit(PATIENCE_S) for _ in range(3)])
        await session.set_variable("ZJ_DONE", "1")

    async with pbx.desk(listen), asyncio.timeout(PATIENCE_S):
        call = await pbx.call(keys=("1", "#", "0"))
        await call.over.wait()

    assert heard == ["1", "#", "0"]


async def test_the_agents_telephone_belongs_to_the_same_call(pbx: Exchange):
    ids: list[str] = []

    async def connect(session: AgiSession) -> None:
        ids.append(session.env.query["call"])
        await session.answer()
        await session.exec("Dial", "PJSIP/1001", "20", "g")

    async with pbx.desk(connect):
        await pbx.call()
        await pbx.ear.bridged("PJSIP/1001")
        up = await pbx.ear.hears(
            lambda event: (
                isinstance(event, ChannelState)
                and event.channel.startswith("PJSIP/1001")
                and event.state == "up"
            )
        )
        await pbx.clear()

    assert isinstance(up, ChannelState)
    assert up.call_id == ids[0]


async def test_a_prompt_whose_file_is_away_or_damaged_is_noted_and_the_next_one_is_heard(
    pbx: Exchange, tmp_path: Path
):
    away, damaged, whole = (str(tmp_path / name) for name in ("away", "damaged", "whole"))
    silence(Path(f"{whole}.wav"))
    Path(f"{damaged}.wav").write_bytes(b"no sound")
    noted: list[str] = []

    async def play(session: AgiSession) -> None:
        await session.answer()
        await session.play([away, damaged, whole])
        await session.set_variable("ZJ_DONE", "1")

    async with pbx.desk(play, not_played=noted.append), asyncio.timeout(PATIENCE_S):
        call = await pbx.call("13800138000", DID)
        await call.over.wait()
    assert noted == [away, damaged]
