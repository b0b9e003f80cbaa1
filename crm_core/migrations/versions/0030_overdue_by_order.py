"""What is overdue: entered by people, and of orders; each order says how much of it is."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0030"
down_revision: str | Sequence[str] | None = "0029"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_MONEY = sa.Numeric(precision=14, scale=2)
_COUNTED = (
    """\
CREATE FUNCTION orders_overdue_counted() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER orders_overdue_counted AFTER UPDATE OF overdue, customer_id ON orders
    FOR EACH ROW WHEN (OLD.overdue <> NEW.overdue OR OLD.customer_id <> NEW.customer_id AND NEW.overdue > 0)
    EXECUTE FUNCTION orders_overdue_counted()""",
)
_OF_ORDERS = """
    FROM (SELECT customer_id, sum(overdue) AS sum FROM orders WHERE overdue > 0 GROUP BY 1) o
    WHERE o.customer_id = c.id"""


def upgrade() -> None:
    op.add_column("orders", sa.Column("overdue", _MONEY, server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_orders_overdue_not_negative"), "orders", "overdue >= 0")
    op.execute(
        "UPDATE orders o SET overdue = k.amount FROM overdue_orders k WHERE k.order_id = o.id"
    )
    op.create_index("ix_orders_overdue", "orders", ["id"], postgresql_where=sa.text("overdue > 0"))
    op.drop_table("overdue_orders")
    for name in ("overdue_entered", "overdue_of_orders"):
        op.add_column("customers", sa.Column(name, _MONEY, server_default="0", nullable=False))
        op.create_check_constraint(
            op.f(f"ck_customers_{name}_not_negative"), "customers", f"{name} >= 0"
        )
    op.execute("UPDATE customers SET overdue_entered = credit_overdue WHERE credit_overdue > 0")
    op.execute(f"""
        UPDATE customers c SET overdue_of_orders = o.sum,
            overdue_entered = greatest(c.credit_overdue - o.sum, 0) {_OF_ORDERS}""")
    op.drop_column("customers", "credit_overdue")
    op.add_column(
        "customers",
        sa.Column(
            "credit_overdue",
            _MONEY,
            sa.Computed("overdue_entered + overdue_of_orders", persisted=True),
            nullable=False,
        ),
    )
    _index()
    op.execute("""
        UPDATE customer_merges SET filled = (filled - 'credit_overdue')
            || jsonb_build_object('overdue_entered', filled -> 'credit_overdue')
        WHERE filled ? 'credit_overdue'""")
    for statement in _COUNTED:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION orders_overdue_counted() CASCADE")
    op.execute("""
        UPDATE customer_merges SET filled = (filled - 'overdue_entered')
            || jsonb_build_object('credit_overdue', filled -> 'overdue_entered')
        WHERE filled ? 'overdue_entered'""")
    op.drop_column("customers", "credit_overdue")
    op.add_column(
        "customers", sa.Column("credit_overdue", _MONEY, server_default="0", nullable=False)
    )
    op.execute("UPDATE customers SET credit_overdue = overdue_entered + overdue_of_orders")
    op.create_check_constraint(
        op.f("ck_customers_credit_overdue_not_negative"), "customers", "credit_overdue >= 0"
    )
    _index()
    for name in ("overdue_entered", "overdue_of_orders"):
        op.drop_column("customers", name)
    op.create_table(
        "overdue_orders",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("amount", _MONEY, nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_overdue_orders_amount_positive")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_overdue_orders_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_overdue_orders")),
    )
    op.execute("INSERT INTO overdue_orders SELECT id, overdue FROM orders WHERE overdue > 0")
    op.drop_column("orders", "overdue")


def _index() -> None:
    op.create_index(
        "ix_customers_credit_overdue",
        "customers",
        ["credit_overdue"],
        postgresql_where=sa.text("credit_overdue > 0"),
    )
