"""A database from when what is overdue was one column with two writers."""

from sqlalchemy import text

from crm_core.customers.merging import MergeService
from crm_core.rights import SYSTEM
from tests.upgrade import upgraded

_BEFORE = """
INSERT INTO levels (code, name_zh, name_en, rank) VALUES ('retail', '零售', 'Retail', 1);
INSERT INTO price_policies (code, name_zh, name_en, discount) VALUES ('list', '标价', 'List', 1);
INSERT INTO customers (name, level_code, price_policy_code, credit_overdue)
  VALUES ('两者', 'retail', 'list', 500), ('只录入', 'retail', 'list', 7), ('无', 'retail', 'list', 0);
INSERT INTO customers (name, level_code, price_policy_code, merged_into_id) VALUES ('并入', 'retail', 'list', 2);
INSERT INTO customer_merges (kept_id, dropped_id, moved, filled)
  VALUES (2, 4, '{}', '{"credit_overdue": "5.00", "opt_outs": []}');
INSERT INTO orders (number, key, fingerprint, customer_id, status, total, credit_held, payment, placed_at)
  VALUES ('260101-000001', 'k1', 'f', 1, 'delivered', 200, 0, 'account', now());
INSERT INTO overdue_orders (order_id, amount) VALUES (1, 200);
"""
_STANDS = """
SELECT overdue_entered, overdue_of_orders, credit_overdue FROM customers ORDER BY id
"""


async def test_what_was_overdue_is_parted_into_what_was_entered_and_what_orders_add(pg_server):
    database = await upgraded(pg_server, "0026", _BEFORE)

    async def stands() -> list[tuple]:
        async with database.begin() as session:
            return [tuple(row) for row in await session.execute(text(_STANDS))]

    assert await stands() == [(300, 200, 500), (7, 0, 7), (0, 0, 0), (0, 0, 0)]
    async with database.begin() as session:
        await session.execute(text("UPDATE orders SET overdue = 50"))
    assert (await stands())[0] == (300, 50, 350)
    await MergeService(database).undo(SYSTEM, 1)
    assert (await stands())[1:] == [(2, 0, 2), (0, 0, 0), (5, 0, 5)]
    await database.close()
