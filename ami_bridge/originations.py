"""What became of the calls this program, or the one before it, asked for, found by our own channel id.

Rule: nothing is asked for twice. The first of three witnesses settles a call: Asterisk's verdict
(OriginateResponse), the channel's own events (up, hung up), the list of channels after a
reconnection. When none has seen it, its fate is `unknown`, which is an answer too.
"""

import asyncio
from dataclasses import dataclass

from ami_bridge.events import (
    AsteriskEvent,
    ChannelCreated,
    ChannelHungUp,
    ChannelSnapshot,
    ChannelState,
    LinkUp,
    OriginateEnded,
)

OURS = "zj-"
"""What the ids of channels begin with that this program asks for."""

UNKNOWN = "unknown"
_REASONS = {0: "failed", 1: "hung_up", 3: "no_answer", 5: "busy", 8: "congestion"}


@dataclass(frozen=True, slots=True)
class Originated:
    """The far end answered; the channel is in the dialplan."""

    channel_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class OriginateFailed:
    """`code`: busy, no_answer, congestion, hung_up, failed, refused, link_down (all: not connected)
    or unknown (it may have been dialled). `cause` is Q.850 where a channel told it, else 0.
    """

    channel_id: str
    code: str
    cause: int = 0
    tech_cause: str | None = None


Fate = Originated | OriginateFailed


class _Pending:
    """`seen` while a channel with this id is believed to exist."""

    def __init__(self, channel_id: str, fate: asyncio.Future[Fate]) -> None:
        self.channel_id = channel_id
        self.fate = fate
        self.seen = False
        self.verdict: OriginateEnded | None = None
        self.hung_up: ChannelHungUp | None = None

    def failure(self) -> OriginateFailed | None:
        """What the witnesses so far amount to; None while the channel lives."""
        if self.seen and self.verdict is None and self.hung_up is None:
            return None
        code = "hung_up" if self.hung_up else UNKNOWN
        if self.verdict is not None:
            code = _REASONS.get(self.verdict.reason, "failed")
        cause = self.hung_up.cause if self.hung_up else 0
        tech_cause = self.hung_up.tech_cause if self.hung_up else None
        return OriginateFailed(self.channel_id, code, cause, tech_cause)


class Originations:
    """The calls whose fate is open."""

    def __init__(self, *, grace_s: float) -> None:
        self._grace_s = grace_s
        self._pending: dict[str, _Pending] = {}
        self._ours: dict[str, ChannelCreated | ChannelState | ChannelSnapshot] = {}

    def expect(self, channel_id: str) -> asyncio.Future[Fate]:
        """The fate of a call about to be asked for; `forget` it in the end."""
        fate: asyncio.Future[Fate] = asyncio.get_running_loop().create_future()
        self._pending[channel_id] = _Pending(channel_id, fate)
        return fate

    def follow(self, channel_id: str, *, listed: bool) -> asyncio.Future[Fate]:
        """The fate of a call that was asked for before this program began; `listed`: the channels are known, and
        otherwise will be. `forget` it in the end.
        """
        fate = self.expect(channel_id)
        known = self._ours.get(channel_id)
        if known is not None:
            self._alive(channel_id, known.channel, known.state)
        elif listed:
            fate.set_result(OriginateFailed(channel_id, UNKNOWN))
        return fate

    def forget(self, channel_id: str) -> None:
        self._pending.pop(channel_id, None)

    def apply(self, event: AsteriskEvent) -> None:
        match event:
            case OriginateEnded():
                self._ended(event)
            case ChannelCreated() | ChannelState():
                if event.uniqueid.startswith(OURS):
                    self._ours[event.uniqueid] = event
                self._alive(event.uniqueid, event.channel, event.state)
            case ChannelHungUp():
                self._ours.pop(event.uniqueid, None)
                self._hung_up(event)
            case LinkUp():
                self._ours = {
                    each.uniqueid: each for each in event.channels if each.uniqueid.startswith(OURS)
                }
                self._compare(event.channels)

    def _ended(self, event: OriginateEnded) -> None:
        pending = self._pending.get(event.channel_id)
        if pending is None:
            return
        if event.answered:
            self._settle(pending, Originated(event.channel_id, event.channel))
            return
        pending.verdict = event
        self._failed(pending)

    def _alive(self, channel_id: str, channel: str, state: str) -> None:
        pending = self._pending.get(channel_id)
        if pending is None:
            return
        pending.seen = True
        if state == "up":
            self._settle(pending, Originated(channel_id, channel))

    def _hung_up(self, event: ChannelHungUp) -> None:
        pending = self._pending.get(event.uniqueid)
        if pending is not None:
            pending.seen, pending.hung_up = True, event
            self._failed(pending)

    def _failed(self, pending: _Pending) -> None:
        """Verdict and hang-up come in either order and each says its part; one alone will do."""
        if pending.verdict is not None and (pending.hung_up is not None or not pending.seen):
            self._settle(pending, pending.failure())
        else:
            self._later(pending)

    def _compare(self, channels: tuple[ChannelSnapshot, ...]) -> None:
        alive = {channel.uniqueid: channel for channel in channels}
        for channel_id, pending in self._pending.items():
            channel = alive.get(channel_id)
            if channel is not None:
                self._alive(channel_id, channel.channel, channel.state)
                continue
            pending.seen = False
            self._later(pending)

    def _later(self, pending: _Pending) -> None:
        """Settle unless a better witness comes within the grace."""
        loop = asyncio.get_running_loop()
        loop.call_later(self._grace_s, lambda: self._settle(pending, pending.failure()))

    @staticmethod
    def _settle(pending: _Pending, fate: Fate | None) -> None:
        if fate is not None and not pending.fate.done():
            pending.fate.set_result(fate)
