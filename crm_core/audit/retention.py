"""Expiry: entries that are old enough move from the database to a file.

Rule: only whole seals go, from the beginning of the chain on, and only after the file was read back and
found right; the seals stay, so that the chain goes on to verify. The entry that tells of it is written
in the transaction that deletes.

How long must they stay? China's cybersecurity law asks for six months of logs (第二十一条), the
e-commerce law for three years of transaction records (第三十一条).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import archive, lines, own, store, trail
from crm_core.audit.archive import ArchiveFault, NewFile
from crm_core.audit.findings import Progress
from crm_core.audit.protection import EXPIRE_ACTION, EXPIRING
from crm_core.audit.rows import WITHIN, Stretch
from crm_core.audit.sealing import ALONE
from crm_core.audit.seals import EVER, Seal
from crm_core.errors import Conflict
from crm_core.rights import Actor, Right
from crm_core.statement import Statement

KEPT_BY_LAW = timedelta(days=3 * 366)
_SEALS_AT_ONCE = 20
_FIRST_VERIFY = "run `zongji audit verify` and mend what it finds first."
_YOUNGER = Statement(
    f"SELECT EXISTS (SELECT FROM audit_log AS r WHERE {WITHIN} AND r.at >= :before) AS found"
)
_DELETE = Statement(f"DELETE FROM audit_log AS r WHERE {WITHIN} RETURNING r.id")


@dataclass(frozen=True, slots=True)
class Expired:
    """What an expiry moved; no file is made when nothing is old enough."""

    rows: int
    seals: int
    last_seal: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Extent:
    """The seals that go: after `done` up to `last`, and how many entries and eras they have."""

    done: int
    last: int
    rows: int
    ends: dict[int, int]

    def stretch(self, seal: Seal) -> Stretch:
        return Stretch(seal.after, seal.last, seal.era_row_id, self.ends[seal.era_row_id])


async def expire(
    session: AsyncSession, actor: Actor, before: datetime, file: Path, progress: Progress
) -> Expired:
    """Move what is older, in the caller's transaction.

    Raises Forbidden, Conflict (a seal does not verify; the file is there already), Invalid.
    """
    actor.require(Right.AUDIT_MANAGE)
    if not await session.scalar(ALONE):
        raise Conflict("The trail is being sealed or archived at this moment: try again.")
    extent = await _extent(session, before)
    count = extent.last - extent.done
    if not count:
        return Expired(0, 0, extent.done, "")
    with NewFile(file) as written:
        async for seal in _seals(session, extent):
            await _write(session, written, seal, extent)
            progress(seal.id - extent.done, 3 * count)
        await _read_back(session, written.flush(), extent, progress)
        sha256 = written.finish()
    await _tell(session, actor, extent, file, sha256)
    async for seal in _seals(session, extent):
        await _DELETE.write(session, extent.stretch(seal).values())
        progress(2 * count + seal.id - extent.done, 3 * count)
    return Expired(extent.rows, count, extent.last, sha256)


async def _extent(session: AsyncSession, before: datetime) -> _Extent:
    """As far as every entry of every seal is old enough."""
    ends = await store.era_ends(session)
    done = max((each.last_seal for each in await own.archives(session)), default=0)
    found = _Extent(done, done, 0, ends)
    async for seal in _seals(session, _Extent(done, EVER, 0, ends)):
        younger = await _YOUNGER.read(session, {**found.stretch(seal).values(), "before": before})
        if younger[0]["found"]:
            break
        found = replace(found, last=seal.id, rows=found.rows + seal.row_count)
    return found


async def _seals(session: AsyncSession, extent: _Extent) -> AsyncIterator[Seal]:
    at = extent.done
    while at < extent.last and (
        batch := await store.after(session, at, upto=extent.last, most=_SEALS_AT_ONCE)
    ):
        for seal in batch:
            if seal.id != at + 1:
                raise Conflict(f"Seal {at + 1} is not there: {_FIRST_VERIFY}")
            at = seal.id
            yield seal


async def _write(session: AsyncSession, written: NewFile, seal: Seal, extent: _Extent) -> None:
    written.write([archive.seal_line(seal)])
    async for batch in lines.within(session, extent.stretch(seal)):
        written.write(batch)


async def _read_back(
    session: AsyncSession, part: Path, extent: _Extent, progress: Progress
) -> None:
    """What cannot be proved from the file must not be deleted."""
    count = extent.last - extent.done
    async for each in archive.check(session, part):
        if isinstance(each, ArchiveFault):
            raise Conflict(f"Seal {each.seal_id}: {each.said}; {_FIRST_VERIFY}")
        progress(count + each - extent.done, 3 * count)


async def _tell(
    session: AsyncSession, actor: Actor, extent: _Extent, file: Path, sha256: str
) -> None:
    told = {
        "first_seal": extent.done + 1,
        "last_seal": extent.last,
        "rows": extent.rows,
        "file": str(file),
        "sha256": sha256,
    }
    entry = await trail.record(session, actor.user_id, EXPIRE_ACTION, "audit", "log", after=told)
    await session.execute(select(func.set_config(EXPIRING, str(entry), True)))
