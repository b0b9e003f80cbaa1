"""The sound of a call, kept by Asterisk's MixMonitor from the moment people talk to each other.

Rule: a recording that cannot be begun is noted, and the call goes on; with the next agent it is tried again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from acd.recordings import path_for
from acd.records import CallRecord
from ami_bridge.agi import AgiSession
from ami_bridge.errors import AgiRefused, UnsafeValue

log = structlog.get_logger(__name__)

Obstacle = Literal["disk_full", "queue", "refused"]

_ONLY_TALK_IN_STEREO = "bD"


@dataclass(frozen=True, slots=True)
class Recorder:
    """`obstacle`: why nothing of a call in this queue is to be recorded now, None when it is."""

    folder: Path
    obstacle: Callable[[str | None], Obstacle | None] = lambda _: None

    @property
    def is_full(self) -> bool:
        """Whether there is no room for any sound now."""
        return self.obstacle(None) == "disk_full"

    async def begin(self, session: AgiSession, record: CallRecord) -> bool:
        """Ask for a raw file of both sides, caller and agent in turn; whether it was begun."""
        obstacle = self.obstacle(record.row.queue) or await self._begun(session, record)
        if obstacle is None:
            record.recording_is("on", "recording_begun", "talk")
        elif record.row.recording is None:
            record.recording_is("off", "recording_not_begun", obstacle)
        return obstacle is None

    async def _begun(self, session: AgiSession, record: CallRecord) -> Obstacle | None:
        raw = path_for(self.folder, record.call_id, record.row.started_at)
        try:
            await session.exec("MixMonitor", str(raw), _ONLY_TALK_IN_STEREO)
        except (AgiRefused, UnsafeValue) as error:
            log.exception("recording_not_begun", call_id=record.call_id, error=str(error))
            return "refused"
        return None


async def is_recorded(session: AgiSession) -> bool:
    """Whether a recording was begun before, by whichever daemon."""
    return bool(await session.get_variable("MIXMONITOR_FILENAME"))
