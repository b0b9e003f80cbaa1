"""What a caller hears, while it is heard.

Rule: Asterisk puts a recording to disk in pieces of four seconds, or when it ends. So it is made in parts, which end when
somebody wants to know; the next part has begun long before one ends, so that nothing is missed between them.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.integration.sounds import is_heard


class Hearing:
    """One caller's end of the `channel`; `console` runs the carrier's commands, parts lie at `stem`-<n>.alaw."""

    def __init__(self, console: Callable[[str], Awaitable[str]], channel: str, stem: Path) -> None:
        self._console = console
        self._channel = channel
        self._stem = stem
        self._ended: list[Path] = []
        self._going_on: list[Path] = []

    async def begin(self) -> None:
        """Another part; also the first."""
        count = len(self._ended) + len(self._going_on)
        part = self._stem.with_name(f"{self._stem.name}-{count}.alaw")
        self._going_on.append(part)
        both = part.with_suffix(".both.alaw")
        await self._console(f"mixmonitor start {self._channel} {both},r({part})")

    async def sound(self) -> bytes:
        """All until a moment ago, as A-law that came over the trunk; where parts meet some is there twice."""
        await self.begin()
        while len(self._going_on) > 2:
            await self._end(self._going_on.pop(0))
        return b"".join(part.read_bytes() for part in self._ended)

    async def has(self, prompts: Sequence[bytes]) -> bool:
        """Whether these were heard, one after the other."""
        return is_heard(prompts, await self.sound())

    async def _end(self, part: Path) -> None:
        listed = await self._console(f"mixmonitor list {self._channel}")
        columns = [line.split("\t") for line in listed.splitlines()]
        for monitor in [each[0] for each in columns if str(part.with_suffix("")) in each]:
            await self._console(f"mixmonitor stop {self._channel} {monitor}")
        self._ended.append(part)
