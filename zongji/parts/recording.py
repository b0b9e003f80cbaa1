"""Recordings and messages of callers: made, paused, kept for their time, and the room for them."""

from collections.abc import Callable
from datetime import timedelta

from acd import retention
from acd.journal import Journal
from acd.pausing import Pausing
from acd.recording_archive import PURPOSE
from acd.recording_space import MB, Limits, RecordingSpace
from acd.recording_stops import RecordingStops
from acd.recordings import Recordings
from acd.retention import Retention, SoundRetention
from acd.service import AcdService
from acd.voicemails import Voicemails
from ami_bridge.nodes import AsteriskNodes
from crm_core.db import Database
from crm_core.sealed_files import FileKeys
from ivr.line.live import LiveLine
from ivr.recording import Obstacle
from zongji.core import now
from zongji.parts.ground import Ground
from zongji.settings import Settings


async def start_recording(ground: Ground, acd: AcdService, journal: Journal) -> None:
    """What becomes of the sound of calls that are over."""
    settings = ground.settings
    recordings = Recordings(
        settings.recording_folder,
        bus=ground.bus,
        journal=journal,
        clock=now,
        is_open=lambda call_id: acd.record(call_id) is not None,
        seal=file_keys(settings) if settings.recording.encrypt else None,
    )
    await recordings.start()
    ground.stack.push_async_callback(recordings.close)
    voicemails = Voicemails(
        settings.recording_folder,
        journal=journal,
        clock=now,
        is_open=lambda call_id: acd.record(call_id) is not None,
        seal=file_keys(settings) if settings.recording.encrypt else None,
    )
    await voicemails.prepare()
    ground.run(voicemails)


async def start_pausing(
    ground: Ground, acd: AcdService, nodes: AsteriskNodes, room: RecordingSpace
) -> Pausing:
    """Recordings pause by hand, and end where there is no room."""
    pausing = Pausing(
        acd,
        nodes.send,
        bus=ground.bus,
        clock=now,
        limit=timedelta(seconds=ground.settings.recording.pause_limit_s),
    )
    await pausing.start()
    ground.stack.push_async_callback(pausing.close)
    ground.run(RecordingStops(acd, pausing, room))
    return pausing


async def start_room(ground: Ground) -> RecordingSpace:
    """How much is left for recordings, known before the first call."""
    chosen = ground.settings.recording
    limits = Limits(chosen.warn_below_mb * MB, chosen.stop_below_mb * MB)
    room = RecordingSpace(ground.settings.recording_folder, limits)
    await room.run_once()
    ground.run(room)
    return room


def sound_retention(settings: Settings, database: Database, live: LiveLine) -> SoundRetention:
    """What removes sound whose time is over."""

    def policy() -> Retention:
        kept = {queue.name: queue.recordings_kept_days for queue in live.now.plan.queues}
        own = {name: days for name, days in kept.items() if days is not None}
        return Retention(settings.recording.kept_days, own)

    of_messages = Retention(settings.recording.voicemails_kept_days, {})
    sounds = (retention.recordings(policy), retention.voicemails(lambda: of_messages))
    return SoundRetention(database, settings.recording_folder, sounds, clock=now)


def obstacle_by(live: LiveLine, room: RecordingSpace) -> Callable[[str | None], Obstacle | None]:
    """Why a call in this queue is not recorded."""

    def obstacle(queue: str | None) -> Obstacle | None:
        if room.space == "full":
            return "disk_full"
        plan = live.now.plan.queue_by_name.get(queue or "")
        return "queue" if plan is not None and not plan.record else None

    return obstacle


def file_keys(settings: Settings) -> FileKeys:
    """Those that sound is sealed with."""
    keys = [key.get_secret_value().encode() for key in settings.recording.keys]
    return FileKeys(keys, PURPOSE)
