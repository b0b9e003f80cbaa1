"""Records that people keep by a code: kinds, rules, master data.

Rule: an edit names the version it was made from (0 makes a new record), so that of two edits at once one is
refused.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.errors import Conflict


async def put(
    session: AsyncSession, table: type[Any], code: str, version: int, values: Mapping[str, Any]
) -> None:
    """Raises Conflict (edited since, code taken)."""
    if version == 0:
        made = await session.scalar(
            insert(table)
            .values(code=code, **values)
            .on_conflict_do_nothing(index_elements=["code"])
            .returning(table.code)
        )
        if made is None:
            raise Conflict(f"There is “{code}” already.", fields={"code": "taken"})
        return
    changed = await session.scalar(
        update(table)
        .where(table.code == code, table.version == version)
        .values(**values, version=version + 1)
        .returning(table.code)
    )
    if changed is None:
        raise Conflict(
            f"“{code}” was changed since you opened it, or is not there: look at it as it is now.",
            fields={"version": "old"},
        )
