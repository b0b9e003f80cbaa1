"""The line (menus, numbers, routes, queues) in versions, as operations keep it."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from crm_core.rights import Right
from ivr.line import commands
from ivr.line.live import Line
from ivr.line.picture import picture
from ivr.line.service import must_read
from ivr.line_file import read_line
from webui.api.calls import ToldItem
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View

_MANAGE = needs(Right.LINE_MANAGE)
_SVG = "image/svg+xml"


class LineToCheck(commands.CheckLine, Model):
    """A line file to be looked through."""


class WantedLineVersion(commands.ApplyLine, Model):
    """The whole line file anew, made from `version`."""


class WantedRollBack(commands.RollBackLine, Model):
    """The text of version `to` again, as a new version."""


class LineVersionSearch(commands.LineQuery, Model):
    """Versions, the newest first."""


class LineToTry(commands.TryLine, Model):
    """A call that nobody makes, with the keys that are pressed; `text` is a line file that is not live yet."""


class Between(Model):
    """Which versions to compare."""

    older: Annotated[int, Field(ge=1, le=1_000_000_000)]
    newer: Annotated[int, Field(ge=1, le=1_000_000_000)]


class LineVersionItem(View):
    version: int
    note: str
    same_as: int | None
    made_by: str | None
    made_at: datetime
    size: int


class LineVersionList(View):
    items: tuple[LineVersionItem, ...]


class LineAnswer(LineVersionItem):
    text: str


class LineFault(View):
    line: int
    reason: str


class LineFaults(View):
    """No faults, when it may go live; warnings keep it from nothing."""

    faults: tuple[LineFault, ...]
    warnings: tuple[str, ...]


class LineDiff(View):
    """A unified diff; empty when nothing changed."""

    diff: str


class HeardItem(View):
    """What was said, pressed ("" for a silence), or done for the caller."""

    code: str
    text: str


class EndView(View):
    """How a call went out, and where the caller, the message or the call-back goes."""

    kind: str
    queue: str | None
    priority: int | None
    extension: str | None


class LineTried(View):
    """How a call would go; `open` and `holiday` at that time, `version` None of a text that was given."""

    version: int | None
    at: datetime
    open: tuple[str, ...]
    holiday: str | None
    language: str
    heard: tuple[HeardItem, ...]
    end: EndView
    told: tuple[ToldItem, ...]


async def live(asked: Asked[Nothing, Nothing]) -> LineAnswer:
    """The version that calls take now."""
    return LineAnswer.model_validate(await asked.services.line.live(asked.principal))


async def versions(asked: Asked[Nothing, LineVersionSearch]) -> LineVersionList:
    """What was applied, the newest first."""
    found = await asked.services.line.versions(asked.principal, asked.query)
    return LineVersionList(items=tuple(map(LineVersionItem.model_validate, found)))


async def version(asked: Asked[Nothing, Nothing]) -> LineAnswer:
    """One version with its text."""
    return LineAnswer.model_validate(await asked.services.line.get(asked.principal, int(asked.id)))


async def diff(asked: Asked[Nothing, Between]) -> LineDiff:
    """What changed from one version to another."""
    between = asked.query
    found = await asked.services.line.diff(asked.principal, between.older, between.newer)
    return LineDiff(diff=found)


async def check(asked: Asked[LineToCheck, Nothing]) -> LineFaults:
    """Everything that keeps a line file from going live, by line."""
    found = await asked.services.line.check(asked.principal, asked.body.text)
    return LineFaults.model_validate(found)


async def apply(asked: Asked[WantedLineVersion, Nothing]) -> LineAnswer:
    """Take another line file for the next call; calls inside keep theirs."""
    return LineAnswer.model_validate(await asked.services.line.apply(asked.principal, asked.body))


async def roll_back(asked: Asked[WantedRollBack, Nothing]) -> LineAnswer:
    """Bring an earlier version back."""
    return LineAnswer.model_validate(
        await asked.services.line.roll_back(asked.principal, asked.body)
    )


async def tried(asked: Asked[LineToTry, Nothing]) -> LineTried:
    """Walk the line without a telephone: what is said, who is recognised, where the call goes and why."""
    services, who, body = asked.services, asked.principal, asked.body
    number, text = 0, body.text
    if text is None:
        newest = await services.line.live(who)
        number, text = newest.version, newest.text
    keys = iter(body.keys)
    found = await services.trial.run(
        who, Line(number, *must_read(text)), body, lambda: next(keys, None) or None
    )
    return LineTried.model_validate(found)


async def drawn(asked: Asked[Nothing, Nothing]) -> web.Response:
    """The menus of the live version as a picture."""
    shown = await asked.services.line.live(asked.principal)
    return web.Response(text=picture(*read_line(shown.text)), content_type=_SVG)


ROUTES = (
    Route("GET", "/api/line", live, _MANAGE, answer=LineAnswer),
    Route("PUT", "/api/line", apply, _MANAGE, WantedLineVersion, answer=LineAnswer),
    Route("POST", "/api/line/check", check, _MANAGE, LineToCheck, answer=LineFaults),
    Route("POST", "/api/line/try", tried, _MANAGE, LineToTry, answer=LineTried),
    Route("POST", "/api/line/roll-back", roll_back, _MANAGE, WantedRollBack, answer=LineAnswer),
    Route("GET", "/api/line/picture", drawn, _MANAGE, files=(_SVG,)),
    Route("GET", "/api/line/diff", diff, _MANAGE, query=Between, answer=LineDiff),
    Route(
        "GET",
        "/api/line/versions",
        versions,
        _MANAGE,
        query=LineVersionSearch,
        answer=LineVersionList,
    ),
    Route("GET", f"/api/line/versions/{NUMBER}", version, _MANAGE, answer=LineAnswer),
)
