"""Where items come from: for each kind of party SELECTs of what can be settled with one of them until a time.

Rule: a source says what is, it never looks whether it was settled before; `drafting` does that for all. Each
yields kind, subject, subject_id, reference, at, amount (signed: above nothing the party owes it) and told (what
the party said by itself, without sign). Another one is one more entry.
"""

from collections.abc import Mapping

from orders.settlement.codes import PartyKind

# What a courier collects, and what it takes for a parcel: outward or back, delivered or not, once handed over.
_WAYBILLS = """
SELECT k.kind, 'waybill' AS subject, w.id AS subject_id, w.number AS reference, k.at, k.amount, k.told
FROM waybills w
LEFT JOIN (
    SELECT waybill_id, sum(cash_collected) AS cash FROM run_stops WHERE result = 'delivered' GROUP BY 1
) r ON r.waybill_id = w.id
CROSS JOIN LATERAL (
    SELECT 'cod' AS kind, w.state_at AS at, w.cod_amount AS amount, coalesce(r.cash, w.collected) AS told
    WHERE w.kind = 'outward' AND w.state = 'delivered'
        AND (w.cod_amount > 0 OR coalesce(r.cash, w.collected) > 0)
    UNION ALL
    SELECT 'freight', w.handed_over_at, -w.freight, NULL WHERE w.state <> 'void' AND w.freight > 0
    UNION ALL
    SELECT 'cod_fee', w.state_at, -w.cod_fee, NULL
    WHERE w.kind = 'outward' AND w.state = 'delivered' AND w.cod_amount > 0 AND w.cod_fee > 0
) k
WHERE w.courier_code = :party AND k.at < :until"""

_CHARGES = """
SELECT c.kind, 'supplier_charge' AS subject, c.id AS subject_id, c.reference, c.happened_at AS at,
       CASE c.kind WHEN 'goods' THEN -c.amount ELSE c.amount END AS amount, CAST(NULL AS numeric) AS told
FROM supplier_charges c
WHERE c.supplier_code = :party AND c.happened_at < :until"""

# Goods received by a document that names the supplier by its code, at their cost; a reversal takes them back.
_RECEIPTS = """
SELECT 'goods' AS kind, 'stock_document' AS subject, d.id AS subject_id, d.number AS reference, d.posted_at AS at,
       -v.value AS amount, CAST(NULL AS numeric) AS told
FROM stock_documents d
LEFT JOIN stock_documents r ON r.id = d.reverses_id
CROSS JOIN LATERAL (SELECT sum(m.value_change) AS value FROM stock_moves m WHERE m.document_id = d.id) v
WHERE coalesce(r.supplier, d.supplier) = :party AND coalesce(r.kind, d.kind) = 'receipt'
    AND d.state = 'posted' AND v.value <> 0 AND d.posted_at < :until"""

PATIENCE_S = 300.0
"""How long one statement over everything of a party may take."""
SOURCES: Mapping[PartyKind, tuple[str, ...]] = {
    PartyKind.COURIER: (_WAYBILLS,),
    PartyKind.SUPPLIER: (_CHARGES, _RECEIPTS),
}


def found(kind: PartyKind) -> str:
    """Everything of the party `:party` before `:until`."""
    return "\nUNION ALL\n".join(SOURCES[kind])
