"""The link to one Asterisk, kept up for as long as the program runs.

Rule: starting up and coming back are one path: connect, log in, wait until Asterisk has booted, list
channels and telephones, tell LinkUp, deliver events in order. A fault of a handler is its own affair
and is logged; a silent peer is cut off; and no action is ever repeated.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from ami_bridge.commands import Action, DeviceStateList, Originate, Ping, Status
from ami_bridge.devices import Devices
from ami_bridge.errors import ActionRefused, ActionTimedOut, AmiBridgeError, LinkDown
from ami_bridge.events import AsteriskEvent, LinkUp
from ami_bridge.events import LinkDown as LinkWentDown
from ami_bridge.link import open_link
from ami_bridge.node import NodeSettings
from ami_bridge.originations import UNKNOWN, Fate, OriginateFailed, Originations
from ami_bridge.protocol import BridgeProtocol, Response
from ami_bridge.reading import CALL_VARIABLE, ORIGINATE_PREFIX
from ami_bridge.resync import Interpreter

log = structlog.get_logger(__name__)

_BATCH = 200


class AmiClient:
    """`start` returns at once; events then come to `on_event`, a quick synchronous function."""

    def __init__(self, node: NodeSettings, *, on_event: Callable[[AsteriskEvent], None]) -> None:
        self._node = node
        self._on_event = on_event
        self._devices = Devices(node.name)
        self._originations = Originations(grace_s=node.fate_grace_s)
        self._link: BridgeProtocol | None = None
        self._connected = False
        self._dropped = 0
        self._task: asyncio.Task[None] | None = None
        self._synchronised = asyncio.Event()
        self._reported = ("", "")

    async def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"ami-{self._node.name}")

    async def close(self) -> None:
        """End the link; LinkDown is told if it was up."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    @property
    def name(self) -> str:
        return self._node.name

    @property
    def connected(self) -> bool:
        """Whether the link is up and LinkUp has been told."""
        return self._connected

    @property
    def lag(self) -> int:
        """Messages received and not yet handled."""
        return len(self._link.events) if self._link else 0

    @property
    def dropped(self) -> int:
        """Messages lost to overflow since the start; each overflow was followed by a LinkUp."""
        return self._dropped + (self._link.dropped if self._link else 0)

    async def send(self, action: Action, *, deadline_s: float = 5.0) -> Response:
        """Raises UnsafeValue, LinkDown, ActionTimedOut, ActionRefused. Never repeats anything."""
        return await self._up().request(action, deadline_s=deadline_s)

    async def originate(self, command: Originate) -> Fate:
        """Call once, and wait until the far end answers or does not."""
        fate = self._originations.expect(command.channel_id)
        return await self._within(command.timeout_s, command.channel_id, self._call(command, fate))

    async def follow(self, channel_id: str, *, within_s: float) -> Fate:
        """Wait until the far end answers, or does not, whom an earlier program called by this channel."""
        fate = self._originations.follow(channel_id, listed=self._connected)
        return await self._within(within_s, channel_id, fate)

    async def _call(self, command: Originate, fate: asyncio.Future[Fate]) -> Fate:
        refused = await self._ask(command)
        return refused or await fate

    async def _within(self, timeout_s: float, channel_id: str, fate: Awaitable[Fate]) -> Fate:
        """The fate; unknown when nobody told it in time."""
        try:
            async with asyncio.timeout(timeout_s + self._node.originate_margin_s):
                return await fate
        except TimeoutError:
            log.warning("originate_fate_unknown", node=self._node.name, channel_id=channel_id)
            return OriginateFailed(channel_id, UNKNOWN)
        finally:
            self._originations.forget(channel_id)

    async def _ask(self, command: Originate) -> OriginateFailed | None:
        """None when the call may be under way, even if nobody said so."""
        action_id = ORIGINATE_PREFIX + command.channel_id
        try:
            await self._up().request(command, deadline_s=5.0, action_id=action_id)
        except ActionRefused as error:
            log.warning("originate_refused", node=self._node.name, why=str(error))
            return OriginateFailed(command.channel_id, "refused")
        except LinkDown as error:
            return None if error.sent else OriginateFailed(command.channel_id, error.code)
        except ActionTimedOut:
            return None
        return None

    def _up(self) -> BridgeProtocol:
        if self._link is None or not self._connected:
            raise LinkDown(f"{self._node.name}: there is no link to Asterisk", sent=False)
        return self._link

    # -- keeping the link --------------------------------------------------------------------------

    async def _run(self) -> None:
        wait_s = self._node.reconnect_first_s
        while True:
            try:
                link = await open_link(self._node)
            except AmiBridgeError as error:
                self._report("link_not_made", str(error))
            except Exception:
                log.exception("link_fault", node=self._node.name)
            else:
                try:
                    if await self._serve(link):
                        wait_s = self._node.reconnect_first_s
                finally:
                    self._lose(link)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, self._node.reconnect_most_s)

    async def _serve(self, link: BridgeProtocol) -> bool:
        """Until the link is lost; True when it had come up."""
        self._link = link
        interpreter = Interpreter(self._node.name, self._devices)
        tasks = {
            asyncio.create_task(self._deliver(link, interpreter)),
            asyncio.create_task(self._keep_alive(link, interpreter)),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            link.abandon("given up")
            for fault in await asyncio.gather(*tasks, return_exceptions=True):
                if fault is not None:
                    log.error("link_fault", node=self._node.name, exc_info=fault)
        finally:
            for task in tasks:
                task.cancel()
        return self._connected

    def _lose(self, link: BridgeProtocol) -> None:
        link.abandon("closed")
        was_up, self._connected = self._connected, False
        self._dropped, self._link = self.dropped, None
        reason = link.lost.result()
        if was_up:
            self._report("link_down", reason)
            self._tell(LinkWentDown(self._node.name, datetime.now(UTC)))
        else:
            self._report("link_not_made", reason)

    async def _keep_alive(self, link: BridgeProtocol, interpreter: Interpreter) -> None:
        """Bring the link up, then look at the answer of every ping."""
        try:
            if not await _happened(link, link.booted, self._node.booted_deadline_s):
                log.warning("not_booted", node=self._node.name)
            await self._resynchronise(link, interpreter)
            while not link.lost.done():
                if await _happened(link, link.overflowed, self._node.ping_interval_s):
                    log.warning("events_dropped", node=self._node.name, dropped=link.dropped)
                    await self._resynchronise(link, interpreter)
                await link.request(Ping(), deadline_s=self._node.ping_deadline_s)
        except AmiBridgeError as error:
            link.abandon(str(error))

    async def _resynchronise(self, link: BridgeProtocol, interpreter: Interpreter) -> None:
        """List channels and devices; LinkUp is told when both lists are complete."""
        status_id, devices_id = link.next_id(), link.next_id()
        link.overflowed.clear()
        self._synchronised.clear()
        interpreter.begin(status_id, devices_id)
        deadline_s = self._node.list_deadline_s
        status = Status(variables=(CALL_VARIABLE,))
        await link.request(status, deadline_s=deadline_s, action_id=status_id)
        await link.request(DeviceStateList(), deadline_s=deadline_s, action_id=devices_id)
        if not await _happened(link, self._synchronised, deadline_s):
            raise ActionTimedOut("the list of channels did not end")

    # -- delivering --------------------------------------------------------------------------------

    async def _deliver(self, link: BridgeProtocol, interpreter: Interpreter) -> None:
        """What was received is delivered, also after the link fell."""
        while link.events or not link.lost.done():
            if not link.events:
                link.arrived.clear()
                await link.arrived.wait()
            now = datetime.now(UTC)
            for _ in range(min(_BATCH, len(link.events))):
                self._tell_all(interpreter.feed(link.events.popleft(), now))
            if interpreter.held > self._node.queue_limit:
                link.abandon("too many events before the list of channels was complete")
            await asyncio.sleep(0)

    def _tell_all(self, events: list[AsteriskEvent]) -> None:
        for event in events:
            if isinstance(event, LinkUp):
                self._connected = True
                self._synchronised.set()
                self._report("link_up", f"{len(event.channels)} channels")
            self._originations.apply(event)
            self._tell(event)

    def _tell(self, event: AsteriskEvent) -> None:
        try:
            self._on_event(event)
        except Exception:
            log.exception("asterisk_event_handler_failed", handled=type(event).__name__)

    def _report(self, state: str, detail: str) -> None:
        """One line for a change of state, not one for every attempt."""
        if (state, detail) != self._reported:
            self._reported = (state, detail)
            log.info(state, node=self._node.name, detail=detail)


async def _happened(link: BridgeProtocol, event: asyncio.Event, within_s: float) -> bool:
    """Wait for the event, no longer than the link lasts."""
    happening = asyncio.ensure_future(event.wait())
    try:
        either = (happening, link.lost)
        await asyncio.wait(either, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        return event.is_set()
    finally:
        happening.cancel()
