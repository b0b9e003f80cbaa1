"""What the tests of the audit trail share."""

import asyncio
import importlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from crm_core.audit import trail
from crm_core.audit.digests import digest, payload_digest
from crm_core.audit.findings import Report
from crm_core.audit.sealing import AuditSealer
from crm_core.audit.service import AuditTrail
from crm_core.audit.trail import Entry
from crm_core.db import Database

for package in ("crm_core", "acd", "orders", "dialer"):
    importlib.import_module(f"{package}.tables")


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


_SEALABLE = (
    "SELECT NOT EXISTS (SELECT FROM audit_log WHERE xid >= pg_snapshot_xmin(s)::text::bigint"
    " AND xid < pg_snapshot_xmax(s)::text::bigint) FROM pg_current_snapshot() AS s"
)


class PatientSealer(AuditSealer):
    """Waits until everything can be sealed: a transaction of the tests beside this one, in another
    database of the same PostgreSQL, holds a sealer up."""

    async def run_once(self) -> int:
        while True:
            async with self._database.reading() as connection:
                if await connection.scalar(text(_SEALABLE)):
                    return await super().run_once()
            await asyncio.sleep(0.01)


@dataclass
class House:
    """One trail, and who breaks into it."""

    database: Database
    trail: AuditTrail
    folder: Path
    clock: Clock
    url: str

    @property
    def anchor(self) -> Path:
        return self.folder / "audit-seals.log"

    def sealer(self, rows: int = 5, anchor: Path | None = None) -> AuditSealer:
        return PatientSealer(self.database, anchor or self.anchor, clock=self.clock, rows=rows)

    async def record(self, count: int = 1, *, entity_id: int | str = 5, **more: Any) -> list[int]:
        """That many entries, each in a transaction of its own."""
        made = []
        for number in range(count):
            async with self.database.begin() as session:
                made.append(
                    await trail.record(
                        session,
                        None,
                        "customer.update",
                        "customer",
                        entity_id,
                        **(more or {"before": {"note": None}, "after": {"note": f"第{number}次"}}),
                    )
                )
        return made

    async def record_many(self, count: int) -> None:
        async with self.database.begin() as session:
            entries = [Entry(None, "import.row", "row", n, after={"n": n}) for n in range(count)]
            await trail.record_many(session, entries)

    async def sealed(self, count: int, rows: int = 5) -> list[int]:
        made = await self.record(count)
        await self.sealer(rows).run_once()
        return made

    async def verify(self, anchor: Path | None = None) -> Report:
        return await self.trail.verify(anchor or self.anchor)

    async def faults(self) -> set[tuple[str, int | None, int | None]]:
        """(kind, seal, row) of every fault."""
        report = await self.verify()
        assert report.fault_count == len(report.faults)
        return {(str(each.kind), each.seal_id, each.row_id) for each in report.faults}

    async def break_in(self, *statements: str) -> None:
        """As a superuser, with every trigger switched off."""
        async with self.database.begin() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await session.execute(text(statement))

    async def change(self, *statements: str) -> None:
        """As a program with an ordinary log-in, in one transaction."""
        async with self.database.begin() as session:
            for statement in statements:
                await session.execute(text(statement))

    async def rows(self, sql: str) -> list[Any]:
        async with self.database.reading() as connection:
            return list((await connection.execute(text(sql))).all())

    async def value(self, sql: str) -> Any:
        return (await self.rows(sql))[0][0]


def cover_up(which: str) -> tuple[str, str]:
    """Somebody who knows how digests are made writes fitting ones for these entries."""
    return (
        f"UPDATE audit_log AS r SET payload_digest = {payload_digest('r')} WHERE {which}",
        f"UPDATE audit_log AS r SET digest = {digest('r')} WHERE {which}",
    )


def own_entry(action: str, after: str, setting: str) -> tuple[str, str]:
    """An entry of the trail about itself, and the word that what follows is done for it."""
    columns, values = "action, entity, entity_id, after", f"'{action}', 'audit', 'x', '{after}'"
    return (
        f"INSERT INTO audit_log ({columns}) VALUES ({values})",
        f"SELECT set_config('{setting}', max(id)::text, true) FROM audit_log",
    )
