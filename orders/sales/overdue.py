"""What of orders is overdue counts with their customers, by a trigger. Rule: whoever writes `orders.overdue`, or gives
an order to another customer, changes `customers.overdue_of_orders` in the same statement and has the customer's
insight worked out again, so that the sum is true at every commit, also when customers are merged and parted.
"""

from typing import Any

from sqlalchemy import Connection

COUNTED = (
    """\
CREATE OR REPLACE FUNCTION orders_overdue_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH counted AS (
        UPDATE customers c SET overdue_of_orders = c.overdue_of_orders + m.more
        FROM (SELECT v.id, sum(v.more) AS more
              FROM (VALUES (OLD.customer_id, -OLD.overdue), (NEW.customer_id, NEW.overdue)) v (id, more)
              GROUP BY v.id) m
        WHERE c.id = m.id RETURNING c.id
    )
    INSERT INTO insight_queue (customer_id) SELECT id FROM counted ORDER BY id;
    RETURN NULL;
END $$""",
    """\
CREATE OR REPLACE TRIGGER orders_overdue_counted AFTER UPDATE OF overdue, customer_id ON orders
    FOR EACH ROW WHEN (OLD.overdue <> NEW.overdue OR OLD.customer_id <> NEW.customer_id AND NEW.overdue > 0)
    EXECUTE FUNCTION orders_overdue_counted()""",
)


def count(_table: object, connection: Connection, **_: Any) -> None:
    """For the event `after_create` of `orders`."""
    for statement in COUNTED:
        connection.exec_driver_sql(statement)
