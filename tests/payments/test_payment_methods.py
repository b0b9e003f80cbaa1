"""How an order is paid: a code; what was written before becomes one, and words that mean nothing are kept."""

import secrets

import pytest
from sqlalchemy import text

from crm_core import schema
from orders.errors import BadOrder
from orders.lines import OrderLine
from orders.methods import Method
from orders.sales.commands import PlaceOrder
from tests.databases import database_at

WRITTEN = {
    "wechat": "prepaid",
    "微信支付": "prepaid",
    "Alipay": "prepaid",
    "transfer": "transfer",
    "对公转账": "transfer",
    "cash_on_delivery": "cash_on_delivery",
    "货到付款": "cash_on_delivery",
    "account": "account",
    "月结30天": "account",
    "现金": "cash",
    "银行代扣": "debit",
    None: None,
    "老规矩": None,
}
CUSTOMER = """
INSERT INTO customers (name, level_code, price_policy_code) VALUES ('海河', 'retailer', 'list')
"""
ORDER = """
INSERT INTO orders (number, key, fingerprint, customer_id, status, total, credit_held, placed_at,
                    payment, note)
  VALUES (:key, :key, 'f', (SELECT min(id) FROM customers), 'placed', 5, 0, now(), :payment, '急')
"""


async def test_what_orders_said_before_becomes_a_code(pg_server):
    name = f"methods_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    await schema.upgrade(pg_server.url(name), to="0013")
    database = database_at(pg_server.url(name))
    async with database.begin() as session:
        for statement in (
            "INSERT INTO roles (code, name_zh, name_en) VALUES ('operations', '运营', 'Operations')",
            "INSERT INTO levels VALUES ('retailer', '零售商', 'Retailer', 4, false)",
            "INSERT INTO price_policies VALUES ('list', '标价', 'List price', 1)",
            CUSTOMER,
        ):
            await session.execute(text(statement))
        for number, payment in enumerate(WRITTEN):
            await session.execute(text(ORDER), {"key": f"k{number}", "payment": payment})
    await schema.upgrade(pg_server.url(name))
    async with database.reading() as connection:
        rows = (
            await connection.execute(text("SELECT payment, note FROM orders ORDER BY id"))
        ).all()
        rights = await connection.scalars(
            text("SELECT right_code FROM role_rights WHERE right_code LIKE 'payment.%' ORDER BY 1")
        )
        assert rights.all() == ["payment.manage", "payment.view"]
    assert [row.payment for row in rows] == list(WRITTEN.values())
    assert {row.note for row in rows[:-1]} == {"急"}
    assert rows[-1].note == "急 (老规矩)"
    await database.close()


@pytest.mark.parametrize("payment", ["wechat", "", "x"])
def test_an_order_is_refused_for_a_way_of_paying_that_does_not_exist(payment: str):
    with pytest.raises(BadOrder):
        PlaceOrder("key", 1, (OrderLine("A", 1),), payment=payment)


@pytest.mark.parametrize("payment", [None, *Method, "transfer"])
def test_an_order_says_the_same_with_the_code_as_with_its_text(payment: str | None):
    lines = (OrderLine("A", 1),)
    plain = None if payment is None else str(payment)
    order = PlaceOrder("key", 1, lines, payment=payment)
    assert order.fingerprint == PlaceOrder("key", 1, lines, payment=plain).fingerprint
