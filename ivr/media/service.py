"""What each advert's number brought: calls, orders and revenue, by advert, number, day and hour.

Rule: it counts what its reader may see. Revenue is that of insight: orders that are not cancelled, refused or
returned, less what came back.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.exchange.files import Value, table
from crm_core.rights import Actor, Right
from ivr.media import reading
from ivr.media.commands import DAYS, MediaQuery
from ivr.media.reading import Key
from ivr.media.views import MediaLine, MediaReport

_HEADERS: dict[str, str] = {
    "medium": "媒体 Medium",
    "did": "被叫号码 Number called",
    "day": "日期 Day",
    "hour": "小时 Hour",
    "calls": "来电 Calls",
    "callers": "来电人 Callers",
    "answered": "接通 Answered",
    "abandoned": "放弃 Abandoned",
    "left_in_menu": "菜单中挂断 Left in menu",
    "orders": "订单 Orders",
    "cancelled": "未成 Came to nothing",
    "revenue": "净销售额 Net revenue",
}

_NOTHING = MediaLine(None, None, None, None)


class MediaReports:
    """May raise Forbidden, Invalid and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime], zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def report(self, actor: Actor, query: MediaQuery) -> MediaReport:
        for right in (Right.CALL_VIEW, Right.ORDER_VIEW):
            actor.require(right)
        until = query.until or self._clock()
        since = query.since or until - timedelta(days=DAYS)
        if since >= until:
            raise Invalid("`since` lies ahead: give an earlier one.", fields={"since": "later"})
        lines = await self._lines(actor, query, since, until)
        whole = query.model_copy(update={"by": ()})
        (total,) = await self._lines(actor, whole, since, until) or (_NOTHING,)
        return MediaReport(since, until, tuple(sorted(lines, key=_place)), total)

    async def write(self, actor: Actor, query: MediaQuery, path: Path) -> str:
        """The report as an Excel file; how it is called."""
        actor.require_read("order", ["total"])
        found = await self.report(actor, query)
        await asyncio.to_thread(_write, path, (*found.lines, found.total))
        async with self._database.begin() as session:
            told = query.model_dump(mode="json", exclude_none=True)
            await trail.record(
                session, actor.user_id, "media_report.export", "call", "", after=told
            )
        return f"media-{found.since.astimezone(self._zone):%Y-%m-%d}-{found.until.astimezone(self._zone):%Y-%m-%d}.xlsx"

    async def _lines(
        self, actor: Actor, query: MediaQuery, since: datetime, until: datetime
    ) -> list[MediaLine]:
        asked = (query, since, until, self._zone, actor)
        found: dict[Key, MediaLine] = {}
        async with self._database.searching() as connection:
            for medium, did, day, hour, *counts in await connection.execute(reading.calls(*asked)):
                key = (medium, did, day, hour)
                found[key] = MediaLine(*key, *counts)
            for medium, did, day, hour, *sums in await connection.execute(reading.orders(*asked)):
                key = (medium, did, day, hour)
                found[key] = _with_orders(found.get(key, MediaLine(*key)), *sums)
        return list(found.values())


def _with_orders(line: MediaLine, orders: int, cancelled: int, revenue: Decimal) -> MediaLine:
    return replace(line, orders=orders, cancelled=cancelled, revenue=Decimal(revenue))


def _place(line: MediaLine) -> tuple[str, int, Decimal, int, str, str]:
    day = line.day.isoformat() if line.day else ""
    hour = -1 if line.hour is None else line.hour
    return day, hour, -line.revenue, -line.calls, line.medium or "", line.did or ""


def _write(path: Path, lines: Iterable[MediaLine]) -> None:
    with table(path, "xlsx", tuple(_HEADERS.values())) as rows:
        for line in lines:
            rows.write(tuple(_cell(line, name) for name in _HEADERS))


def _cell(line: MediaLine, name: str) -> Value:
    value: Value = getattr(line, name)
    return value
