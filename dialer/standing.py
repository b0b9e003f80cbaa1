"""What the rules want to know of numbers, as SQL, and the lock of a number.

Rule: whoever decides that a number is dialled, and whoever decides that it is not to be, holds the number's lock until
the commit; so the ledger and the lists never say that a number was dialled which was listed, or once too often.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.statement import Statement
from dialer.rules.verdict import Made, Standing

_LOCK = Statement("SELECT pg_advisory_xact_lock(hashtextextended('dial.' || :number, 0))")
_STANDINGS = Statement("""
SELECT n.number,
    EXISTS (SELECT FROM do_not_call d WHERE d.number = n.number) AS listed,
    ARRAY(
        SELECT c.province FROM customer_phones p JOIN customers c ON c.id = p.customer_id
        WHERE p.number = n.number AND c.province IS NOT NULL
        UNION SELECT a.province FROM customer_phones p
        JOIN customer_addresses a ON a.customer_id = p.customer_id
        WHERE p.number = n.number AND a.province IS NOT NULL
        UNION SELECT a.province FROM customer_addresses a
        WHERE a.phone = n.number AND a.province IS NOT NULL
    ) AS places,
    m.times, m.results
FROM unnest(CAST(:numbers AS text[])) AS n (number)
CROSS JOIN LATERAL (
    SELECT array_agg(t.at) AS times, array_agg(t.result) AS results FROM attempts t
    WHERE t.number = n.number AND t.at > :since
) AS m
""")


async def read(
    holder: AsyncSession | AsyncConnection,
    numbers: Collection[str],
    now: datetime,
    memory: timedelta,
) -> dict[str, Standing]:
    """By number; `memory` is how far back attempts are told."""
    rows = await _STANDINGS.read(holder, {"numbers": list(set(numbers)), "since": now - memory})
    return {
        row["number"]: Standing(
            row["number"],
            listed=row["listed"],
            places=tuple(row["places"]),
            made=tuple(map(Made, row["times"] or (), row["results"] or ())),
        )
        for row in rows
    }


async def lock(session: AsyncSession, number: str) -> None:
    """Wait until nobody else decides about this number; until the end of the transaction nobody does."""
    await _LOCK.write(session, {"number": number})


async def locked(session: AsyncSession, number: str, now: datetime, memory: timedelta) -> Standing:
    """What stands about a number, and goes on to stand until the transaction ends."""
    await lock(session, number)
    return (await read(session, [number], now, memory))[number]
