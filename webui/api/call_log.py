"""The keypad log (IVR 日志): the way of any call through the menus, and how many took which.

Rule: as in `calls`, numbers are shown as their reader may see them, also among the keys.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from acd.log.commands import BranchQuery, LogQuery, LogSearch
from acd.log.views import LoggedCall, LoggedStep
from crm_core.rights import Principal, Right
from webui.asked import Asked, Model, Nothing
from webui.downloads import CSV, made
from webui.present import number_of, step_detail
from webui.routing import Route, needs
from webui.views import View


class CallLogQuery(LogQuery, Model):
    """Which calls to show. Without `since`, those of the 31 days before `until`."""


class CallLogSearch(LogSearch, Model):
    """Which calls to put into the file. Without `since`, those of the 31 days before `until`."""


class BranchSearch(BranchQuery, Model):
    """Which calls to count. Without `since`, those of the 31 days before `until`."""


class LoggedStepItem(View):
    at: datetime
    kind: str
    detail: dict[str, Any]


class LoggedCallItem(View):
    """`line_version` is None for calls of times before it was kept; steps are empty when they have expired."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    caller: str | None
    did: str
    medium: str | None
    customer_id: int | None
    customer_name: str | None
    menu_path: tuple[str, ...]
    last_menu: str | None
    wrong_keys: int | None
    services: tuple[str, ...]
    line_version: int | None
    queue: str | None
    agent_id: int | None
    outcome: str | None
    steps: tuple[LoggedStepItem, ...]


class CallLogPage(View):
    """`next` asks for what is older; None at the end."""

    items: tuple[LoggedCallItem, ...]
    next: str | None


class MenuCountItem(View):
    line_version: int | None
    menu: str
    calls: int
    gave_up: int
    wrong: int
    silent: int


class KeyCountItem(View):
    line_version: int | None
    menu: str
    key: str
    calls: int
    presses: int


class PathCountItem(View):
    keys: tuple[str, ...]
    calls: int
    answered: int
    abandoned: int
    left_in_menu: int


class BranchAnswer(View):
    """`calls` heard a menu; `paths` are the 200 most frequent."""

    since: datetime
    until: datetime
    calls: int
    menus: tuple[MenuCountItem, ...]
    keys: tuple[KeyCountItem, ...]
    paths: tuple[PathCountItem, ...]


async def search(asked: Asked[Nothing, CallLogQuery]) -> CallLogPage:
    """Calls with what was done with keys, the newest first."""
    page = await asked.services.call_log.page(asked.principal, asked.query)
    items = (_shown(asked.principal, call) for call in page.items)
    return CallLogPage(
        items=tuple(LoggedCallItem.model_validate(call) for call in items), next=page.next
    )


async def branches(asked: Asked[Nothing, BranchSearch]) -> BranchAnswer:
    """How many callers took which branch, where they gave up, and keys that led nowhere."""
    found = await asked.services.call_log.branches(asked.principal, asked.query)
    return BranchAnswer.model_validate(found)


async def file(asked: Asked[Nothing, CallLogSearch]) -> web.Response:
    """The calls that are found as a CSV file, at most 100,000; noted in the audit trail."""
    who = asked.principal

    async def write(path: Path) -> str:
        log = asked.services.call_log
        await log.export(who, asked.query, path, partial(_shown, who))
        return f"call-log-{asked.services.clock():%Y-%m-%d}.csv"

    return await made(write, CSV)


def _shown(who: Principal, call: LoggedCall) -> LoggedCall:
    def told(step: LoggedStep) -> LoggedStep:
        return replace(step, detail=step_detail(step.detail, call.customer_id, call.caller, who))

    caller = number_of(call.customer_id, call.caller, who)
    return replace(call, caller=caller, steps=tuple(map(told, call.steps)))


_VIEW = needs(Right.CALL_VIEW)

ROUTES = (
    Route("GET", "/api/calls/log", search, _VIEW, query=CallLogQuery, answer=CallLogPage),
    Route(
        "GET", "/api/calls/log/branches", branches, _VIEW, query=BranchSearch, answer=BranchAnswer
    ),
    Route("GET", "/api/calls/log/file", file, _VIEW, query=CallLogSearch, files=(CSV,)),
)
