"""Numbers put on the do-not-call list, as the service does it."""

from datetime import UTC, datetime

from crm_core.db import Database
from dialer.do_not_call import refusing
from dialer.do_not_call.refusing import Refusal


async def forbid(database: Database, number: str, campaign_id: int | None = None) -> int:
    """The entry's id."""
    async with database.begin() as session:
        refusal = Refusal(number, "api", "asked", campaign_id=campaign_id)
        return await refusing.add(session, refusal, datetime.now(UTC))
