"""Tells Asterisk's own Queue() who the agents are, for the time when no daemon answers.

Rule: what Asterisk should know is kept here whole, and told again after each reconnection; telling it
twice does no harm. Nothing waits for it: calls are the daemon's business while it lives. There is one
queue for all: Asterisk's queues miscount members that several of them share.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from acd.core_agents import AWAY
from acd.events import AgentChanged
from acd.views import AgentView
from ami_bridge.commands import Action, QueueAdd, QueuePause, QueueRemove
from ami_bridge.errors import ActionRefused, ActionTimedOut, LinkDown
from crm_core.bus import Bus

log = structlog.get_logger(__name__)

Send = Callable[[Action], Awaitable[object]]

QUEUE = "fallback"
"""The queue's name in queues.conf and in the dialplan."""


@dataclass(frozen=True, slots=True)
class Member:
    """An agent in the fallback queue; paused ones are not rung."""

    name: str
    paused: bool


class FallbackMembers:
    """Keeps one node's fallback queue in step with the agents."""

    def __init__(self, bus: Bus, send: Send) -> None:
        self._bus = bus
        self._send = send
        self._wanted: dict[str, Member | None] = {}
        self._told: dict[str, Member | None] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self, agents: Iterable[AgentView]) -> None:
        for agent in agents:
            self._agent_is(agent)
        self._unsubscribe = self._bus.subscribe(self._agent_is, AgentChanged)
        self._task = asyncio.create_task(self._run(), name="fallback-members")

    async def close(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def link_up(self) -> None:
        """Asterisk may have forgotten everything: tell all of it again."""
        self._told.clear()
        self._changed.set()

    def _agent_is(self, agent: AgentChanged | AgentView) -> None:
        member = Member(agent.name, paused=agent.state in AWAY)
        interface = f"PJSIP/{agent.extension}"
        self._wanted[interface] = None if agent.state == "offline" else member
        if not self._knows(interface):
            self._changed.set()

    def _knows(self, interface: str) -> bool:
        return interface in self._told and self._told[interface] == self._wanted[interface]

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._tell_all()
            except (LinkDown, ActionTimedOut) as error:
                log.info("fallback_members_wait", error=str(error))
            except Exception:
                log.exception("fallback_members_failed")

    async def _tell_all(self) -> None:
        for interface, member in tuple(self._wanted.items()):
            if not self._knows(interface):
                await self._tell(interface, member)
                self._told[interface] = member

    async def _tell(self, interface: str, member: Member | None) -> None:
        if member is None:
            with contextlib.suppress(ActionRefused):  # not a member: as it should be
                await self._send(QueueRemove(queue=QUEUE, interface=interface))
            return
        try:
            await self._send(
                QueueAdd(
                    queue=QUEUE,
                    interface=interface,
                    member_name=member.name,
                    paused=member.paused,
                )
            )
        except ActionRefused:  # a member already: only the pause can differ
            await self._pause(interface, member)

    async def _pause(self, interface: str, member: Member) -> None:
        try:
            await self._send(QueuePause(queue=QUEUE, interface=interface, paused=member.paused))
        except ActionRefused as error:
            log.warning("fallback_queue_unknown", queue=QUEUE, error=str(error))
