"""The worker that notices what is short or near its end. Rule: an alarm stands for one occasion, from when it is
noticed until it is over, and makes one to-do, for the keeper of the warehouse or else somebody who manages stock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import structlog
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.people.holders import holders
from crm_core.people.tables import User
from crm_core.rights import SYSTEM, Right
from crm_core.statement import Statement
from crm_core.todos import writing
from crm_core.todos.commands import NewTodo, Priority, TodoSource
from crm_core.worker import Worker
from orders.stock.planning.alarm_kinds import AlarmKind

log = structlog.get_logger(__name__)

SOURCE = "stock_alarm"
_EVERY_S = 60.0
_WITHIN = timedelta(days=1)
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('zongji.stock.alarms'))")
_LOOK = Statement(f"""
WITH due AS MATERIALIZED (
    SELECT '{AlarmKind.LOW}' AS kind, p.sku, p.warehouse, CAST(NULL AS int) AS batch_id,
           coalesce(s.on_hand - s.reserved - s.blocked, 0) AS quantity, p.min_quantity AS bound
    FROM stock_policies p JOIN warehouses h ON h.code = p.warehouse AND h.active
    JOIN products g ON g.sku = p.sku AND g.active
    LEFT JOIN stock s ON s.sku = p.sku AND s.warehouse = p.warehouse
    WHERE coalesce(s.on_hand - s.reserved - s.blocked, 0) < p.min_quantity
    UNION ALL
    SELECT '{AlarmKind.EXPIRING}', b.sku, b.warehouse, b.id, b.on_hand, b.expires_on - CAST(:today AS date)
    FROM stock_batches b JOIN warehouses h ON h.code = b.warehouse
    WHERE b.on_hand > 0 AND NOT b.blocked AND b.expires_on <= CAST(:today AS date) + h.expiry_days
    UNION ALL
    SELECT '{AlarmKind.SHORT}', s.sku, s.warehouse, NULL, s.on_hand - s.reserved - s.blocked, s.reserved
    FROM stock s WHERE s.on_hand - s.reserved - s.blocked < 0
), ended AS (
    UPDATE stock_alarms a SET ended_at = CAST(:at AS timestamptz)
    WHERE a.ended_at IS NULL AND NOT EXISTS (
        SELECT FROM due d WHERE d.kind = a.kind AND d.sku = a.sku AND d.warehouse = a.warehouse
            AND d.batch_id IS NOT DISTINCT FROM a.batch_id)
    RETURNING a.*
), raised AS (
    INSERT INTO stock_alarms (kind, sku, warehouse, batch_id, quantity, bound, raised_at)
    SELECT d.*, CAST(:at AS timestamptz) FROM due d WHERE NOT EXISTS (
        SELECT FROM stock_alarms a WHERE a.ended_at IS NULL AND d.kind = a.kind AND d.sku = a.sku
            AND d.warehouse = a.warehouse AND d.batch_id IS NOT DISTINCT FROM a.batch_id)
    RETURNING *
)
SELECT e.*, p.name_zh, p.name_en, h.keeper_id, b.batch_no
FROM (SELECT * FROM ended UNION ALL SELECT * FROM raised) e
JOIN products p ON p.sku = e.sku JOIN warehouses h ON h.code = e.warehouse
LEFT JOIN stock_batches b ON b.id = e.batch_id
ORDER BY e.id
""")
_TITLES = {
    (AlarmKind.LOW, "zh"): "库存不足:{name}({sku}),{warehouse} 仓可用 {quantity},下限 {bound}",
    (AlarmKind.LOW, "en"): "Low stock: {name} ({sku}), {quantity} free in {warehouse}, least {bound}",
    (AlarmKind.EXPIRING, "zh"): "临期:{name}({sku})批次 {batch},{warehouse} 仓 {quantity},还有 {bound} 天",
    (AlarmKind.EXPIRING, "en"): "Expires in {bound} days: {name} ({sku}) batch {batch}, {quantity} in {warehouse}",
    (AlarmKind.SHORT, "zh"): "已订货物不可售:{name}({sku}),{warehouse} 仓缺 {missing}",
    (AlarmKind.SHORT, "en"): "Ordered goods may not be sold: {name} ({sku}), {missing} short in {warehouse}",
}  # fmt: skip
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class _Somebody:
    id: int
    locale: str


class StockAlarms(Worker):
    """Looks every `every_s` seconds."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: ZoneInfo,
        every_s: float = _EVERY_S,
    ) -> None:
        super().__init__("stock-alarms", every_s=every_s)
        self._database = database
        self._clock = clock
        self._zone = zone

    async def run_once(self) -> int:
        """How many alarms were raised or ended. Raises DatabaseUnavailable."""
        now = self._clock()
        today = now.astimezone(self._zone).date()
        async with self._database.begin() as session:
            await session.execute(_ONE_AT_A_TIME)
            rows = await _LOOK.write(session, {"today": today, "at": now})
            people = await _people(session) if rows else ()
            for row in rows:
                await _tell(session, row, people, now)
        for row in rows:
            state = "ended" if row["ended_at"] else "raised"
            log.info("stock_alarm", state=state, kind=row["kind"], sku=row["sku"])
        return len(rows)


async def _people(session: AsyncSession) -> Sequence[_Somebody]:
    """Who manages stock and has to-dos."""
    managers = holders(Right.STOCK_MANAGE).with_only_columns(User.id)
    workers = holders(Right.TODO_WORK).with_only_columns(User.id)
    rows = await session.execute(
        select(User.id, User.locale)
        .where(User.id.in_(managers), User.id.in_(workers))
        .order_by(User.id)
    )
    return [_Somebody(*row) for row in rows]


async def _tell(
    session: AsyncSession, row: asyncpg.Record, people: Sequence[_Somebody], now: datetime
) -> None:
    source = TodoSource(kind=SOURCE, reference=str(row["id"]))
    if row["ended_at"] is not None:
        await writing.settle(session, SYSTEM, source, now)
        return
    keepers = [each for each in people if each.id == row["keeper_id"]]
    chosen = next(iter((*keepers, *people)), None)
    if chosen is None:
        log.warning("stock_alarm_without_assignee", alarm=row["id"])
        return
    new = NewTodo(
        title=_title(row, chosen.locale),
        due_at=now + _WITHIN,
        priority=Priority.NORMAL if row["kind"] == AlarmKind.EXPIRING else Priority.HIGH,
        assignee_id=chosen.id,
    )
    await writing.add(session, SYSTEM, new, source, now)


def _title(row: asyncpg.Record, locale: str) -> str:
    language = "en" if locale.startswith("en") else "zh"
    return _TITLES[AlarmKind(row["kind"]), language].format(
        name=row[f"name_{language}"],
        sku=row["sku"],
        warehouse=row["warehouse"],
        batch=row["batch_no"],
        quantity=row["quantity"],
        missing=-row["quantity"],
        bound=row["bound"],
    )[:_LONGEST]
