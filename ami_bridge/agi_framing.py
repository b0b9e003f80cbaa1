"""AGI framing without I/O: the environment and the replies as they come in, commands as they go out.

Rule: replies stay in step with commands whatever Asterisk says in between: a 520 of several lines is
one reply, so is a variable's value of several lines, `100 Trying` is none, `HANGUP` is a message of
its own. A value is quoted so that nothing in
it can end its word; what cannot be carried on one line is refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from ami_bridge.errors import PeerError, UnsafeValue

LONGEST_COMMAND = 8000
SUCCESS = 200
DEAD_CHANNEL = 511
_TRYING = 100
_USAGE = 520

_REPLY = re.compile(r"(\d{3})([ -])(.*)")
_RESULT = re.compile(r"result=(\S*)(?: \((.*)\))?", re.DOTALL)
_NOBODY = frozenset({"", "unknown", "<unknown>"})
_FORBIDDEN = ("\r", "\n", "\0")


@dataclass(frozen=True, slots=True)
class AgiLimits:
    """How much a peer may send or take before it is cut off."""

    header_count: int = 200
    header_bytes: int = 32_768
    line_bytes: int = 8_192
    header_timeout_s: float = 5.0
    connections: int = 10_000
    backlog: int = 1_024


@dataclass(frozen=True, slots=True)
class AgiEnvironment:
    """What Asterisk says of the call at the beginning. Unknown numbers are None."""

    request: str
    script: str
    query: dict[str, str] = field(hash=False)
    channel: str = ""
    uniqueid: str = ""
    caller: str | None = None
    caller_name: str | None = None
    did: str | None = None
    extension: str = ""
    context: str = ""
    language: str = ""
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgiReply:
    """`code` 200 is success; `data` what stood in parentheses, None when nothing did."""

    code: int
    result: str
    data: str | None
    text: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """The channel is gone."""


AgiMessage = AgiEnvironment | AgiReply | HungUp


class AgiFramer:
    """Feeds on bytes. Raises PeerError for a peer that is no Asterisk or sends too much."""

    def __init__(self, limits: AgiLimits) -> None:
        self._limits = limits
        self._rest = b""
        self._read: Callable[[str], AgiMessage | None] = self._header
        self._headers: list[tuple[str, str]] = []
        self._header_bytes = 0
        self._open: list[str] = []

    def feed(self, data: bytes) -> list[AgiMessage]:
        """The messages completed by `data`, in order."""
        *lines, rest = (self._rest + data).split(b"\n")
        if max(map(len, (rest, *lines))) > self._limits.line_bytes:
            raise PeerError(f"a line of more than {self._limits.line_bytes} bytes")
        self._rest = rest
        messages = (self._read(line.decode("utf-8", "replace").rstrip("\r")) for line in lines)
        return [message for message in messages if message is not None]

    def _reply_line(self, line: str) -> AgiMessage | None:
        if line == "HANGUP":
            return HungUp()
        found = _REPLY.fullmatch(line)
        if found is None:
            raise PeerError(f"not an AGI reply: {line[:60]!r}")
        code, separator, text = int(found[1]), found[2], found[3]
        if code == _USAGE and separator == "-":
            self._read, self._open = self._usage_line, [text]
            return None
        if code == SUCCESS and "(" in text and ")" not in text:
            self._read, self._open = self._value_line, [text]
            return None
        return _reply(code, text) if code != _TRYING else None

    def _usage_line(self, line: str) -> AgiReply | None:
        if not line.startswith("520 "):
            self._continue(line)
            return None
        self._read = self._reply_line
        return AgiReply(_USAGE, "", None, "\n".join(self._open))

    def _value_line(self, line: str) -> AgiReply | None:
        self._continue(line)
        if ")" not in line:
            return None
        self._read = self._reply_line
        return _reply(SUCCESS, "\n".join(self._open))

    def _continue(self, line: str) -> None:
        self._open.append(line)
        if len(self._open) > self._limits.header_count:
            raise PeerError("a reply without end")

    def _header(self, line: str) -> AgiEnvironment | None:
        if not line:
            self._read = self._reply_line
            return _environment(self._headers)
        self._header_bytes += len(line)
        name, colon, value = line.partition(":")
        if not colon or not name.startswith("agi_"):
            raise PeerError(f"not an AGI header: {line[:60]!r}")
        self._headers.append((name, value.removeprefix(" ")))
        too_many = len(self._headers) > self._limits.header_count
        if too_many or self._header_bytes > self._limits.header_bytes:
            raise PeerError("too many AGI headers")
        return None


def _reply(code: int, text: str) -> AgiReply:
    result = _RESULT.match(text)
    return AgiReply(code, result[1] if result else "", result[2] if result else None, text)


def _environment(headers: list[tuple[str, str]]) -> AgiEnvironment:
    given = dict(headers)
    request = given.get("agi_request", "")
    if not request:
        raise PeerError("an AGI peer without agi_request")
    parts = urlsplit(given.get("agi_network_script", ""))
    arguments = [value for name, value in headers if name.startswith("agi_arg_")]
    return AgiEnvironment(
        request=request,
        script=parts.path,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        channel=given.get("agi_channel", ""),
        uniqueid=given.get("agi_uniqueid", ""),
        caller=_known(given.get("agi_callerid", "")),
        caller_name=_known(given.get("agi_calleridname", "")),
        did=_known(given.get("agi_dnid", "")),
        extension=given.get("agi_extension", ""),
        context=given.get("agi_context", ""),
        language=given.get("agi_language", ""),
        args=tuple(arguments),
    )


def _known(value: str) -> str | None:
    return None if value in _NOBODY else value


def quote(value: str) -> str:
    """One word of a command. Raises UnsafeValue for a line break or NUL."""
    if any(sign in value for sign in _FORBIDDEN):
        raise UnsafeValue("an AGI value may not hold a line break or NUL")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def command(verb: str, *values: str | int) -> bytes:
    """One command line: our own verb, then every value as one quoted word."""
    words = (verb, *(quote(str(value)) for value in values))
    line = (" ".join(words) + "\n").encode("utf-8", "replace")
    if len(line) > LONGEST_COMMAND:
        raise UnsafeValue(f"an AGI command of {len(line)} bytes; Asterisk reads {LONGEST_COMMAND}")
    return line
