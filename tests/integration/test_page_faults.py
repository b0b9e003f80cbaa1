"""An agent's page vanishes during a call; another stops reading."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from aiohttp.connector import AddrInfoType

from tests.integration.workplace import Workplace, finish_wrap_up, pop_of, state_of
from zongji.demo.agent import DemoAgent, Page

NUMBER = "022444400{:02d}"
CHANGES = 40
CALLBACKS = 20
MUCH = 100_000
SNAPSHOT = {"type": "snapshot"}


async def test_a_page_that_vanishes_in_a_call_shows_the_call_when_it_is_loaded_again(
    work: Workplace,
) -> None:
    agent = await work.agent("agent1")
    caller = await work.call_by_area(NUMBER.format(1))
    pop = await pop_of(agent, "talking")
    key = str(agent.agent["agent_id"])
    vanish(agent)

    again = await work.reopen("agent1")
    assert (await pop_of(again, "talking"))["call_id"] == pop["call_id"]
    assert not caller.over.is_set()
    vanish(again)
    await work.hang_up(caller)
    await work.board.until(lambda now: now["agents"][key]["state"] == "wrap_up")

    last = await work.reopen("agent1")
    assert (await pop_of(last, "ended"))["call_id"] == pop["call_id"]
    await finish_wrap_up(last)
    await work.call_by_area(NUMBER.format(2))
    await pop_of(last, "talking")


def vanish(agent: DemoAgent) -> None:
    """Without a word: as when the computer is switched off."""
    assert agent._socket is not None
    connection = agent._socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.abort()


async def test_a_page_that_does_not_read_delays_nobody_and_then_gets_a_snapshot(
    work: Workplace,
) -> None:
    quick = await work.agent("agent1")
    await _promise_callbacks(quick)
    async with _deaf_page(work, quick) as deaf:
        await _fill(work, deaf)
        before = quick.page.sequence
        for command in ("break", "ready") * (CHANGES // 2):
            await deaf.pong()
            await quick.command(command, "meal" if command == "break" else None)
            await state_of(quick, command)
        assert quick.page.sequence >= before + CHANGES

        page, changes = Page(), 0
        async with asyncio.timeout(30):
            while page.sequence < quick.page.sequence:
                message = json.loads((await deaf.receive()).data)
                assert page.apply(message)
                changes += message["type"] == "change" and message["seq"] > before
        assert page.state["me"] == quick.page.state["me"]
        assert changes < CHANGES


async def _promise_callbacks(agent: DemoAgent) -> None:
    """They make the page's snapshot long."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for number in range(CALLBACKS):
        wanted = {"number": NUMBER.format(50 + number), "due_at": tomorrow, "note": "货" * 500}
        await agent.request("POST", "/api/callbacks", wanted)
    await agent.until(lambda state: len(state["callbacks"]) == CALLBACKS)


@asynccontextmanager
async def _deaf_page(
    work: Workplace, agent: DemoAgent
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """The agent's second page; little is kept for it underway."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=_narrow),
        cookie_jar=agent._http.cookie_jar,
        headers=agent._http.headers,
    ) as http:
        ticket = await agent.request("POST", "/api/ws-ticket", {})
        params = {"ticket": ticket["ticket"], "page": "sidebar"}
        async with http.ws_connect(f"{work.stack.address}/ws", params=params) as page:
            yield page


def _narrow(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return made


async def _fill(work: Workplace, page: aiohttp.ClientWebSocketResponse) -> None:
    """Ask for snapshots until the daemon cannot get rid of them."""
    ends = (work.stack.installation.ports.web, page.get_extra_info("sockname")[1])
    seen = [0]
    while seen[-1] < MUCH or seen[-1] != seen[-2]:
        for _ in range(20):
            await page.send_json(SNAPSHOT)
            await asyncio.sleep(0.002)
        seen.append(_unsent(*ends))


def _unsent(local: int, remote: int) -> int:
    """Bytes in the kernel on their way out of the connection between these two ports."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, _, queues, *_ = line.split()
        if (int(here[-4:], 16), int(there[-4:], 16)) == (local, remote):
            return int(queues.partition(":")[0], 16)
    return 0
