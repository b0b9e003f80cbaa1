"""Sounds that are kept whatever the policy says.

Rule: one that is held is not removed, one that was removed is not held; each change is in the audit trail. The rows
are locked by whoever hands them in.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from acd.tables import Sound
from crm_core.audit import trail
from crm_core.errors import Conflict
from crm_core.rights import Actor, Right


class RecordingRemoved(Conflict):
    code = "recording_removed"


async def hold(
    session: AsyncSession, actor: Actor, sound: Sound, reason: str, now: datetime
) -> None:
    """Done again it changes the reason. Raises Forbidden, RecordingRemoved."""
    actor.require(Right.RECORDING_HOLD)
    if sound.removed_at is not None:
        raise RecordingRemoved("This recording was removed already: it cannot be kept.")
    before = sound.hold_reason
    if before != reason:
        sound.held_at = sound.held_at or now
        sound.held_by, sound.hold_reason = actor.user_id, reason
        await trail.record(
            session,
            actor.user_id,
            f"{sound.sort}.hold",
            "call",
            sound.call_id,
            before={"reason": before},
            after={"reason": reason},
        )


async def release(session: AsyncSession, actor: Actor, sound: Sound) -> None:
    """The policy holds again. Raises Forbidden."""
    actor.require(Right.RECORDING_HOLD)
    if sound.held_at is not None:
        before = {"reason": sound.hold_reason}
        sound.held_at = sound.held_by = sound.hold_reason = None
        await trail.record(
            session,
            actor.user_id,
            f"{sound.sort}.release",
            "call",
            sound.call_id,
            before=before,
        )
