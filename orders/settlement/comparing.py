"""The party's word against ours. Rule: where a statement was handed in, it is compared both ways for the kinds it
has; where not, what the party said of each thing by itself. A difference lasts while both amounts do: whoever
resolved it need not do so again, and one that came right by itself is gone.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.statement import Statement
from orders.settlement.sources import PATIENCE_S

_DIFFERING = """
    WITH covered AS (
        SELECT unnest(statement_kinds) AS kind FROM settlements WHERE id = CAST(:settlement AS integer)
    ), ours AS (
        SELECT kind, reference, min(subject_id) AS subject_id, sum(abs(amount)) AS amount, sum(told) AS told
        FROM settlement_items
        WHERE settlement_id = CAST(:settlement AS integer) AND subject <> 'difference' GROUP BY 1, 2
    ), theirs AS (
        SELECT kind, reference, amount FROM settlement_statement_lines WHERE settlement_id = CAST(:settlement AS integer)
    ), held AS (
        SELECT coalesce(o.kind, t.kind) AS kind, coalesce(o.reference, t.reference) AS reference,
               o.subject_id, o.amount AS ours,
               CASE WHEN t.kind IS NOT NULL THEN t.amount
                    WHEN o.kind NOT IN (SELECT kind FROM covered) THEN o.told END AS theirs,
               t.kind IS NOT NULL OR o.told IS NOT NULL OR o.kind IN (SELECT kind FROM covered) AS said
        FROM ours o FULL JOIN theirs t ON t.kind = o.kind AND t.reference = o.reference
    ), differing AS (
        SELECT kind, reference, subject_id, ours, theirs FROM held
        WHERE said AND coalesce(ours, 0) <> coalesce(theirs, 0)
    )"""
# Those that are no longer so; one that postponed its item has taken it away and stays.
_OVER = Statement(f"""{_DIFFERING}, gone AS (
        SELECT d.id FROM settlement_differences d
        WHERE d.settlement_id = CAST(:settlement AS integer) AND d.resolution IS DISTINCT FROM 'postponed'
            AND NOT EXISTS (
                SELECT FROM differing n
                WHERE n.kind = d.kind AND n.reference = d.reference
                    AND n.ours IS NOT DISTINCT FROM d.ours AND n.theirs IS NOT DISTINCT FROM d.theirs)
    ), adjusted AS (
        DELETE FROM settlement_items i USING gone g
        WHERE i.settlement_id = CAST(:settlement AS integer) AND i.subject = 'difference' AND i.subject_id = g.id
    )
    DELETE FROM settlement_differences d USING gone g WHERE d.id = g.id""")
# A parcel that only they name may be one of ours, on its way or settled before: its money is its order's.
_FOUND = Statement(f"""{_DIFFERING}
    INSERT INTO settlement_differences (settlement_id, kind, reference, subject_id, ours, theirs)
    SELECT CAST(:settlement AS integer), n.kind, n.reference, coalesce(n.subject_id, w.id), n.ours, n.theirs
    FROM differing n
    JOIN settlements s ON s.id = CAST(:settlement AS integer)
    LEFT JOIN waybills w
        ON s.party_kind = 'courier' AND w.courier_code = s.party_code AND w.number = n.reference
    ORDER BY n.reference, n.kind
    ON CONFLICT ON CONSTRAINT uq_settlement_differences_once DO NOTHING""")


async def compare(session: AsyncSession, settlement_id: int) -> None:
    """Differences of the draft as they are now."""
    values = {"settlement": settlement_id}
    await _OVER.write(session, values, patience_s=PATIENCE_S)
    await _FOUND.write(session, values, patience_s=PATIENCE_S)
