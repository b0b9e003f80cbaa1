"""Recordings that are under way end when the disk is full, so that the database goes on having room.

Rule: the call goes on, what was recorded by then stays, and the record says why. A folder that cannot be looked at keeps
new recordings from beginning, and ends none.
"""

import asyncio

import structlog

from acd.pausing import Pausing
from acd.recording_space import RecordingSpace
from acd.records import CallRecord
from acd.service import AcdService
from ami_bridge.errors import AmiBridgeError
from crm_core.worker import Worker

log = structlog.get_logger(__name__)


class RecordingStops(Worker):
    """Looks at the room that there was last; what Asterisk did not stop is asked for again in the next round."""

    def __init__(
        self, acd: AcdService, pausing: Pausing, room: RecordingSpace, *, every_s: float = 5.0
    ) -> None:
        super().__init__("recording-stops", every_s=every_s)
        self._acd = acd
        self._pausing = pausing
        self._room = room

    async def run_once(self) -> int:
        """How many were stopped."""
        if self._room.space != "full" or self._room.free is None:
            return 0
        running = (each for each in self._acd.open_records() if each.is_recorded)
        return sum(await asyncio.gather(*map(self._stop, running)))

    async def _stop(self, record: CallRecord) -> bool:
        try:
            return await self._pausing.stop(record, "disk_full")
        except (AmiBridgeError, KeyError) as error:
            log.warning("recording_not_stopped", call_id=record.call_id, error=str(error))
            return False
