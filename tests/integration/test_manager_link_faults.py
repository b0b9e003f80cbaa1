"""The manager link between daemon and Asterisk is cut, or hangs with its sockets open."""

import json
from collections.abc import AsyncIterator, Callable

import pytest

from tests.integration.workplace import Workplace, kinds, pop_in, pop_of, state_of
from tests.proxy import Proxy
from zongji.demo.agent import DemoAgent, State
from zongji.demo.callers import CallerReport
from zongji.stack import Stack

NUMBER = "022555500{:02d}"


@pytest.fixture(scope="module")
async def manager(stack: Stack) -> AsyncIterator[Proxy]:
    """The daemon runs with this wire between itself and Asterisk's manager."""
    kept = stack.installation
    async with Proxy(kept.ports.manager) as proxy:
        node = {"name": "pbx1", "port": proxy.port, "secret": kept.secrets["manager"]}
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("ZONGJI_ASTERISK", json.dumps([node]))
            await stack.daemon.stop()
            await stack.daemon.start()
            yield proxy
        await stack.daemon.stop()
        await stack.daemon.start()


@pytest.fixture
async def link(manager: Proxy, work: Workplace) -> AsyncIterator[Proxy]:
    await work.board.until(_link_is(up=True))
    yield manager
    manager.open()
    await work.board.until(_link_is(up=True))


def _link_is(*, up: bool) -> Callable[[State], bool]:
    return lambda now: now["system"]["asterisk"]["connected"] is up


async def _talk(work: Workplace, login: str, number: str) -> tuple[DemoAgent, CallerReport]:
    agent = await work.agent(login)
    caller = await work.call_by_area(number)
    await pop_of(agent, "talking")
    return agent, caller


async def test_a_call_that_met_its_agent_while_the_link_was_cut_is_known_when_it_is_back(
    work: Workplace, link: Proxy
) -> None:
    agent = await work.agent("agent2")
    link.cut()
    await work.board.until(_link_is(up=False))
    caller = await work.call_by_area(NUMBER.format(1))
    await work.phone_talks("agent2")
    assert pop_in(agent.page.state, "offered")

    link.open()
    await work.board.until(_link_is(up=True))
    await pop_of(agent, "talking")
    assert agent.agent["state"] == "talking"
    await work.hang_up(caller)
    await state_of(agent, "wrap_up")
    record = await work.ended(NUMBER.format(1))
    assert record["call"]["outcome"] == "answered"
    assert "offer_failed" not in kinds(record)


async def test_a_caller_in_the_line_is_woken_while_the_link_is_cut(
    work: Workplace, link: Proxy
) -> None:
    await work.call_by_area(NUMBER.format(2))
    await work.in_line(1)
    link.cut()
    await work.board.until(_link_is(up=False))
    await work.agent("agent3")
    await work.phone_talks("agent3")


async def test_a_link_that_hangs_is_found_and_touches_no_call(work: Workplace, link: Proxy) -> None:
    talking, first = await _talk(work, "agent1", NUMBER.format(3))
    other = await work.agent("agent2")
    link.stall()
    await work.board.until(_link_is(up=False))
    second = await work.call_by_area(NUMBER.format(4))
    await work.phone_talks("agent2")
    assert talking.agent["state"] == "talking"

    link.open()
    await work.board.until(_link_is(up=True))
    await pop_of(other, "talking")
    assert talking.agent["state"] == "talking"
    assert not first.over.is_set()
    assert not second.over.is_set()


async def test_a_call_that_ended_unheard_is_closed_when_the_link_is_back(
    work: Workplace, link: Proxy
) -> None:
    """The call outlives its daemon, so only the manager link can tell of its end."""
    _, caller = await _talk(work, "agent1", NUMBER.format(5))
    work.stack.daemon.kill()
    await work.restart_daemon()
    agent = await work.reopen("agent1")
    await pop_of(agent, "talking")
    link.stall()
    await work.hang_up(caller)
    await caller.over.wait()
    await work.board.until(_link_is(up=False))
    assert agent.agent["state"] == "talking"

    link.open()
    await state_of(agent, "wrap_up")
    assert (await work.ended(NUMBER.format(5)))["call"]["agent_id"] == agent.agent["agent_id"]
