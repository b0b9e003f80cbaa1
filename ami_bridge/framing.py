"""AMI framing without I/O: bytes in, messages out; and headers in, bytes out.

Rule: a message is cut at the blank line and nothing more is done to it. Its name is looked at first,
its headers are parsed only when somebody asks, and text is decoded only when whole, so that it does
not matter where TCP cuts the stream.
"""

from collections.abc import ItemsView, Sequence

from ami_bridge.errors import PeerError, UnsafeValue

END = b"\r\n\r\n"
_EOL = b"\r\n"
_FORBIDDEN = ("\r", "\n", "\0")
_REMEMBERED = 4_096
_LONGEST_REMEMBERED = 200
_BANNER = b"Asterisk Call Manager/"


class _Headers(dict[bytes, tuple[str, str]]):
    """Lines already taken apart: one call's events repeat each other's lines over and over."""

    def __missing__(self, line: bytes) -> tuple[str, str]:
        name, _, value = line.decode("utf-8", "replace").partition(": ")
        if len(self) >= _REMEMBERED:
            self.clear()
        if len(line) <= _LONGEST_REMEMBERED:
            self[line] = name, value
        return name, value


_header = _Headers().__getitem__


class AmiMessage:
    """One response or event. Header names are as Asterisk writes them; a missing one reads as ''."""

    __slots__ = ("_headers", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._headers: dict[str, str] | None = None

    @property
    def event(self) -> bytes:
        """The event's name, b'' for a response; read without parsing."""
        raw = self.raw
        if not raw.startswith(b"Event: "):
            return b""
        end = raw.find(_EOL, 7)
        return raw[7:] if end < 0 else raw[7:end]

    @property
    def is_response(self) -> bool:
        return self.raw.startswith(b"Response: ")

    @property
    def action_id(self) -> str:
        return self.get("ActionID")

    def get(self, name: str) -> str:
        """The header's value; of one that comes several times, the last (see `all`)."""
        return self._parsed().get(name, "")

    def all(self, name: str) -> list[str]:
        """Every value of a header that may come several times."""
        return [value for found, value in map(_header, self.raw.split(_EOL)) if found == name]

    def items(self) -> ItemsView[str, str]:
        """All headers."""
        return self._parsed().items()

    def _parsed(self) -> dict[str, str]:
        headers = self._headers
        if headers is None:
            headers = self._headers = dict(map(_header, self.raw.split(_EOL)))
        return headers


class AmiFramer:
    """Cuts the stream into messages. Raises PeerError when a message never ends."""

    def __init__(self, *, limit: int = 1 << 20) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._greeted = False

    def feed(self, data: bytes) -> list[AmiMessage]:
        """The messages completed by `data`, in order."""
        rest = self._rest
        if rest or not self._greeted:
            seen = max(len(rest) - len(END) + 1, 0)
            rest += data
            if not self._greeted and not self._greet():
                return []
            if rest.find(END, seen if self._greeted else 0) < 0:
                self._check()
                return []
            data = bytes(rest)
        parts = data.split(END)
        self._rest = bytearray(parts.pop())
        self._check()
        return [AmiMessage(part) for part in parts if part]

    def _greet(self) -> bool:
        """Take the one-line banner off the front; True once that is done."""
        end = self._rest.find(_EOL)
        if end < 0:
            self._check()
            return False
        if not self._rest.startswith(_BANNER):
            raise PeerError(f"not an Asterisk manager: {bytes(self._rest[:60])!r}")
        del self._rest[: end + len(_EOL)]
        self._greeted = True
        return True

    def _check(self) -> None:
        if len(self._rest) > self._limit:
            raise PeerError(f"a message of more than {self._limit} bytes")


def encode(headers: Sequence[tuple[str, str]]) -> bytes:
    """An action as bytes. Raises UnsafeValue when a header would start another header or action."""
    for name, value in headers:
        if any(sign in name or sign in value for sign in _FORBIDDEN) or ":" in name:
            raise UnsafeValue(f"{name}: a value may not hold a line break or NUL")
    text = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return (text + "\r\n").encode("utf-8", "replace")
