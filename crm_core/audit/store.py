"""Reading and adding seals. Rule: a seal is read as text and numbers only, so that no value somebody
forced into the table can keep it from being read.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from asyncpg import Record
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit.seals import EVER, Place, Seal
from crm_core.audit.tables import AuditSeal
from crm_core.statement import Statement

Holder = AsyncSession | AsyncConnection

_COLUMNS = (
    "id, extract(epoch FROM sealed_at)::text AS sealed, after_xid, after_row_id, last_xid,"
    " first_row_id, last_row_id, highest_row_id, era_row_id, row_count, row_ids, marks,"
    " rows_digest, previous, hash"
)
_AFTER = Statement(
    f"SELECT {_COLUMNS} FROM audit_seals WHERE id > :after AND id <= :upto ORDER BY id LIMIT :most"
)
_HEAD = Statement(f"SELECT {_COLUMNS} FROM audit_seals ORDER BY id DESC LIMIT 1")
_ERAS = Statement("SELECT DISTINCT era_row_id FROM audit_seals ORDER BY 1")
_TOTAL = Statement("SELECT coalesce(sum(row_count), 0)::bigint AS rows FROM audit_seals")


async def head(holder: Holder) -> Seal | None:
    """The newest seal."""
    rows = await _HEAD.read(holder, {})
    return _seal(rows[0]) if rows else None


async def after(holder: Holder, seal_id: int, *, upto: int, most: int) -> Sequence[Seal]:
    """The seals that follow that one, in order, up to one."""
    rows = await _AFTER.read(holder, {"after": seal_id, "upto": upto, "most": most})
    return [_seal(row) for row in rows]


async def era_ends(holder: Holder) -> dict[int, int]:
    """The highest id of each era, by where its ids begin (see `Seal.era_row_id`)."""
    begins = [row["era_row_id"] for row in await _ERAS.read(holder, {})]
    return dict(zip(begins, [*begins, EVER][1:], strict=True))


async def sealed_rows(holder: Holder) -> int:
    return int((await _TOTAL.read(holder, {}))[0]["rows"])


async def add(session: AsyncSession, seal: Seal) -> None:
    seconds, _, microseconds = seal.sealed.partition(".")
    at = datetime(1970, 1, 1, tzinfo=UTC)
    at += timedelta(seconds=int(seconds), microseconds=int(microseconds))
    await session.execute(
        insert(AuditSeal).values(
            id=seal.id,
            sealed_at=at,
            after_xid=seal.after.xid,
            after_row_id=seal.after.row_id,
            last_xid=seal.last.xid,
            first_row_id=seal.first_row_id,
            last_row_id=seal.last.row_id,
            highest_row_id=seal.highest_row_id,
            era_row_id=seal.era_row_id,
            row_count=seal.row_count,
            row_ids=seal.row_ids,
            marks=seal.marks,
            rows_digest=seal.rows_digest,
            previous=seal.previous,
            hash=seal.hash,
        )
    )


def _seal(row: Record) -> Seal:
    return Seal(
        id=row["id"],
        sealed=row["sealed"],
        after=Place(row["after_xid"], row["after_row_id"]),
        last=Place(row["last_xid"], row["last_row_id"]),
        first_row_id=row["first_row_id"],
        highest_row_id=row["highest_row_id"],
        era_row_id=row["era_row_id"],
        row_count=row["row_count"],
        row_ids=row["row_ids"],
        marks=row["marks"],
        rows_digest=row["rows_digest"],
        previous=row["previous"],
        hash=row["hash"],
    )
