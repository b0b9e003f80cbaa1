"""What the trail tells of itself: entries of expiries and redactions.

Rule: an entry that was tampered with is read as far as it makes sense and never stops a check; that it
was tampered with, its digest says.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from asyncpg import Record

from crm_core.audit.findings import Archive
from crm_core.audit.protection import EXPIRE_ACTION, REDACT_ACTION
from crm_core.audit.store import Holder
from crm_core.statement import Statement

_OWN = Statement(
    "SELECT id, at, actor_id, after::text AS after FROM audit_log"
    " WHERE action ^@ 'audit.' AND action = :action AND id > :beyond ORDER BY id LIMIT 20"
)
_STILL_FULL = Statement(
    "SELECT id FROM audit_log WHERE id = ANY(:ids::bigint[]) AND redacted_at IS NULL ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class Undone:
    """A redaction, and the entries it names that are not empty."""

    entry_id: int
    row_ids: tuple[int, ...]


async def archives(holder: Holder) -> tuple[Archive, ...]:
    """Every expiry, in order."""
    found = [
        Archive(
            entry_id=row["id"],
            at=row["at"],
            actor_id=row["actor_id"],
            last_seal=_number(told, "last_seal"),
            rows=_number(told, "rows"),
            file=str(told.get("file")),
            sha256=str(told.get("sha256")),
        )
        async for row, told in _entries(holder, EXPIRE_ACTION)
    ]
    return tuple(found)


async def undone_redactions(holder: Holder) -> AsyncIterator[Undone]:
    async for row, told in _entries(holder, REDACT_ACTION):
        listed = told.get("row_ids")
        ids = [each for each in listed if _is_id(each)] if isinstance(listed, list) else []
        full = await _STILL_FULL.read(holder, {"ids": ids})
        if full:
            yield Undone(row["id"], tuple(each["id"] for each in full))


async def _entries(holder: Holder, action: str) -> AsyncIterator[tuple[Record, dict[str, Any]]]:
    beyond = 0
    while True:
        rows: Sequence[Record] = await _OWN.read(holder, {"action": action, "beyond": beyond})
        for row in rows:
            told = json.loads(row["after"] or "{}")
            yield row, told if isinstance(told, dict) else {}
        if not rows:
            return
        beyond = rows[-1]["id"]


def _number(told: dict[str, Any], name: str) -> int:
    found: Any = told.get(name)
    return int(found) if _is_id(found) else 0


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < 2**63
