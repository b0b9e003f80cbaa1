"""Agents pass callers on: the call comes back to the daemon, or a consulted colleague takes it over."""

import asyncio
from collections.abc import Mapping

import pytest

from ami_bridge.agi import AgiSession
from ami_bridge.events import BridgeEntered, ChannelCreated
from tests.platform.exchange import PATIENCE_S, Exchange

OUTSIDE = "13800138000"


async def test_a_caller_who_is_passed_on_comes_back_to_the_daemon(pbx: Exchange):
    entered: list[Mapping[str, str]] = []

    async def connect(session: AgiSession) -> None:
        query = session.env.query
        entered.append(query)
        await session.answer()
        await session.exec("Dial", f"PJSIP/{query['transfer'] or '1001'}", "20", "g")
        await session.set_variable("ZJ_DONE", "1")

    async with pbx.desk(connect), asyncio.timeout(PATIENCE_S):
        await pbx.carrier.set_phone("1001", mode="transfer", ring_s=0, to="1002")
        call = await pbx.call()
        await pbx.ear.bridged("PJSIP/1002")
        await pbx.agent_hangs_up("1002")
        await call.over.wait()

    assert [query["transfer"] for query in entered] == ["", "1002"]
    assert len({query["call"] for query in entered}) == 1


async def test_a_consulted_colleague_is_bridged_with_the_caller_who_stays_in_dial(pbx: Exchange):
    entered: list[str] = []
    statuses: list[str | None] = []

    async def connect(session: AgiSession) -> None:
        entered.append(session.env.uniqueid)
        await session.answer()
        await session.exec("Dial", "PJSIP/1001", "20", "g")
        statuses.append(await session.get_variable("DIALSTATUS"))
        await session.set_variable("ZJ_DONE", "1")

    async with pbx.desk(connect), asyncio.timeout(PATIENCE_S):
        await pbx.carrier.set_phone("1001", mode="consult", ring_s=0, to="1002")
        call = await pbx.call()
        await pbx.ear.bridged("PJSIP/1001")
        await pbx.callers.consult("1001", "1002")
        await pbx.ear.hung_up("PJSIP/1001")
        await pbx.ear.hears(lambda _: _together(pbx, entered[0]))
        await pbx.agent_hangs_up("1002")
        await call.over.wait()

    assert (len(entered), statuses) == (1, ["ANSWER"])


def _together(pbx: Exchange, caller: str) -> bool:
    """Whether the caller was in a bridge with the colleague."""
    seen = [event for event in pbx.ear.events if isinstance(event, BridgeEntered)]
    caller_in = {event.bridge_id for event in seen if event.uniqueid == caller}
    colleague_in = {event.bridge_id for event in seen if event.channel.startswith("PJSIP/1002")}
    return bool(caller_in & colleague_in)


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_caller_is_passed_on_outside_as_far_as_the_agent_may_dial(
    pbx: Exchange, allowed: bool
):
    asked: list[tuple[str, str]] = []
    entered: list[Mapping[str, str]] = []

    async def connect(session: AgiSession) -> None:
        query = session.env.query
        if session.env.script.strip("/") == "dial":
            asked.append((query["phone"], query["number"]))
            await session.set_variable("ZJ_MAY_DIAL", "1" if allowed else "")
            return
        entered.append(query)
        await session.answer()
        await session.exec("Dial", f"PJSIP/{query['transfer'] or '1001'}", "20", "g")
        await session.set_variable("ZJ_DONE", "1")

    async with pbx.desk(connect), asyncio.timeout(PATIENCE_S):
        await pbx.carrier.set_phone("1001", mode="transfer", ring_s=0, to=OUTSIDE)
        await pbx.call()
        if allowed:
            await pbx.carrier_ear.hears(
                lambda event: isinstance(event, ChannelCreated) and event.exten == OUTSIDE
            )
        else:
            while len(entered) < 2:
                await asyncio.sleep(0.01)
            await pbx.carrier.set_phone("1001", ring_s=0)
        await pbx.clear()

    assert asked[0] == ("1001", OUTSIDE)
    assert [query["transfer"] for query in entered[:2]] == ([""] if allowed else ["", "1001"])


async def test_nobody_outside_passes_our_calls_on(pbx: Exchange):
    """A REFER that comes from the trunk is refused: it would choose where our calls go, at our cost."""
    found = (pbx.installation.pbx.etc / "pjsip.conf").read_text()
    trunk = found.partition("[trunk]")[2].partition("\n[")[0]
    assert "allow_transfer = no" in trunk
    shown = await pbx.pbx.console("pjsip show endpoint trunk")
    assert "allow_transfer                     : false" in shown
