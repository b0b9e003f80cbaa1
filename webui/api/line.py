"""The line (menus, numbers, routes, queues) in versions, as operations keep it."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from crm_core.rights import Right
from ivr.line import commands
from ivr.line.picture import picture
from ivr.line_file import read_line
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


async def drawn(asked: Asked[Nothing, Nothing]) -> web.Response:
    """The menus of the live version as a picture."""
    shown = await asked.services.line.live(asked.principal)
    return web.Response(text=picture(*read_line(shown.text)), content_type=_SVG)


ROUTES = (
    Route("GET", "/api/line", live, _MANAGE, answer=LineAnswer),
    Route("PUT", "/api/line", apply, _MANAGE, WantedLineVersion, answer=LineAnswer),
    Route("POST", "/api/line/check", check, _MANAGE, LineToCheck, answer=LineFaults),
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
