"""A database from before returns were documents."""

from sqlalchemy import text

from tests.upgrade import upgraded

_BEFORE = """
INSERT INTO roles (code, name_zh, name_en) VALUES ('agent', '坐席', 'Agent'), ('supervisor', '班长', 'Supervisor');
INSERT INTO levels (code, name_zh, name_en, rank) VALUES ('retail', '零售', 'Retail', 1);
INSERT INTO price_policies (code, name_zh, name_en, discount) VALUES ('list', '标价', 'List', 1);
INSERT INTO customers (name, level_code, price_policy_code) VALUES ('老客户', 'retail', 'list');
INSERT INTO products (sku, name_zh, name_en, unit, list_price) VALUES ('P1', '茶', 'Tea', '箱', 5);
INSERT INTO orders (number, key, fingerprint, customer_id, status, total, credit_held, placed_at)
  VALUES ('260101-000001', 'k1', 'f', 1, 'returned', 10, 0, now()),
         ('260101-000002', 'k2', 'f', 1, 'delivered', 10, 10, now());
INSERT INTO order_lines (order_id, line_no, sku, quantity, unit, tax_rate, unit_price, line_total, why)
  SELECT id, 1, 'P1', 2, '箱', 0.13, 5, 10, '[]' FROM orders;
"""


async def test_orders_returned_before_have_everything_back_and_the_others_nothing(pg_server):
    database = await upgraded(pg_server, "0023", _BEFORE)
    async with database.begin() as session:
        rows = await session.execute(
            text(
                "SELECT status, given_back, returned, coming_back FROM orders o"
                " JOIN order_lines ON order_id = o.id ORDER BY o.id"
            )
        )
        assert [tuple(row) for row in rows] == [("returned", 10, 2, 0), ("delivered", 0, 0, 0)]
        rights = await session.execute(
            text(
                "SELECT role_code, right_code FROM role_rights"
                " WHERE right_code LIKE 'exception.decide%' ORDER BY 1, 2"
            )
        )
        assert [tuple(row) for row in rights] == [
            ("agent", "exception.decide"),
            ("supervisor", "exception.decide"),
            ("supervisor", "exception.decide_2"),
        ]
    await database.close()
