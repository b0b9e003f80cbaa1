"""Entries as a check reads them: their places, digests, and whether each is as it was written.

Rule: what stands in an entry never leaves PostgreSQL here, and never more than a batch is held.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from crm_core.audit.digests import intact
from crm_core.audit.protection import REDACT_ACTION
from crm_core.audit.seals import Place
from crm_core.audit.store import Holder
from crm_core.statement import Statement

_BATCH = 1000
# id + 0: so that PostgreSQL always goes by the index of places, whatever its statistics say.
WITHIN = (
    "(r.xid, r.id) > (:xid, :row_id) AND (r.xid, r.id) <= (:last_xid, :last_row_id)"
    " AND r.id + 0 > :era AND r.id + 0 <= :ceiling"
)
_EXPLAINED = (
    f"EXISTS (SELECT FROM audit_log AS e WHERE e.id = r.redaction_id AND e.action = '{REDACT_ACTION}'"
    " AND e.at = r.redacted_at AND e.actor_id IS NOT DISTINCT FROM r.redacted_by"
    " AND e.after -> 'row_ids' @> to_jsonb(r.id))"
)
_ROWS = Statement(
    "SELECT r.xid, r.id, r.digest, r.redacted_at IS NOT NULL AS redacted,"
    f" {intact('r')} AS intact, r.redacted_at IS NULL OR {_EXPLAINED} AS explained"
    f" FROM audit_log AS r WHERE {WITHIN} ORDER BY r.xid, r.id LIMIT :most"
)
_HIGHEST = Statement(
    "SELECT coalesce(max(id), 0) AS id FROM audit_log"
    " WHERE (xid, id) > (:xid, :row_id) AND id + 0 > :era"
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which entries: places after `after` up to `last`, ids above `era` up to `ceiling`."""

    after: Place
    last: Place
    era: int
    ceiling: int

    def values(self) -> dict[str, object]:
        """For `WITHIN`."""
        return {
            **self.after._asdict(),
            "last_xid": self.last.xid,
            "last_row_id": self.last.row_id,
            "era": self.era,
            "ceiling": self.ceiling,
        }


@dataclass(frozen=True, slots=True)
class CheckedRow:
    place: Place
    digest: bytes
    redacted: bool
    intact: bool
    explained: bool


async def within(holder: Holder, stretch: Stretch) -> AsyncIterator[CheckedRow]:
    """The entries in the order of their places."""
    while True:
        rows = await _ROWS.read(holder, {**stretch.values(), "most": _BATCH})
        for row in rows:
            yield CheckedRow(
                place=Place(row["xid"], row["id"]),
                digest=row["digest"] or b"",
                redacted=row["redacted"],
                intact=row["intact"],
                explained=row["explained"],
            )
        if len(rows) < _BATCH:
            return
        stretch = replace(stretch, after=Place(rows[-1]["xid"], rows[-1]["id"]))


async def highest_after(holder: Holder, place: Place, era: int) -> int:
    """The highest id of the era's entries beyond that place, 0 when there are none."""
    rows = await _HIGHEST.read(holder, {**place._asdict(), "era": era})
    return int(rows[0]["id"])
