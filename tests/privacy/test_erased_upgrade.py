"""A database from when a person could be erased with an open complaint."""

from sqlalchemy import text

from tests.upgrade import upgraded

_BEFORE = """
INSERT INTO levels (code, name_zh, name_en, rank) VALUES ('retail', '零售', 'Retail', 1);
INSERT INTO price_policies (code, name_zh, name_en, discount) VALUES ('list', '标价', 'List', 1);
INSERT INTO customers (name, level_code, price_policy_code, erased_at)
  VALUES ('已删除', 'retail', 'list', '2026-03-01 00:00+00'), ('在', 'retail', 'list', NULL);
INSERT INTO complaint_categories (code, name_zh, name_en, handling_hours) VALUES ('q', '质量', 'Quality', 24);
INSERT INTO complaints (customer_id, category_code, severity, channel, description, state, due_at,
                        started_at, created_at, updated_at)
  SELECT id, 'q', 1, 'phone', '—', 'open', now(), now(), now(), now() FROM customers ORDER BY id;
INSERT INTO customer_insight (customer_id, computed_at, rules_version, orders_12m, revenue_12m, orders_90d,
                              revenue_90d, quarter_orders, quarter_revenue, r, f, m, segment_code,
                              grade_code, warnings, reasons)
  SELECT id, now(), 1, 0, 0, 0, 0, '{}', '{}', 1, 1, 1, 'none', 'C', '[]', '[]' FROM customers
"""
_STANDS = """
SELECT c.state, c.handled_at = p.erased_at, s.from_state, s.to_state, s.text,
       EXISTS (SELECT FROM customer_insight i WHERE i.customer_id = p.id)
FROM complaints c JOIN customers p ON p.id = c.customer_id
LEFT JOIN complaint_steps s ON s.complaint_id = c.id ORDER BY c.id
"""


async def test_an_open_complaint_of_who_was_erased_is_rejected_with_the_reason(pg_server):
    database = await upgraded(pg_server, "0049", _BEFORE)
    async with database.begin() as session:
        stands = [tuple(row) for row in await session.execute(text(_STANDS))]
    assert stands == [
        ("rejected", True, "open", "rejected", "erased at the person's own request", False),
        ("open", None, None, None, None, True),
    ]
    await database.close()
