"""Writing the audit trail. Rule: an entry is written in the transaction of the change it tells of, and
only values that changed are kept; passwords and tokens never come here.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.errors import Invalid
from crm_core.statement import Statement

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_INTO = "INSERT INTO audit_log (actor_id, action, entity, entity_id, before, after)"
_RECORD = Statement(
    f"{_INTO} VALUES (:actor_id, :action, :entity, :entity_id, :before, :after) RETURNING id"
)
_RECORD_MANY = Statement(
    f"{_INTO} SELECT e.actor_id, e.action, e.entity, e.entity_id, e.before::jsonb, e.after::jsonb"
    " FROM unnest(:actor_ids::int[], :actions::text[], :entities::text[], :entity_ids::text[],"
    " :befores::text[], :afters::text[])"
    " WITH ORDINALITY AS e (actor_id, action, entity, entity_id, before, after, place)"
    " ORDER BY e.place"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One of many that are recorded at once."""

    actor_id: int | None
    action: str
    entity: str
    entity_id: int | str
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None


async def record(
    session: AsyncSession,
    actor_id: int | None,
    action: str,
    entity: str,
    entity_id: int | str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> int:
    """Note that `actor_id` (None: Zongji itself) did `action`, such as "customer.update".

    Returns the entry's id. Raises Invalid for a value that cannot be kept as JSON.
    """
    written = await _RECORD.write(
        session,
        {
            "actor_id": actor_id,
            "action": action,
            "entity": entity,
            "entity_id": str(entity_id),
            "before": _json(before),
            "after": _json(after),
        },
    )
    return int(written[0]["id"])


async def record_many(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """Note many changes, in their order and in one statement. Raises Invalid, as `record` does."""
    if not entries:
        return
    await _RECORD_MANY.write(
        session,
        {
            "actor_ids": [each.actor_id for each in entries],
            "actions": [each.action for each in entries],
            "entities": [each.entity for each in entries],
            "entity_ids": [str(each.entity_id) for each in entries],
            "befores": [_json(each.before) for each in entries],
            "afters": [_json(each.after) for each in entries],
        },
    )


def changes(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """The part of both that differs, among the keys of `after`."""
    changed = [key for key in after if before.get(key) != after[key]]
    return {key: before.get(key) for key in changed}, {key: after[key] for key in changed}


def _json(values: Mapping[str, object] | None) -> str | None:
    """JSON as PostgreSQL takes it; decimals, times and the like as text. Raises Invalid."""
    if values is None:
        return None
    try:
        written = json.dumps(dict(values), default=str, ensure_ascii=False, allow_nan=False)
        written.encode()
    except ValueError as error:
        raise Invalid(f"The audit trail cannot keep these values: {error}.") from error
    if _NUL.search(written):
        raise Invalid("The audit trail cannot keep text with a zero character: remove it.")
    return written
