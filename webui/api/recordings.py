"""Recordings of calls: pausing, hearing, keeping.

Rule: an agent pauses the own talk, and who has the right to anybody's; that it pauses is true when the answer is. Who
hears a recording or takes it away is noted first.
"""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from aiohttp import web
from pydantic import Field

from acd.events import PauseReason, RecordingState
from acd.recording_levels import levels
from acd.records import CallRecord
from crm_core.errors import NotFound
from crm_core.fields import Text
from crm_core.people.names import names_of
from crm_core.rights import Right
from webui.api.calls import visible
from webui.asked import Asked, Model, Nothing
from webui.ranged import ranged
from webui.routing import CALL, Route, needs
from webui.views import View


class PauseWanted(Model):
    """`payment`: while details of a payment are said."""

    reason: PauseReason = "asked"


class ResumeWanted(Model):
    """With `only` nothing happens to a pause for another reason."""

    only: PauseReason | None = None


class RecordingNow(View):
    state: RecordingState | None
    pause_reason: PauseReason | None


class SoundWanted(Model):
    """`download`: to take away, which needs the right."""

    use: Literal["listen", "download"] = "listen"


class LevelsWanted(Model):
    points: Annotated[int, Field(ge=1, le=2000)] = 600


class LevelsView(View):
    """The loudest of each part, from 0 to 1."""

    caller: tuple[float, ...]
    agent: tuple[float, ...]


class UseItem(View):
    """`kind`: listen or download; parts heard soon after each other are one."""

    user_id: int
    name: str | None
    kind: str
    began_at: datetime
    last_at: datetime


class UseList(View):
    items: tuple[UseItem, ...]


class HoldWanted(Model):
    reason: Annotated[Text, Field(min_length=1, max_length=500)]


class HoldView(View):
    held_at: datetime | None
    hold_reason: str | None


async def pause(asked: Asked[PauseWanted, Nothing]) -> RecordingNow:
    """Silence on both sides from now on; 409 when nothing is recorded, or Asterisk did not confirm."""
    record = await _mine(asked)
    await asked.services.pausing.pause(record, asked.principal.user_id, asked.body.reason)
    return _now(record)


async def resume(asked: Asked[ResumeWanted, Nothing]) -> RecordingNow:
    """Record again."""
    record = await _mine(asked)
    await asked.services.pausing.resume(record, asked.principal.user_id, asked.body.only)
    return _now(record)


async def sound(asked: Asked[Nothing, SoundWanted]) -> web.StreamResponse:
    """The sound of a call as WAV, in parts if wanted; that it was heard, or taken away, is noted."""
    row, services, who = (
        await visible(asked, Right.RECORDING_LISTEN),
        asked.services,
        asked.principal,
    )
    if asked.query.use == "download":
        who.require(Right.RECORDING_DOWNLOAD)
    archive = services.recordings
    stored = await archive.find(row.id)
    file = await asyncio.to_thread(archive.open, stored)
    try:
        await archive.note(who, who.user_id, row.id, asked.query.use)
        kind = "attachment" if asked.query.use == "download" else "inline"
        headers = {
            "Content-Type": "audio/wav",
            "Content-Disposition": f'{kind}; filename="{row.id}.wav"',
            "Cache-Control": "private, no-store",
        }
        return await ranged(asked.request, file, headers)
    finally:
        file.close()


async def shape(asked: Asked[Nothing, LevelsWanted]) -> LevelsView:
    """How loud caller and agent are over the time, to be drawn."""
    row, archive = await visible(asked, Right.RECORDING_LISTEN), asked.services.recordings
    stored = await archive.find(row.id)

    def read() -> tuple[tuple[float, ...], tuple[float, ...]]:
        with archive.open(stored) as file:
            return levels(file, asked.query.points)

    caller, agent = await asyncio.to_thread(read)
    return LevelsView(caller=caller, agent=agent)


async def uses(asked: Asked[Nothing, Nothing]) -> UseList:
    """Who heard the recording or took it away, the latest first."""
    row = await visible(asked, Right.CALL_VIEW)
    found = await asked.services.recordings.uses(row.id)
    names = await names_of(asked.services.database, {each.user_id for each in found})
    return UseList(
        items=tuple(
            UseItem(
                user_id=each.user_id,
                name=names.get(each.user_id),
                kind=each.kind,
                began_at=each.began_at,
                last_at=each.last_at,
            )
            for each in found
        )
    )


async def hold(asked: Asked[HoldWanted, Nothing]) -> HoldView:
    """Keep the recording whatever the policy says."""
    row = await visible(asked, Right.CALL_VIEW)
    return HoldView.model_validate(
        await asked.services.recordings.hold(asked.principal, row.id, asked.body.reason)
    )


async def release(asked: Asked[Nothing, Nothing]) -> HoldView:
    """The policy holds for the recording again."""
    row = await visible(asked, Right.CALL_VIEW)
    return HoldView.model_validate(await asked.services.recordings.release(asked.principal, row.id))


def own_talk(asked: Asked[Any, Any]) -> CallRecord | None:
    """The call, when it goes on and whoever asks talks in it."""
    acd = asked.services.acd
    agent = acd.agent_view(asked.principal.user_id)
    own = agent is not None and agent.call_id == asked.id and agent.state == "talking"
    return acd.record(asked.id) if own else None


async def _mine(asked: Asked[Model, Nothing]) -> CallRecord:
    """A call that goes on, in which whoever asks talks, or may pause others'."""
    record = own_talk(asked)
    if record is None and await _others(asked):
        record = asked.services.acd.record(asked.id)
    if record is None:
        raise NotFound("There is no such call of yours that goes on.")
    return record


async def _others(asked: Asked[Model, Nothing]) -> bool:
    who = asked.principal
    return (
        who.may(Right.RECORDING_PAUSE)
        and await asked.services.calls.call(who, asked.id) is not None
    )


def _now(record: CallRecord) -> RecordingNow:
    return RecordingNow(
        state=cast("RecordingState | None", record.row.recording),
        pause_reason=cast("PauseReason | None", record.row.pause_reason),
    )


_MAY = needs(Right.AGENT_WORK, Right.RECORDING_PAUSE)
_ONE = f"/api/calls/{CALL}/recording"

_HEAR = needs(Right.RECORDING_LISTEN, Right.AGENT_WORK)
_HOLD = needs(Right.RECORDING_HOLD)

ROUTES = (
    Route("GET", _ONE, sound, _HEAR, query=SoundWanted, files=("audio/wav",)),
    Route("GET", f"{_ONE}/levels", shape, _HEAR, query=LevelsWanted, answer=LevelsView),
    Route(
        "GET",
        f"{_ONE}/uses",
        uses,
        needs(Right.RECORDING_HOLD, Right.AUDIT_VIEW),
        answer=UseList,
    ),
    Route("PUT", f"{_ONE}/hold", hold, _HOLD, HoldWanted, answer=HoldView),
    Route("DELETE", f"{_ONE}/hold", release, _HOLD, answer=HoldView),
    Route("POST", f"{_ONE}/pause", pause, _MAY, PauseWanted, answer=RecordingNow),
    Route("POST", f"{_ONE}/resume", resume, _MAY, ResumeWanted, answer=RecordingNow),
)
