"""The items of a draft, by a few statements over everything at once. Rule: the caller holds the settlement's row;
the same facts give the same draft, however often it is worked out, and what is an item elsewhere is left there.
"""

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.statement import Statement
from orders.settlement import comparing, sources
from orders.settlement.codes import PartyKind
from orders.settlement.sources import PATIENCE_S
from orders.settlement.tables import Settlement, SettlementTotal

_ADD = """
INSERT INTO settlement_items (settlement_id, kind, subject, subject_id, reference, at, amount, told)
SELECT CAST(:settlement AS integer), f.kind, f.subject, f.subject_id, f.reference, f.at, f.amount, f.told
FROM ({found}) f
WHERE NOT EXISTS (
        SELECT FROM settlement_items i
        WHERE i.subject_id = f.subject_id AND i.subject = f.subject AND i.kind = f.kind)
    AND NOT EXISTS (
        SELECT FROM settlement_differences d
        WHERE d.settlement_id = CAST(:settlement AS integer) AND d.resolution = 'postponed'
            AND d.kind = f.kind AND d.reference = f.reference)
ORDER BY f.subject_id, f.kind
ON CONFLICT ON CONSTRAINT uq_settlement_items_once DO NOTHING"""
_ADD_BY_KIND = {kind: Statement(_ADD.format(found=sources.found(kind))) for kind in PartyKind}
_CLEAR = Statement(
    "DELETE FROM settlement_items WHERE settlement_id = :settlement AND subject <> 'difference'"
)
_EMPTY = tuple(
    Statement(f"DELETE FROM {table} WHERE settlement_id = :settlement")
    for table in ("settlement_items", "settlement_totals", "settlement_statement_lines")
)
_TOTALS = Statement("""
INSERT INTO settlement_totals (settlement_id, kind, items, amount)
SELECT settlement_id, kind, count(*), sum(amount) FROM settlement_items
WHERE settlement_id = :settlement GROUP BY 1, 2 RETURNING items, amount""")


async def compute(session: AsyncSession, settlement: Settlement) -> None:
    """Work the draft out anew from the facts."""
    await session.flush()
    values = {
        "settlement": settlement.id,
        "party": settlement.party_code,
        "until": settlement.ends_at,
    }
    await _CLEAR.write(session, values, patience_s=PATIENCE_S)
    add = _ADD_BY_KIND[PartyKind(settlement.party_kind)]
    await add.write(session, values, patience_s=PATIENCE_S)
    await compare(session, settlement)


async def compare(session: AsyncSession, settlement: Settlement) -> None:
    """Hold what the party says against the items as they are."""
    await comparing.compare(session, settlement.id)
    await add_up(session, settlement)


async def add_up(session: AsyncSession, settlement: Settlement) -> None:
    """Totals and balance as the items are now."""
    total = SettlementTotal
    await session.execute(delete(total).where(total.settlement_id == settlement.id))
    await session.flush()
    rows = await _TOTALS.write(session, {"settlement": settlement.id}, patience_s=PATIENCE_S)
    await session.execute(
        update(Settlement)
        .where(Settlement.id == settlement.id)
        .values(items=sum(row["items"] for row in rows), balance=sum(row["amount"] for row in rows))
    )
    await session.refresh(settlement)


async def empty(session: AsyncSession, settlement: Settlement) -> None:
    """Whatever stood in it can be settled elsewhere."""
    await session.flush()
    for statement in _EMPTY:
        await statement.write(session, {"settlement": settlement.id}, patience_s=PATIENCE_S)
