"""What is still open of a period before it is closed. Rule: counts only; closing says them and leaves the decision to
a person.
"""

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from orders.settlement import sources
from orders.settlement.codes import PartyKind


@dataclass(frozen=True, slots=True)
class PeriodChecks:
    """Differences that nobody resolved, things of couriers and suppliers that are in no confirmed settlement, and
    balances of the ledgers below nothing at the end of the period.
    """

    payment_differences: int
    settlement_differences: int
    unsettled_courier_items: int
    unsettled_supplier_items: int
    negative_stock: int
    negative_receipts: int

    @property
    def ready(self) -> bool:
        return not any(getattr(self, each.name) for each in fields(self))

    def counts(self) -> dict[str, int]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


def _unsettled(kind: PartyKind) -> str:
    # The party is each one that there is.
    parties = "couriers" if kind is PartyKind.COURIER else "suppliers"
    found = sources.found(kind).replace(":party", "p.code")
    return f"""
    (SELECT count(*) FROM {parties} p CROSS JOIN LATERAL ({found}) f
     WHERE NOT EXISTS (
        SELECT FROM settlement_items i JOIN settlements s ON s.id = i.settlement_id
        WHERE i.subject_id = f.subject_id AND i.subject = f.subject AND i.kind = f.kind
            AND s.state IN ('confirmed','paid')))"""


_CHECKS = text(f"""
SELECT
    (SELECT count(*) FROM payment_differences WHERE state = 'open' AND found_at < :until),
    (SELECT count(*) FROM settlement_differences d JOIN settlements s ON s.id = d.settlement_id
     WHERE d.resolution IS NULL AND s.state = 'draft' AND s.begins_at < :until),
    {_unsettled(PartyKind.COURIER)},
    {_unsettled(PartyKind.SUPPLIER)},
    (SELECT count(*) FROM (
        SELECT FROM stock_moves WHERE at < :until GROUP BY sku, warehouse
        HAVING sum(on_hand_change) < 0) n),
    (SELECT count(*) FROM (
        SELECT FROM payment_entries WHERE booked_at < :until GROUP BY order_id
        HAVING sum(CASE kind WHEN 'receipt' THEN amount ELSE -amount END) < 0) n)
""")


async def look(holder: AsyncSession | AsyncConnection, until: datetime) -> PeriodChecks:
    """As things are now."""
    row = (await holder.execute(_CHECKS, {"until": until})).one()
    return PeriodChecks(*row)
