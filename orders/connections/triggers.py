"""What PostgreSQL itself notes for other programs: each change of an order, of stock and of a customer.

Rule: it is noted by the transaction that makes the change, whoever writes it, and costs no statement;
what it comes to (events, deliveries, papers for an ERP) is worked out later by `sequencing`.
"""

from typing import Any

from sqlalchemy import Connection

_ORDER_LOGGED = """\
CREATE OR REPLACE FUNCTION integration_order_logged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO integration_queue (kind, subject_key, from_status, to_status, at)
    VALUES (CASE WHEN NEW.from_status IS NULL THEN 'order.placed' ELSE 'order.moved' END,
            NEW.order_id, NEW.from_status, NEW.to_status, NEW.at);
    RETURN NULL;
END $$"""
_NOTED = """\
CREATE OR REPLACE FUNCTION integration_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO integration_queue (kind, subject_key) VALUES ('{kind}', NEW.id);
    RETURN NULL;
END $$"""
_ALL_NOTED = """\
CREATE OR REPLACE FUNCTION integration_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO integration_queue (kind, subject_key)
    SELECT DISTINCT '{kind}', {key}::text FROM changed;
    RETURN NULL;
END $$"""


def _trigger(name: str, when: str, how: str) -> str:
    return f"CREATE OR REPLACE TRIGGER integration_{name} AFTER {when} {how}"


ORDER_LOG = (
    _ORDER_LOGGED,
    _trigger(
        "order_logged",
        "INSERT ON order_status_log",
        "FOR EACH ROW EXECUTE FUNCTION integration_order_logged()",
    ),
)
ORDERS = (
    _NOTED.format(name="order_changed", kind="order.changed"),
    _trigger(
        "order_changed",
        "UPDATE ON orders",
        "FOR EACH ROW WHEN ((OLD.version, OLD.total, OLD.address, OLD.note, OLD.customer_id)"
        " IS DISTINCT FROM (NEW.version, NEW.total, NEW.address, NEW.note, NEW.customer_id))"
        " EXECUTE FUNCTION integration_order_changed()",
    ),
)
STOCK = (
    _ALL_NOTED.format(name="stock_changed", kind="stock.changed", key="sku"),
    *(
        _trigger(
            f"stock_{name}",
            f"{what} ON stock",
            "REFERENCING NEW TABLE AS changed FOR EACH STATEMENT"
            " EXECUTE FUNCTION integration_stock_changed()",
        )
        for name, what in (("entered", "INSERT"), ("changed", "UPDATE"))
    ),
)
CUSTOMERS = (
    _NOTED.format(name="customer_changed", kind="customer.changed"),
    _ALL_NOTED.format(name="customers_entered", kind="customer.changed", key="id"),
    _trigger(
        "customers_entered",
        "INSERT ON customers",
        "REFERENCING NEW TABLE AS changed FOR EACH STATEMENT"
        " EXECUTE FUNCTION integration_customers_entered()",
    ),
    _trigger(
        "customer_changed",
        "UPDATE ON customers",
        "FOR EACH ROW WHEN (OLD.version <> NEW.version"
        " OR OLD.erased_at IS DISTINCT FROM NEW.erased_at)"
        " EXECUTE FUNCTION integration_customer_changed()",
    ),
)
ALL = (*ORDER_LOG, *ORDERS, *STOCK, *CUSTOMERS)
REMOVE = (
    "DROP TRIGGER IF EXISTS integration_order_logged ON order_status_log",
    "DROP TRIGGER IF EXISTS integration_order_changed ON orders",
    "DROP TRIGGER IF EXISTS integration_stock_entered ON stock",
    "DROP TRIGGER IF EXISTS integration_stock_changed ON stock",
    "DROP TRIGGER IF EXISTS integration_customers_entered ON customers",
    "DROP TRIGGER IF EXISTS integration_customer_changed ON customers",
    (
        "DROP FUNCTION IF EXISTS integration_order_logged, integration_order_changed,"
        " integration_stock_changed, integration_customers_entered, integration_customer_changed"
    ),
)


def installer(statements: tuple[str, ...]) -> Any:
    """For the event `after_create` of the table that they watch."""

    def install(_table: object, connection: Connection, **_: Any) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return install
