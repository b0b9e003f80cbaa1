"""The daemon dies, freezes or is molested; the callers notice as little as possible."""

import asyncio
import os
import signal
import sys

import pytest

from tests.integration.workplace import (
    Workplace,
    finish_wrap_up,
    kinds,
    pop_of,
    state_of,
    until,
)
from zongji.demo.callers import CallerReport

NUMBER = "022777700{:02d}"
GARBAGE = (
    b"",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1\r\nHost: pbx\r\n\r\n",
    b"agi_request: agi://127.0.0.1/inbound\n\n",
    b"agi_network: yes\nagi_request: agi://127.0.0.1/inbound?call=../../etc\nagi_channel: x\n\n",
    b"agi_network: yes\n" * 2000,
    b"\xff" * 20_000,
    b"OPTIONS sip:pbx SIP/2.0\r\n\r\n",
)


@pytest.fixture
async def talk(work: Workplace) -> CallerReport:
    """A call that agent1 is talking with."""
    agent = await work.agent("agent1")
    caller = await work.call_by_area(NUMBER.format(1))
    await pop_of(agent, "talking")
    return caller


async def test_a_killed_daemon_ends_no_call_and_the_line_keeps_its_order(
    work: Workplace, talk: CallerReport
) -> None:
    await work.agent("agent2", ring_s=2.5)
    rung = await work.call_by_area(NUMBER.format(2))
    await pop_of(await work.reopen("agent2"), "ringing")
    first = await work.call_by_area(NUMBER.format(3))
    await work.in_line(2)
    second = await work.call_by_area(NUMBER.format(4))
    order = [waiting["call_id"] for waiting in await work.in_line(3)][1:]

    work.stack.daemon.kill()
    await work.phone_talks("agent2")
    await work.restart_daemon()

    assert [waiting["call_id"] for waiting in await work.in_line(2)] == order
    assert not any(each.over.is_set() for each in (talk, rung, first, second))
    agent = await work.reopen("agent2")
    met = await pop_of(agent, "talking")
    await work.hang_up(rung)
    ended = (await work.ended(NUMBER.format(2)))["call"]
    await finish_wrap_up(agent)
    assert (await pop_of(agent, "talking"))["call_id"] == order[0]
    assert (ended["id"], ended["outcome"]) == (met["call_id"], "answered")
    assert ended["agent_id"] == agent.agent["agent_id"]


async def test_a_call_that_outlives_its_daemon_gets_its_end_and_its_recording(
    work: Workplace, talk: CallerReport
) -> None:
    work.stack.daemon.kill()
    await work.restart_daemon()
    agent = await work.reopen("agent1")
    pop = await pop_of(agent, "talking")
    await work.hang_up(talk)
    await state_of(agent, "wrap_up")
    record = await work.record(NUMBER.format(1), has=lambda found: bool(found["recording"]))
    assert record["call"]["id"] == pop["call_id"]
    assert record["call"]["outcome"] == "answered"
    assert record["recording"]["channels"] == 2


async def test_a_call_that_ends_while_no_daemon_runs_is_closed_by_the_next(
    work: Workplace, talk: CallerReport
) -> None:
    work.stack.daemon.kill()
    await work.hang_up(talk)
    await talk.over.wait()
    await work.restart_daemon()
    agent = await work.reopen("agent1")
    await state_of(agent, "wrap_up", "ready")
    record = await work.record(NUMBER.format(1), has=lambda found: bool(found["recording"]))
    assert record["call"]["ended_at"] is not None


async def test_without_a_daemon_a_new_caller_still_reaches_an_agent(work: Workplace) -> None:
    await work.agent("agent3")
    await until(lambda: _member_of_the_plain_queue(work, "1003"))
    work.stack.daemon.kill()
    caller = await work.call(NUMBER.format(5))
    await work.phone_talks("agent3")
    await work.restart_daemon()
    agent = await work.reopen("agent3")
    await state_of(agent, "talking")
    await work.hang_up(caller)
    await state_of(agent, "wrap_up")


async def test_a_waiting_caller_whom_the_plain_queue_brings_to_an_agent_counts_as_answered(
    work: Workplace,
) -> None:
    caller = await work.call_by_area(NUMBER.format(10))
    await work.in_line(1)
    agent = await work.agent("agent5", phone="noanswer")
    await state_of(agent, "unavailable")
    await agent.command("break", "meal")
    await until(lambda: _member_of_the_plain_queue(work, "1005"))
    work.stack.daemon.kill()
    await work.set_phone("agent5", "answer")
    await work.stack.pbx.console("queue unpause member PJSIP/1005 queue fallback")
    await work.phone_talks("agent5")
    await work.restart_daemon()
    assert (await pop_of(await work.reopen("agent5"), "talking"))["caller_display"]
    await work.hang_up(caller)
    assert (await work.ended(NUMBER.format(10)))["call"]["outcome"] == "answered"


async def _member_of_the_plain_queue(work: Workplace, extension: str) -> bool:
    return f"PJSIP/{extension}" in await work.stack.pbx.console("queue show fallback")


async def test_a_frozen_daemon_is_ended_and_its_callers_come_back(work: Workplace) -> None:
    waiting = await work.call_by_area(NUMBER.format(6))
    (before,) = await work.in_line(1)
    work.stack.daemon.signal(signal.SIGSTOP)
    late = await work.call(NUMBER.format(7))
    assert await work.stack.daemon.wait() == -signal.SIGKILL
    await work.restart_daemon()
    back = await work.in_line(1)
    assert back[0]["call_id"] == before["call_id"]
    record = await work.record(NUMBER.format(6), has=lambda found: "resumed" in kinds(found))
    assert record["call"]["id"] == before["call_id"]
    await work.record(NUMBER.format(7), has=lambda found: "menu_answered" in kinds(found))
    assert not waiting.over.is_set()
    assert not late.over.is_set()


async def test_while_the_daemon_is_frozen_a_caller_finds_the_way_to_an_agent(
    work: Workplace,
) -> None:
    await work.agent("agent4")
    await until(lambda: _member_of_the_plain_queue(work, "1004"))
    work.stack.daemon.signal(signal.SIGSTOP)
    await work.call(NUMBER.format(8))
    await work.phone_talks("agent4")
    assert work.stack.daemon.pid is None


async def test_a_second_daemon_says_who_runs_and_goes(work: Workplace) -> None:
    second = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "zongji", "serve"),
        env=os.environ | {"ZONGJI_SETTINGS": str(work.stack.installation.settings_file)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await second.communicate()
    sentence = " ".join(said.decode().split())
    assert second.returncode == 1
    assert f"A Zongji daemon (process {work.stack.daemon.pid}) already serves" in sentence
    assert "Traceback" not in sentence
    await work.agent("agent1")


async def test_strangers_at_the_door_do_not_disturb_calls(
    work: Workplace, talk: CallerReport
) -> None:
    agent = await work.agent("agent2")
    door = work.stack.installation.ports.agi
    strangers = asyncio.gather(*(_knock(door, each) for each in GARBAGE * 5))
    await work.call_by_area(NUMBER.format(9))
    pop = await pop_of(agent, "talking")
    await strangers
    record = await work.record(NUMBER.format(9), has=lambda found: "answered" in kinds(found))
    assert record["call"]["id"] == pop["call_id"]
    assert not talk.over.is_set()
    calls = (await work.board.request("GET", "/api/calls"))["items"]
    assert sum(call["ended_at"] is None for call in calls) == 2


async def _knock(port: int, said: bytes) -> None:
    """Say something and go without waiting for an answer."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(said)
        await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()
