"""The AMI actions this program may send, and no others.

Rule: least rights. There is no free-form action and no `Command`; an Originate leads into the
dialplan, never straight into an application; a variable's name is a plain name, so that no dialplan
function can be reached through it. Values are refused (UnsafeValue) by framing.encode when they
hold a line break or NUL.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from ami_bridge.errors import UnsafeValue

Headers = list[tuple[str, str]]

_VARIABLE = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]{0,78}", re.ASCII)
_SEPARATORS = re.compile(r'([\\",()\[\]])')


def variable_name(name: str) -> str:
    """The name itself. Raises UnsafeValue unless it is the plain name of a variable."""
    if not _VARIABLE.fullmatch(name):
        raise UnsafeValue(f"{name!r} is not the plain name of a channel variable")
    return name


def variable_headers(variables: Mapping[str, str]) -> Headers:
    """One Variable header each; Asterisk splits their values at commas, so those are escaped."""
    return [
        ("Variable", f"{variable_name(name)}=" + _SEPARATORS.sub(r"\\\1", value))
        for name, value in variables.items()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Base of all actions."""

    name: ClassVar[str] = ""

    def headers(self) -> Headers:
        """The headers after Action and ActionID."""
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Action):
    name: ClassVar[str] = "Ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Action):
    """The list of channels, each with the values of `variables`."""

    name: ClassVar[str] = "Status"
    variables: tuple[str, ...] = ()

    def headers(self) -> Headers:
        return [("Variables", ",".join(map(variable_name, self.variables)))]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStateList(Action):
    """The list of devices with their states."""

    name: ClassVar[str] = "DeviceStateList"


@dataclass(frozen=True, slots=True, kw_only=True)
class Originate(Action):
    """Call `channel`; when it answers it goes on in the dialplan. `channel_id` is ours and unique:
    by it the call's fate is found again, and Asterisk refuses a second call with the same one.
    """

    name: ClassVar[str] = "Originate"
    channel: str
    channel_id: str
    context: str
    exten: str = "s"
    priority: int = 1
    caller_id: str = ""
    timeout_s: float = 45.0
    variables: Mapping[str, str] = field(default_factory=dict)

    def headers(self) -> Headers:
        optional = [("CallerID", self.caller_id)] if self.caller_id else []
        return [
            ("Channel", self.channel),
            ("ChannelId", self.channel_id),
            ("Context", self.context),
            ("Exten", self.exten),
            ("Priority", str(self.priority)),
            ("Timeout", str(int(self.timeout_s * 1000))),
            ("Async", "true"),
            *optional,
            *variable_headers(self.variables),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup(Action):
    """End one channel, named in full (Asterisk would take a pattern between slashes)."""

    name: ClassVar[str] = "Hangup"
    channel: str
    cause: int = 16

    def headers(self) -> Headers:
        if self.channel.startswith("/"):
            raise UnsafeValue("Hangup takes one channel, not a pattern")
        return [("Channel", self.channel), ("Cause", str(self.cause))]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayDtmf(Action):
    """A key press: sent to the far end, or with `receive` as if the far end had pressed it."""

    name: ClassVar[str] = "PlayDTMF"
    channel: str
    digit: str
    receive: bool = False
    duration_ms: int = 100

    def headers(self) -> Headers:
        return [
            ("Channel", self.channel),
            ("Digit", self.digit),
            ("Duration", str(self.duration_ms)),
            ("Receive", "true" if self.receive else "false"),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteRecording(Action):
    """Silence in place of both sides in the MixMonitor of a channel, given by its name or unique id, or no more."""

    name: ClassVar[str] = "MixMonitorMute"
    channel: str
    muted: bool

    def headers(self) -> Headers:
        return [
            ("Channel", self.channel),
            ("Direction", "both"),
            ("State", "1" if self.muted else "0"),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecording(Action):
    """The MixMonitor of a channel, given by its name or unique id, ends; the file stays."""

    name: ClassVar[str] = "StopMixMonitor"
    channel: str

    def headers(self) -> Headers:
        return [("Channel", self.channel)]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueAdd(Action):
    """A member of the fallback queue."""

    name: ClassVar[str] = "QueueAdd"
    queue: str
    interface: str
    member_name: str = ""
    penalty: int = 0
    paused: bool = False

    def headers(self) -> Headers:
        return [
            ("Queue", self.queue),
            ("Interface", self.interface),
            ("MemberName", self.member_name),
            ("Penalty", str(self.penalty)),
            ("Paused", "true" if self.paused else "false"),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRemove(Action):
    name: ClassVar[str] = "QueueRemove"
    queue: str
    interface: str

    def headers(self) -> Headers:
        return [("Queue", self.queue), ("Interface", self.interface)]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePause(Action):
    name: ClassVar[str] = "QueuePause"
    queue: str
    interface: str
    paused: bool
    reason: str = ""

    def headers(self) -> Headers:
        return [
            ("Queue", self.queue),
            ("Interface", self.interface),
            ("Paused", "true" if self.paused else "false"),
            ("Reason", self.reason),
        ]
