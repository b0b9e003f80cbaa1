"""A database from before warehouses: what was there goes to `main`, and its ledger stays."""

from sqlalchemy import text

from crm_core.bus import Bus
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_roles
from orders.sales.service import OrderService
from orders.stock.commands import BatchQuery, StockQuery
from orders.stock.service import StockService
from tests.orders.order_shop import Clock
from tests.orders.stock_room import SHANGHAI
from tests.upgrade import upgraded

BEFORE = """
INSERT INTO roles (code, name_zh, name_en) VALUES ('operations', '运营', 'Operations');
INSERT INTO levels VALUES ('retail', '零售', 'Retail', 4, false);
INSERT INTO price_policies VALUES ('list', '标价', 'List price', 1);
INSERT INTO customers (name, level_code, price_policy_code) VALUES ('海河商行', 'retail', 'list');
INSERT INTO products (sku, name_zh, name_en, unit, list_price, shelf_life_days)
  VALUES ('OLD', '货', 'Goods', '箱', 1, NULL), ('MILK', '奶', 'Milk', '箱', 1, 30);
INSERT INTO stock (sku, on_hand, reserved) VALUES ('OLD', 7, 2), ('MILK', 5, 0);
INSERT INTO orders (number, key, fingerprint, customer_id, status, total, credit_held, placed_at)
  VALUES ('260101-000001', 'k', 'f', 1, 'picking', 2, 0, now());
INSERT INTO order_lines (order_id, line_no, sku, quantity, unit, tax_rate, unit_price, line_total, why)
  VALUES (1, 1, 'OLD', 2, '箱', 0.13, 1, 2, '[]');
INSERT INTO stock_moves (sku, warehouse, kind, on_hand_change, reserved_change, order_id, at) VALUES
  ('OLD', 'main', 'receive', 7, 0, NULL, now()), ('OLD', 'main', 'reserve', 0, 2, 1, now()),
  ('MILK', 'main', 'receive', 3, 0, NULL, now()), ('MILK', 'main', 'receive', 2, 0, NULL, now())
"""


async def test_goods_and_orders_from_before_go_on_in_the_main_warehouse(pg_server):
    database = await upgraded(pg_server, "0013", BEFORE)
    clock = Clock()
    stock = StockService(database, bus := Bus(), clock=clock, zone=SHANGHAI)
    orders = OrderService(database, bus, clock=clock, zone=SHANGHAI)
    assert (await orders.get(SYSTEM, 1)).warehouse == "main"
    await orders.move(1, "shipped", SYSTEM)
    levels = {each.sku: each for each in await stock.levels(SYSTEM, StockQuery())}
    assert (levels["OLD"].on_hand, levels["OLD"].available, levels["OLD"].value) == (5, 5, 0)
    (batch,) = await stock.batches(SYSTEM, BatchQuery())
    assert (batch.batch_no, batch.on_hand, batch.blocked) == ("OPENING", 5, False)
    async with database.begin() as session:
        await seed_roles(session)
        rights = await session.scalars(
            text("SELECT right_code FROM role_rights WHERE right_code LIKE 'stock.%' ORDER BY 1")
        )
        assert set(rights) == {"stock.manage", "stock.view"}
    await database.close()
