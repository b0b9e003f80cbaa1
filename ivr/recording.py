"""The sound of a call, kept by Asterisk's MixMonitor from the moment people talk to each other.

Rule: a recording that cannot be begun is logged, and the call goes on.
"""

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
    raw = path_for(folder, record.call_id, record.row.started_at)
    try:
        await session.exec("MixMonitor", str(raw), _ONLY_TALK_IN_STEREO)
    except (AgiRefused, UnsafeValue) as error:
        log.exception("recording_not_begun", call_id=record.call_id, error=str(error))


async def is_recorded(session: AgiSession) -> bool:
    """Whether a recording was begun before, by whichever daemon."""
    return bool(await session.get_variable("MIXMONITOR_FILENAME"))
