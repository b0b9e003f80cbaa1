"""Why a customer's data are still needed for complaints. Rule: a complaint that is not handled needs them, and who may
manage complaints can reject one whose customer does not want it any more.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.complaints.tables import Complaint


async def open_complaints(session: AsyncSession, customer_ids: Sequence[int]) -> str | None:
    """The numbers of complaints that nobody has answered."""
    ids = await session.scalars(
        select(Complaint.id)
        .where(Complaint.customer_id.in_(customer_ids), Complaint.handled_at.is_(None))
        .order_by(Complaint.id)
        .limit(5)
    )
    found = ", ".join(f"#{each}" for each in ids)
    return f"Complaints are not handled: resolve or reject {found} first." if found else None
