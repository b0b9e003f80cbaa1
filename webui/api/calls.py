"""Records of calls and their recordings.

Rule: who may not see every call sees the own ones; another's is as if it were not there, and so is one of a
customer beyond the scope of the role. A stranger's call is everybody's.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from acd.rows import CallRow, StepRow
from crm_core.audit import trail
from crm_core.errors import NotFound
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.present import masked_text
from webui.routing import CALL, Route, needs
from webui.views import View


class CallSearch(Model):
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class CallItem(View):
    id: str
    direction: str
    caller: str | None
    did: str
    medium: str | None
    customer_id: int | None
    customer_name: str | None
    province: str | None
    city: str | None
    menu_path: tuple[str, ...]
    queue: str | None
    agent_id: int | None
    started_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: str | None


class StepItem(View):
    seq: int
    at: datetime
    kind: str
    detail: dict[str, Any]


class RecordingItem(View):
    seconds: float
    channels: int
    stored_at: datetime


class CallList(View):
    items: tuple[CallItem, ...]


class CallDetail(View):
    call: CallItem
    steps: tuple[StepItem, ...]
    recording: RecordingItem | None


async def latest(asked: Asked[Nothing, CallSearch]) -> CallList:
    """Calls, the newest first: all of them, or one's own."""
    who = asked.principal
    only = None if who.may(Right.CALL_VIEW) else who.user_id
    rows = await asked.services.calls.latest_calls(who, limit=asked.query.limit, agent_id=only)
    return CallList(items=tuple(_item(row, asked) for row in rows))


async def show(asked: Asked[Nothing, Nothing]) -> CallDetail:
    """One call with everything that happened in it."""
    row = await _visible(asked, Right.CALL_VIEW)
    steps = await asked.services.calls.steps(row.id)
    sound = await asked.services.calls.recording(row.id)
    return CallDetail(
        call=_item(row, asked),
        steps=tuple(_step(step, row, asked) for step in steps),
        recording=RecordingItem.model_validate(sound) if sound else None,
    )


async def recording(asked: Asked[Nothing, Nothing]) -> web.FileResponse:
    """The sound of a call, in parts if wanted; that it was listened to is noted."""
    row, services = await _visible(asked, Right.RECORDING_LISTEN), asked.services
    stored = await services.calls.recording(row.id)
    path = _inside(services.recordings, stored.path) if stored else None
    if path is None:
        raise NotFound("There is no recording of this call (any more).")
    async with services.database.begin() as session:
        who = asked.principal.user_id
        await trail.record(session, who, "recording.listen", "call", row.id)
    return web.FileResponse(
        path,
        headers={
            "Content-Type": "audio/wav",
            "Content-Disposition": f'inline; filename="{row.id}.wav"',
            "Cache-Control": "private, no-store",
        },
    )


async def _visible(asked: Asked[Nothing, Nothing], right: Right) -> CallRow:
    who = asked.principal
    row = await asked.services.calls.call(who, asked.id)
    if row is None or (row.agent_id != who.user_id and not who.may(right)):
        raise NotFound("There is no such call.")
    return row


def _inside(folder: Path, relative: str) -> Path | None:
    """The file, if it lies in the folder and exists."""
    path = (folder / relative).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None


def _item(row: CallRow, asked: Asked[Nothing, Any]) -> CallItem:
    caller = masked_text(row.caller, asked.principal.rights)
    return CallItem.model_validate(row).model_copy(update={"caller": caller})


def _step(step: StepRow, row: CallRow, asked: Asked[Nothing, Nothing]) -> StepItem:
    """The caller's number may stand among the details."""
    hidden = masked_text(row.caller, asked.principal.rights)
    detail = {
        key: hidden if value is not None and value == row.caller else value
        for key, value in step.detail.items()
    }
    return StepItem(seq=step.seq, at=step.at, kind=step.kind, detail=detail)


ROUTES = (
    Route(
        "GET",
        "/api/calls",
        latest,
        needs(Right.CALL_VIEW, Right.AGENT_WORK),
        query=CallSearch,
        answer=CallList,
    ),
    Route(
        "GET",
        f"/api/calls/{CALL}",
        show,
        needs(Right.CALL_VIEW, Right.AGENT_WORK),
        answer=CallDetail,
    ),
    Route(
        "GET",
        f"/api/calls/{CALL}/recording",
        recording,
        needs(Right.RECORDING_LISTEN, Right.AGENT_WORK),
    ),
)
