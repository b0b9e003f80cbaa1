"""The keypad log for whoever looks a call's path up. Rule: who sees every call sees those of the customers in the
scope of the role, and of strangers; what goes out as a file is noted in the audit trail.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from acd.log import reading
from acd.log.commands import DAYS, BranchQuery, LogQuery, LogSearch
from acd.log.reading import Mark, Range
from acd.log.views import Branches, LoggedCall, LoggedStep, LogPage
from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.exchange.files import Rows, Value, table
from crm_core.rights import Actor, Right
from crm_core.timeline import Place

MOST_EXPORTED = 100_000
_BATCH = 2_000
_HEADERS = (
    "通话 Call",
    "开始 Began",
    "结束 Ended",
    "主叫 Caller",
    "被叫 Called",
    "媒体 Medium",
    "客户 Customer",
    "线路版本 Line version",
    "按键 Keys",
    "最后菜单 Last menu",
    "错键 Wrong keys",
    "自助 Services",
    "队列 Queue",
    "结果 Outcome",
    "步骤 Steps",
)
Shown = Callable[[LoggedCall], LoggedCall]
"""A call as its reader may see it."""


class CallLog:
    """May raise Forbidden, Invalid and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime], zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def page(self, actor: Actor, query: LogQuery) -> LogPage:
        """Calls with their keypad steps, the newest first."""
        actor.require(Right.CALL_VIEW)
        wanted = reading.conditions(query, self._within(query), actor)
        after = None if query.after is None else _mark(query.after)
        async with self._database.searching() as connection:
            found = await reading.calls(connection, reading.page(wanted, after, query.limit + 1))
        items = found[: query.limit]
        more = len(found) > query.limit
        return LogPage(items, str(Place(items[-1].started_at, mark=items[-1].id)) if more else None)

    async def branches(self, actor: Actor, query: BranchQuery) -> Branches:
        """How many callers took which branch, by version of the line."""
        actor.require(Right.CALL_VIEW)
        async with self._database.searching() as connection:
            return await reading.branches(connection, query, self._within(query), actor)

    async def export(self, actor: Actor, search: LogSearch, path: Path, shown: Shown) -> int:
        """All calls that are found, in a CSV file; how many. Raises Invalid when they are too many."""
        actor.require(Right.CALL_VIEW)
        wanted = reading.conditions(search, self._within(search), actor)
        after: Mark | None = None
        count = 0
        with table(path, "csv", _HEADERS) as rows:
            while True:
                async with self._database.searching() as connection:
                    found = await reading.calls(connection, reading.page(wanted, after, _BATCH))
                count += len(found)
                if count > MOST_EXPORTED:
                    raise Invalid(
                        f"These are more than {MOST_EXPORTED:,} calls: ask for fewer days at a time.",
                        fields={"since": "too_early"},
                    )
                await asyncio.to_thread(self._write, rows, map(shown, found))
                if len(found) < _BATCH:
                    break
                after = (found[-1].started_at, found[-1].id)
        async with self._database.begin() as session:
            told = search.model_dump(mode="json", exclude_none=True) | {"calls": count}
            await trail.record(session, actor.user_id, "call_log.export", "call", "", after=told)
        return count

    def _within(self, query: LogSearch | BranchQuery) -> Range:
        until = query.until or self._clock()
        since = query.since or until - timedelta(days=DAYS)
        if since >= until:
            raise Invalid("`since` lies ahead: give an earlier one.", fields={"since": "later"})
        return since, until

    def _write(self, rows: Rows, calls: Iterator[LoggedCall]) -> None:
        for call in calls:
            rows.write(self._line(call))

    def _line(self, call: LoggedCall) -> tuple[Value, ...]:
        return (
            call.id,
            self._time(call.started_at),
            self._time(call.ended_at),
            call.caller,
            call.did,
            call.medium,
            call.customer_name,
            call.line_version,
            "-".join(call.menu_path),
            call.last_menu,
            call.wrong_keys,
            " ".join(call.services),
            call.queue,
            call.outcome,
            " ".join(map(_told, call.steps)),
        )

    def _time(self, at: datetime | None) -> str | None:
        return None if at is None else f"{at.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"


def _mark(written: str) -> Mark:
    place = Place.read(written)
    return place.at, place.mark


def _told(step: LoggedStep) -> str:
    """Such as main:1, main:9!, main:-, service:order."""
    detail = step.detail
    match step.kind:
        case "key":
            return f"{detail.get('menu', '')}:{detail.get('key', '')}"
        case "wrong_key":
            return f"{detail.get('menu', '')}:{detail.get('key', '')}!"
        case "no_key":
            return f"{detail.get('menu', detail.get('asked', ''))}:-"
        case "digits":
            return f"{detail.get('asked', '')}={detail.get('keys', '')}"
    return f"{step.kind}:{detail.get('service', detail.get('menu', ''))}"
