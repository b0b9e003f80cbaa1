"""Asterisk's own queues know the agents, whatever happened in between."""

import asyncio
from datetime import UTC, datetime

import pytest

from acd.events import AgentChanged, AgentState
from acd.fallback import FallbackMembers
from ami_bridge.commands import Action, QueueAdd, QueuePause, QueueRemove
from ami_bridge.errors import ActionRefused
from crm_core.bus import Bus

AT = datetime(2026, 3, 1, tzinfo=UTC)


class Asterisk:
    """Keeps members as app_queue does: adding twice and removing a stranger are refused."""

    def __init__(self) -> None:
        self.members: dict[tuple[str, str], bool] = {}
        self.told = asyncio.Event()

    async def send(self, action: Action) -> None:
        match action:
            case QueueAdd():
                self._require((action.queue, action.interface) not in self.members)
                self.members[action.queue, action.interface] = action.paused
            case QueuePause():
                self.members[action.queue, action.interface] = action.paused
            case QueueRemove():
                self._require((action.queue, action.interface) in self.members)
                del self.members[action.queue, action.interface]
        self.told.set()

    def _require(self, fine: bool) -> None:
        if not fine:
            raise ActionRefused("Unable to add interface")

    async def becomes(self, members: dict[tuple[str, str], bool]) -> None:
        async with asyncio.timeout(2):
            while self.members != members:
                await self.told.wait()
                self.told.clear()


def agent(state: AgentState, *queues: str) -> AgentChanged:
    return AgentChanged(1, "王", "8001", state, None, None, AT, None, queues, AT)


@pytest.fixture
async def parts():
    bus, asterisk = Bus(), Asterisk()
    members = FallbackMembers(bus, asterisk.send)
    await members.start(())
    yield bus, asterisk, members
    await members.close()


async def test_agents_come_pause_and_go(parts):
    bus, asterisk, _ = parts
    bus.publish(agent("ready", "north", "east"))
    await asterisk.becomes({("fallback", "PJSIP/8001"): False})
    bus.publish(agent("break", "north", "east"))
    await asterisk.becomes({("fallback", "PJSIP/8001"): True})
    bus.publish(agent("ready", "east"))
    await asterisk.becomes({("fallback", "PJSIP/8001"): False})
    bus.publish(agent("offline", "east"))
    await asterisk.becomes({})


async def test_after_a_restart_of_asterisk_everything_is_told_again(parts):
    bus, asterisk, members = parts
    bus.publish(agent("break", "north"))
    await asterisk.becomes({("fallback", "PJSIP/8001"): True})
    asterisk.members.clear()
    members.link_up()
    await asterisk.becomes({("fallback", "PJSIP/8001"): True})
