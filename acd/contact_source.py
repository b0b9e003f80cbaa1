"""Calls as conversations, for whoever asks when a customer was last spoken with. Rule: a call counts when
an agent answered it and it is over; one that was lost in the menu or in the line was no conversation.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.statement import Statement

_LATEST = Statement("""
SELECT w.customer_id, spoken.answered_at
FROM unnest(CAST(:customer_ids AS bigint[])) AS w (customer_id)
CROSS JOIN LATERAL (
    SELECT answered_at FROM calls c
    WHERE c.customer_id = w.customer_id AND c.answered_at IS NOT NULL AND c.ended_at IS NOT NULL
    ORDER BY c.started_at DESC LIMIT 1
) spoken
""")


class CallContacts:
    """The `ContactSource` of insight."""

    async def latest(
        self, holder: AsyncSession | AsyncConnection, customer_ids: Sequence[int]
    ) -> Mapping[int, datetime]:
        """When the last call on which each of them was spoken with was answered."""
        rows = await _LATEST.read(holder, {"customer_ids": list(customer_ids)})
        return {row["customer_id"]: row["answered_at"] for row in rows}
