"""Messages that callers left (留言): listed, and listened to.

Rule: who may listen to recordings hears them all, else whoever has the to-do; that somebody listened is noted. What is
to be done about a message is its to-do's.
"""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from acd.voicemail_store import VoicemailView
from crm_core.rights import Right
from webui.api.recordings import HoldWanted
from webui.asked import Asked, Model, Nothing
from webui.present import number_of
from webui.ranged import ranged
from webui.routing import CALL, Route, needs
from webui.views import View

_MAY = needs(Right.RECORDING_LISTEN, Right.TODO_WORK)
_HOLD = needs(Right.RECORDING_HOLD)
_ONE = f"/api/voicemails/{CALL}"


class VoicemailSearch(Model):
    """`open`: those whose to-do is not closed, or those whose is."""

    queue: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")] | None = None
    open: bool | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class VoicemailItem(View):
    call_id: str
    queue: str
    seconds: float
    stored_at: datetime
    heard_at: datetime | None
    heard_by_id: int | None
    caller: str | None
    customer_id: int | None
    customer_name: str | None
    todo_id: int | None
    state: str | None
    assignee_id: int | None
    removed_at: datetime | None
    held_at: datetime | None
    hold_reason: str | None


class VoicemailList(View):
    items: tuple[VoicemailItem, ...]


async def listed(asked: Asked[Nothing, VoicemailSearch]) -> VoicemailList:
    """Messages, the newest first."""
    wanted = asked.query
    found = await asked.services.voicemails.listed(
        asked.principal, queue=wanted.queue, is_open=wanted.open, limit=wanted.limit
    )
    return VoicemailList(items=tuple(_item(each, asked) for each in found))


async def one(asked: Asked[Nothing, Nothing]) -> VoicemailItem:
    """The message of a call; `removed_at`: its sound was removed as the policy says."""
    return _item(await asked.services.voicemails.find(asked.principal, asked.id), asked)


async def hold(asked: Asked[HoldWanted, Nothing]) -> VoicemailItem:
    """Keep the message whatever the policy says."""
    services, who = asked.services, asked.principal
    await services.voicemails.hold(who, asked.id, asked.body.reason, services.clock())
    return _item(await services.voicemails.find(who, asked.id), asked)


async def release(asked: Asked[Nothing, Nothing]) -> VoicemailItem:
    """The policy holds for the message again."""
    services, who = asked.services, asked.principal
    await services.voicemails.release(who, asked.id)
    return _item(await services.voicemails.find(who, asked.id), asked)


async def sound(asked: Asked[Nothing, Nothing]) -> web.StreamResponse:
    """The sound of a message, in parts if wanted; that it was listened to is noted."""
    services = asked.services
    path = await services.voicemails.listen(asked.principal, asked.id, services.clock())
    file = await asyncio.to_thread(services.recordings.open_file, path)
    try:
        headers = {
            "Content-Type": "audio/wav",
            "Content-Disposition": f'inline; filename="voicemail-{asked.id}.wav"',
            "Cache-Control": "private, no-store",
        }
        return await ranged(asked.request, file, headers)
    finally:
        file.close()


def _item(view: VoicemailView, asked: Asked[Any, Any]) -> VoicemailItem:
    caller = number_of(view.customer_id, view.caller, asked.principal)
    return VoicemailItem.model_validate(view).model_copy(update={"caller": caller})


ROUTES = (
    Route("GET", "/api/voicemails", listed, _MAY, query=VoicemailSearch, answer=VoicemailList),
    Route("GET", _ONE, one, _MAY, answer=VoicemailItem),
    Route("GET", f"{_ONE}/sound", sound, _MAY, files=("audio/wav",)),
    Route("PUT", f"{_ONE}/hold", hold, _HOLD, HoldWanted, answer=VoicemailItem),
    Route("DELETE", f"{_ONE}/hold", release, _HOLD, answer=VoicemailItem),
)
