"""The sound of a call, kept by Asterisk's MixMonitor from the moment people talk to each other.

Rule: it is begun once for each call, also when another daemon took the call over; a recording that
cannot be begun is logged, and the call goes on.
"""

import asyncio
from pathlib import Path

import structlog

from acd.recordings import path_for
from acd.records import CallRecord
from ami_bridge.agi import AgiSession
from ami_bridge.errors import AgiRefused, UnsafeValue

log = structlog.get_logger(__name__)

_ONLY_TALK_IN_STEREO = "bD"


async def begin_recording(session: AgiSession, record: CallRecord, folder: Path) -> None:
    """Ask for a raw file of both sides, caller and agent in turn."""
    if await session.get_variable("MIXMONITOR_FILENAME"):
        return
    raw = path_for(folder, record.call_id, record.row.started_at)
    try:
        await asyncio.to_thread(raw.parent.mkdir, parents=True, exist_ok=True)
        await session.exec("MixMonitor", str(raw), _ONLY_TALK_IN_STEREO)
    except (OSError, AgiRefused, UnsafeValue) as error:
        log.exception("recording_not_begun", call_id=record.call_id, error=str(error))
