"""The audit trail. Rule: an entry is written in the transaction of the change it tells of, and only
values that changed are kept; passwords and tokens never come here.
"""

import json
from collections.abc import Mapping

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit.tables import AuditEntry


async def record(
    session: AsyncSession,
    actor_id: int | None,
    action: str,
    entity: str,
    entity_id: int | str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Note that `actor_id` (None: Zongji itself) did `action`, such as "customer.update"."""
    await session.execute(
        insert(AuditEntry).values(
            actor_id=actor_id,
            action=action,
            entity=entity,
            entity_id=str(entity_id),
            before=_plain(before),
            after=_plain(after),
        )
    )


async def record_many(
    session: AsyncSession,
    actor_id: int | None,
    action: str,
    entity: str,
    after: Mapping[int, Mapping[str, object]],
) -> None:
    """Note the same action on many records, by their ids."""
    if after:
        await session.execute(
            insert(AuditEntry),
            [
                {
                    "actor_id": actor_id,
                    "action": action,
                    "entity": entity,
                    "entity_id": str(entity_id),
                    "after": _plain(values),
                }
                for entity_id, values in after.items()
            ],
        )


def changes(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """The part of both that differs, among the keys of `after`."""
    changed = [key for key in after if before.get(key) != after[key]]
    return {key: before.get(key) for key in changed}, {key: after[key] for key in changed}


def _plain(values: Mapping[str, object] | None) -> dict[str, object] | None:
    """Decimals, times and the like as text, as JSON needs it."""
    if values is None:
        return None
    plain: dict[str, object] = json.loads(json.dumps(dict(values), default=str))
    return plain
