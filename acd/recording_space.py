"""Room for recordings: a warning in good time, and no recording where the disk would fill up (those under way:
`recording_stops`).

Rule: only recordings stop, never calls; they are taken up again as soon as there is a tenth more room than the limit.
A folder that cannot be looked at has no room.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from crm_core.worker import Worker

log = structlog.get_logger(__name__)

Space = Literal["enough", "low", "full"]
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes: what is warned of, and what ends recording."""

    warn_below: int
    stop_below: int


def free_bytes(folder: Path) -> int:
    """What this program may still write there. Raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def judge(before: Space, free: int, limits: Limits) -> Space:
    """What so many free bytes mean, after what was so before."""
    tenths = 10 * free
    if tenths < limits.stop_below * (11 if before == "full" else 10):
        return "full"
    return "low" if tenths < limits.warn_below * (10 if before == "enough" else 11) else "enough"


class RecordingSpace(Worker):
    """Looks every few seconds. `free`: in bytes, None where it could not be found out."""

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        *,
        look: Callable[[Path], int] = free_bytes,
        every_s: float = 5.0,
    ) -> None:
        super().__init__("recording-space", every_s=every_s)
        self._folder = folder
        self._limits = limits
        self._look = look
        self.space: Space = "enough"
        self.free: int | None = None

    async def run_once(self) -> int:
        try:
            self.free = await asyncio.to_thread(self._look, self._folder)
        except OSError as error:
            self.free = None
            log.warning("recording_space_unknown", error=str(error))
        before, self.space = self.space, judge(self.space, self.free or 0, self._limits)
        if before != self.space:
            tell = {"enough": log.info, "low": log.warning, "full": log.error}[self.space]
            tell("recording_space", space=self.space, before=before, free_mb=(self.free or 0) // MB)
        return 0
