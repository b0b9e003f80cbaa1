"""What the rules want to know of numbers, as SQL, and the locks under which it stands still.

Rule: whoever decides that a number is dialled, and whoever decides that it is not to be, holds the number's lock until
the commit, so the ledger and the lists never say that a number was dialled which was listed, or once too often. A whole
list is put in force under a lock of its own, which whoever dials holds with all others who do.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.statement import Statement
from dialer.policy import Purpose
from dialer.rules.verdict import Made, Standing

_NUMBER = "hashtextextended('dial.number.' || :number, 0)"
_LISTS = "hashtextextended('dial.lists', 0)"
_LOCK_NUMBER = Statement(f"SELECT pg_advisory_xact_lock({_NUMBER})")
_LOCK_LISTS = Statement(f"SELECT pg_advisory_xact_lock({_LISTS})")
_LOCK_TO_DIAL = Statement(
    f"SELECT pg_advisory_xact_lock_shared({_LISTS}), pg_advisory_xact_lock({_NUMBER})"
)

NEVER_CALLED = """
SELECT number FROM do_not_call WHERE lifted_at IS NULL AND campaign_id IS NULL
UNION ALL SELECT l.number FROM do_not_call_listed l
JOIN do_not_call_lists s ON s.id = l.list_id AND s.job_id = l.job_id AND s.covers = 'everything'
"""
"""Numbers that are dialled for nothing."""

_STANDINGS = Statement("""
SELECT n.number,
    CASE WHEN EXISTS (
        SELECT FROM do_not_call d
        WHERE d.number = n.number AND d.lifted_at IS NULL AND d.campaign_id IS NULL
    ) THEN 'do_not_call' WHEN EXISTS (
        SELECT FROM do_not_call d
        WHERE d.number = n.number AND d.lifted_at IS NULL
            AND d.campaign_id = CAST(:campaign_id AS integer)
    ) THEN 'campaign_do_not_call' WHEN EXISTS (
        SELECT FROM do_not_call_listed l
        JOIN do_not_call_lists s ON s.id = l.list_id AND s.job_id = l.job_id
        WHERE l.number = n.number AND (s.covers = 'everything' OR CAST(:is_campaign AS boolean))
    ) THEN 'imported_do_not_call' END AS listed,
    (SELECT needs_consent FROM campaigns WHERE id = CAST(:campaign_id AS integer))
        AS needs_consent,
    CASE WHEN CAST(:is_campaign AS boolean) THEN (
        SELECT max(k.id) FROM call_consents k
        WHERE (k.number = n.number OR (k.number IS NULL AND k.customer_id = (
                SELECT p.customer_id FROM customer_phones p WHERE p.number = n.number)))
            AND (k.campaign_id IS NULL OR k.campaign_id = CAST(:campaign_id AS integer))
            AND k.withdrawn_at IS NULL AND k.given_at <= CAST(:now AS timestamptz)
            AND (k.expires_at IS NULL OR k.expires_at > CAST(:now AS timestamptz))
    ) END AS consent,
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What numbers are to be dialled for; attempts are told since `since`."""

    purpose: Purpose
    now: datetime
    since: datetime
    campaign_id: int | None = None


async def read(
    holder: AsyncSession | AsyncConnection, numbers: Collection[str], wanted: Wanted
) -> dict[str, Standing]:
    """By number."""
    values = {
        "numbers": list(set(numbers)),
        "now": wanted.now,
        "since": wanted.since,
        "campaign_id": wanted.campaign_id,
        "is_campaign": wanted.purpose == "campaign",
    }
    return {
        row["number"]: Standing(
            row["number"],
            listed=row["listed"],
            needs_consent=bool(row["needs_consent"]),
            consent=row["consent"],
            places=tuple(row["places"]),
            made=tuple(map(Made, row["times"] or (), row["results"] or ())),
        )
        for row in await _STANDINGS.read(holder, values)
    }


async def to_dial(session: AsyncSession, number: str, wanted: Wanted) -> Standing:
    """What stands about a number, and goes on to stand until the transaction ends."""
    await _LOCK_TO_DIAL.write(session, {"number": number})
    return (await read(session, [number], wanted))[number]


async def lock_number(session: AsyncSession, number: str) -> None:
    """Until the end of the transaction nobody else decides about this number."""
    await _LOCK_NUMBER.write(session, {"number": number})


async def lock_lists(session: AsyncSession) -> None:
    """Until the end of the transaction nobody decides to dial any number."""
    await _LOCK_LISTS.write(session, {})
