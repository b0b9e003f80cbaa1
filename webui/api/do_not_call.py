"""The do-not-call lists: own entries, lists out of files, what callees say in calls, and whether a number may be dialled.

Rule: an agent enters the number of a call of the own screen or of the own record, and needs not see it.
"""

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated

from aiohttp import web
from pydantic import Field

from crm_core.errors import NotFound
from crm_core.fields import Text
from crm_core.rights import Right
from dialer.do_not_call.commands import (
    CallRefusal,
    Check,
    Covers,
    Lift,
    ListName,
    NewRefusal,
    RefusalQuery,
    Source,
)
from dialer.rules.verdict import Reason
from webui.api.exchange import MOST_BYTES, JobAnswer, JobItem
from webui.asked import Asked, Model, Nothing
from webui.routing import CALL, NUMBER, Route, needs
from webui.uploads import receive
from webui.views import View

_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class DoNotCallBody(NewRefusal, Model):
    """A number that is not to be dialled any more; with `campaign_id` only not in that campaign."""


class DoNotCallCallBody(CallRefusal, Model):
    """What somebody said in a call; `only_campaign`: of the campaign alone that the call belongs to."""


class DoNotCallLift(Lift, Model):
    """Why the number may be dialled again."""


class DoNotCallSearch(RefusalQuery, Model):
    """The newest first; `lifted` adds those that hold no more."""


class DoNotCallCheck(Check, Model):
    """May this number be dialled now, for this, with an agent reserved for it?"""


class DoNotCallFile(Model):
    """The list of this `name` is what the file says, once it is taken in; it keeps numbers from everything, or from campaigns."""

    filename: Annotated[Text, Field(min_length=1, max_length=200)]
    name: ListName
    covers: Covers = "everything"


class DoNotCallItem(View):
    """`campaign_id` None: it is never dialled at all. `added_by` None: by the callee's key, or a command."""

    id: int
    number: str
    campaign_id: int | None
    source: Source
    reason: str
    call_id: str | None
    added_by: str | None
    added_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_why: str | None


class DoNotCallAnswer(View):
    entry: DoNotCallItem


class DoNotCallEntries(View):
    items: tuple[DoNotCallItem, ...]


class DoNotCallListItem(View):
    """`numbers` are in force since `imported_at`; None: no file of it was taken in yet."""

    id: int
    name: str
    covers: Covers
    numbers: int
    imported_at: datetime | None
    job_id: int | None


class DoNotCallLists(View):
    items: tuple[DoNotCallListItem, ...]


class DoNotCallCheckAnswer(View):
    """`retry_at` None: never, or at once. `rules` are the words of the rules that were asked."""

    number: str
    allowed: bool
    reason: Reason
    words_zh: str
    words_en: str
    retry_at: datetime | None
    rules: str


async def entries(asked: Asked[Nothing, DoNotCallSearch]) -> DoNotCallEntries:
    """Numbers that were entered or refused to be called, with who, when, why and from where."""
    found = await asked.services.do_not_call.entries(asked.principal, asked.query)
    return DoNotCallEntries(items=tuple(map(DoNotCallItem.model_validate, found)))


async def add(asked: Asked[DoNotCallBody, Nothing]) -> DoNotCallAnswer:
    """Never dial a number again, or not in one campaign; a second time changes nothing."""
    made = await asked.services.do_not_call.add(asked.principal, asked.body)
    return DoNotCallAnswer(entry=DoNotCallItem.model_validate(made))


async def lift(asked: Asked[DoNotCallLift, Nothing]) -> DoNotCallAnswer:
    """The number may be dialled again; the entry stays to be seen."""
    lifted = await asked.services.do_not_call.lift(asked.principal, int(asked.id), asked.body)
    return DoNotCallAnswer(entry=DoNotCallItem.model_validate(lifted))


async def refuse(asked: Asked[DoNotCallCallBody, Nothing]) -> DoNotCallAnswer:
    """The other side of a call wants no more calls, or none of this campaign."""
    number = await _number(asked)
    made = await asked.services.do_not_call.refuse(asked.principal, number, asked.id, asked.body)
    return DoNotCallAnswer(entry=DoNotCallItem.model_validate(made))


async def check(asked: Asked[Nothing, DoNotCallCheck]) -> DoNotCallCheckAnswer:
    """Whether a number may be dialled now, why not, and when again."""
    found = await asked.services.do_not_call.check(asked.principal, asked.query)
    return DoNotCallCheckAnswer.model_validate(found)


async def lists(asked: Asked[Nothing, Nothing]) -> DoNotCallLists:
    """The lists that were imported."""
    found = await asked.services.do_not_call.lists(asked.principal)
    return DoNotCallLists(items=tuple(map(DoNotCallListItem.model_validate, found)))


async def hand_in_list(asked: Asked[Nothing, DoNotCallFile]) -> JobAnswer:
    """Replace a list by an Excel or CSV file (the body is the file, at most 64 MB) with a column 号码, all at one moment."""
    files, query = asked.services.list_files, asked.query
    files.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=files.folder, delete=False) as file:
        path = Path(file.name)
    try:
        await receive(asked.request, path, MOST_BYTES)
        job = await files.hand_in(
            asked.principal, query.filename, path, name=query.name, covers=query.covers
        )
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return JobAnswer(job=JobItem.model_validate(job))


async def show_list_import(asked: Asked[Nothing, Nothing]) -> JobAnswer:
    """How far an import is."""
    job = await asked.services.list_files.get(asked.principal, int(asked.id))
    return JobAnswer(job=JobItem.model_validate(job))


async def cancel_list_import(asked: Asked[Nothing, Nothing]) -> JobAnswer:
    """Stop an import; the list stays as it was."""
    job = await asked.services.list_files.cancel(asked.principal, int(asked.id))
    return JobAnswer(job=JobItem.model_validate(job))


async def refused_numbers(asked: Asked[Nothing, Nothing]) -> web.StreamResponse:
    """The rows that were not taken in, with the reasons, as an Excel file to correct and hand in again."""
    path = await asked.services.list_files.refused_file(asked.principal, int(asked.id))
    return web.FileResponse(
        path,
        headers={
            "Content-Type": _SHEET,
            "Content-Disposition": f'attachment; filename="{path.name}"',
            "Cache-Control": "private, no-store",
        },
    )


async def _number(asked: Asked[DoNotCallCallBody, Nothing]) -> str | None:
    """The other side's number. Raises NotFound for a call that is not the agent's."""
    who = asked.principal
    pop = asked.door.live.on_screen(who.user_id, asked.id)
    if pop is not None:
        return pop.caller
    row = await asked.services.calls.call(who, asked.id)
    if row is None or row.agent_id != who.user_id:
        raise NotFound("There is no such call of yours.")
    return row.caller


_ALL = "/api/do-not-call"
_ONE = f"{_ALL}/imports/{NUMBER}"
_MANAGE = needs(Right.CAMPAIGN_MANAGE)

ROUTES = (
    Route("GET", _ALL, entries, _MANAGE, query=DoNotCallSearch, answer=DoNotCallEntries),
    Route("POST", _ALL, add, _MANAGE, DoNotCallBody, answer=DoNotCallAnswer, status=201),
    Route(
        "GET", f"{_ALL}/check", check, _MANAGE, query=DoNotCallCheck, answer=DoNotCallCheckAnswer
    ),
    Route("GET", f"{_ALL}/lists", lists, _MANAGE, answer=DoNotCallLists),
    Route(
        "POST",
        f"{_ALL}/imports",
        hand_in_list,
        _MANAGE,
        query=DoNotCallFile,
        answer=JobAnswer,
        status=201,
        raw=True,
    ),
    Route("GET", _ONE, show_list_import, _MANAGE, answer=JobAnswer),
    Route("POST", f"{_ONE}/cancel", cancel_list_import, _MANAGE, answer=JobAnswer),
    Route("GET", f"{_ONE}/refused", refused_numbers, _MANAGE, files=(_SHEET,)),
    Route("POST", f"{_ALL}/{NUMBER}/lift", lift, _MANAGE, DoNotCallLift, answer=DoNotCallAnswer),
    Route(
        "POST",
        f"/api/calls/{CALL}/do-not-call",
        refuse,
        needs(Right.AGENT_WORK),
        DoNotCallCallBody,
        answer=DoNotCallAnswer,
        status=201,
    ),
)
