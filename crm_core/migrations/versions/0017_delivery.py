"""Couriers, waybills and what is said of them, own delivery; weights and volumes of products."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0017"
down_revision: str | Sequence[str] | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NEW_RIGHTS = (
    ("delivery.view", "agent,operations,supervisor,admin"),
    ("delivery.manage", "operations,supervisor,admin"),
    ("delivery.report", "operations,supervisor,admin"),
)
_GIVE = sa.text(
    "INSERT INTO role_rights (role_code, right_code)"
    " SELECT code, :right FROM roles WHERE code = ANY (string_to_array(:roles, ','))"
    " ON CONFLICT DO NOTHING"
)


def upgrade() -> None:
    op.create_table(
        "couriers",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("paper", sa.String(length=30), nullable=False),
        sa.Column("ways", postgresql.ARRAY(sa.String(length=20)), nullable=False),
        sa.Column(
            "not_served",
            postgresql.ARRAY(sa.String(length=40)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("number_check", sa.String(length=10), server_default="none", nullable=False),
        sa.Column("cod", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "cod_fee_percent", sa.Numeric(precision=5, scale=2), server_default="0", nullable=False
        ),
        sa.Column(
            "cod_fee_least", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False
        ),
        sa.Column("cod_most", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column(
            "feedback_columns",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "feedback_codes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "kind IN ('ems','post','express','own')", name=op.f("ck_couriers_kind_known")
        ),
        sa.CheckConstraint(
            "number_check IN ('none','s10')", name=op.f("ck_couriers_number_check_known")
        ),
        sa.CheckConstraint("cod_fee_least >= 0", name=op.f("ck_couriers_cod_fee_not_negative")),
        sa.CheckConstraint(
            "cod_fee_percent BETWEEN 0 AND 100", name=op.f("ck_couriers_cod_fee_percent_sensible")
        ),
        sa.CheckConstraint("cod_most > 0", name=op.f("ck_couriers_cod_most_positive")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_couriers")),
    )
    op.create_table(
        "delivery_routes",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column(
            "areas",
            postgresql.ARRAY(sa.String(length=40)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "weekdays",
            postgresql.ARRAY(sa.Integer()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "weekdays <@ ARRAY[1,2,3,4,5,6,7]", name=op.f("ck_delivery_routes_weekdays_known")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_delivery_routes")),
    )
    op.create_table(
        "vehicles",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("plate", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=True),
        sa.Column("capacity_g", sa.BigInteger(), nullable=False),
        sa.Column("capacity_ml", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "capacity_g > 0 AND capacity_ml > 0", name=op.f("ck_vehicles_capacity_positive")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_vehicles")),
        sa.UniqueConstraint("plate", name=op.f("uq_vehicles_plate")),
    )
    op.create_table(
        "courier_tariffs",
        sa.Column("courier_code", sa.String(length=30), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "areas",
            postgresql.ARRAY(sa.String(length=40)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("over_g", sa.Integer(), server_default="0", nullable=False),
        sa.Column("up_to_g", sa.Integer(), nullable=True),
        sa.Column("first_g", sa.Integer(), nullable=False),
        sa.Column("first_price", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("further_g", sa.Integer(), nullable=False),
        sa.Column("further_price", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.CheckConstraint("days BETWEEN 0 AND 90", name=op.f("ck_courier_tariffs_days_sensible")),
        sa.CheckConstraint(
            "first_g > 0 AND further_g > 0", name=op.f("ck_courier_tariffs_steps_positive")
        ),
        sa.CheckConstraint(
            "first_price >= 0 AND further_price >= 0",
            name=op.f("ck_courier_tariffs_prices_not_negative"),
        ),
        sa.CheckConstraint(
            "over_g >= 0 AND (up_to_g IS NULL OR up_to_g > over_g)",
            name=op.f("ck_courier_tariffs_bracket"),
        ),
        sa.ForeignKeyConstraint(
            ["courier_code"],
            ["couriers.code"],
            name=op.f("fk_courier_tariffs_courier_code_couriers"),
        ),
        sa.PrimaryKeyConstraint("courier_code", "place", name=op.f("pk_courier_tariffs")),
    )
    op.create_table(
        "drivers",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_drivers_user_id_users")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_drivers")),
        sa.UniqueConstraint("user_id", name=op.f("uq_drivers_user_id")),
    )
    op.create_table(
        "waybill_number_ranges",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("courier_code", sa.String(length=30), nullable=False),
        sa.Column("prefix", sa.String(length=10), server_default="", nullable=False),
        sa.Column("suffix", sa.String(length=10), server_default="", nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("first_serial", sa.BigInteger(), nullable=False),
        sa.Column("last_serial", sa.BigInteger(), nullable=False),
        sa.Column("next_serial", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "first_serial >= 0 AND last_serial >= first_serial",
            name=op.f("ck_waybill_number_ranges_in_order"),
        ),
        sa.CheckConstraint(
            "next_serial BETWEEN first_serial AND last_serial + 1",
            name=op.f("ck_waybill_number_ranges_next_within"),
        ),
        sa.CheckConstraint(
            "width BETWEEN 1 AND 18", name=op.f("ck_waybill_number_ranges_width_sensible")
        ),
        sa.ForeignKeyConstraint(
            ["courier_code"],
            ["couriers.code"],
            name=op.f("fk_waybill_number_ranges_courier_code_couriers"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_waybill_number_ranges_created_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waybill_number_ranges")),
    )
    op.create_index(
        "ix_waybill_number_ranges_courier_code",
        "waybill_number_ranges",
        ["courier_code", "id"],
        unique=False,
    )
    op.create_table(
        "delivery_route_customers",
        sa.Column("route_code", sa.String(length=30), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_delivery_route_customers_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["route_code"],
            ["delivery_routes.code"],
            name=op.f("fk_delivery_route_customers_route_code_delivery_routes"),
        ),
        sa.PrimaryKeyConstraint(
            "route_code", "customer_id", name=op.f("pk_delivery_route_customers")
        ),
    )
    op.create_index(
        "ix_delivery_route_customers_customer_id",
        "delivery_route_customers",
        ["customer_id"],
        unique=False,
    )
    op.create_table(
        "delivery_runs",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("courier_code", sa.String(length=30), nullable=False),
        sa.Column("route_code", sa.String(length=30), nullable=True),
        sa.Column("vehicle_code", sa.String(length=30), nullable=False),
        sa.Column("driver_code", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="planned", nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "state IN ('planned','loaded','out','settled','cancelled')",
            name=op.f("ck_delivery_runs_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["courier_code"], ["couriers.code"], name=op.f("fk_delivery_runs_courier_code_couriers")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_delivery_runs_created_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["driver_code"], ["drivers.code"], name=op.f("fk_delivery_runs_driver_code_drivers")
        ),
        sa.ForeignKeyConstraint(
            ["route_code"],
            ["delivery_routes.code"],
            name=op.f("fk_delivery_runs_route_code_delivery_routes"),
        ),
        sa.ForeignKeyConstraint(
            ["vehicle_code"], ["vehicles.code"], name=op.f("fk_delivery_runs_vehicle_code_vehicles")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_runs")),
        sa.UniqueConstraint("number", name=op.f("uq_delivery_runs_number")),
    )
    op.create_index("ix_delivery_runs_day", "delivery_runs", ["day", "id"], unique=False)
    op.create_index(
        op.f("ix_delivery_runs_driver_code"), "delivery_runs", ["driver_code"], unique=False
    )
    op.create_index(
        op.f("ix_delivery_runs_vehicle_code"), "delivery_runs", ["vehicle_code"], unique=False
    )
    op.create_table(
        "order_consignees",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(length=100), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("province", sa.String(length=20), nullable=True),
        sa.Column("city", sa.String(length=20), nullable=True),
        sa.Column("district", sa.String(length=30), nullable=True),
        sa.Column("street", sa.String(length=300), nullable=False),
        sa.Column("postcode", sa.String(length=10), nullable=True),
        sa.Column("way", sa.String(length=20), server_default="standard", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "way IN ('standard','urgent','self_collection')",
            name=op.f("ck_order_consignees_way_known"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_consignees_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_consignees")),
    )
    op.create_table(
        "waybills",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("courier_code", sa.String(length=30), nullable=False),
        sa.Column("number", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=12), server_default="created", nullable=False),
        sa.Column("weight_g", sa.Integer(), nullable=False),
        sa.Column("volume_ml", sa.Integer(), nullable=False),
        sa.Column("freight", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column(
            "cod_amount", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False
        ),
        sa.Column("cod_fee", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("collected", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("days", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "why",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint("kind IN ('outward','return')", name=op.f("ck_waybills_kind_known")),
        sa.CheckConstraint(
            "state IN ('created','handed_over','in_transit','delivered','refused','lost','returned','void')",
            name=op.f("ck_waybills_state_known"),
        ),
        sa.CheckConstraint(
            "cod_amount >= 0 AND collected >= 0", name=op.f("ck_waybills_cash_not_negative")
        ),
        sa.CheckConstraint(
            "freight >= 0 AND cod_fee >= 0", name=op.f("ck_waybills_costs_not_negative")
        ),
        sa.CheckConstraint(
            "weight_g >= 0 AND volume_ml >= 0", name=op.f("ck_waybills_measures_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["courier_code"], ["couriers.code"], name=op.f("fk_waybills_courier_code_couriers")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_waybills_created_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_waybills_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waybills")),
        sa.UniqueConstraint("courier_code", "number", name=op.f("uq_waybills_courier_code_number")),
    )
    op.create_index(
        "ix_waybills_due",
        "waybills",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('handed_over','in_transit') AND late_at IS NULL"),
    )
    op.create_index("ix_waybills_order_id", "waybills", ["order_id"], unique=False)
    op.create_index(
        "uq_waybills_outward",
        "waybills",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'outward' AND state <> 'void'"),
    )
    op.create_table(
        "run_returns",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("waybill_id", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_run_returns_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["delivery_runs.id"], name=op.f("fk_run_returns_run_id_delivery_runs")
        ),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_run_returns_sku_products")
        ),
        sa.ForeignKeyConstraint(
            ["waybill_id"], ["waybills.id"], name=op.f("fk_run_returns_waybill_id_waybills")
        ),
        sa.PrimaryKeyConstraint("run_id", "waybill_id", "sku", name=op.f("pk_run_returns")),
    )
    op.create_table(
        "run_stops",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("waybill_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("open", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "cash_due", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False
        ),
        sa.Column("result", sa.String(length=20), nullable=True),
        sa.Column(
            "cash_collected", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False
        ),
        sa.Column("note", sa.String(length=300), nullable=True),
        sa.CheckConstraint(
            "result IS NULL OR result IN ('delivered','refused','not_delivered')",
            name=op.f("ck_run_stops_result_known"),
        ),
        sa.CheckConstraint(
            "cash_due >= 0 AND cash_collected >= 0", name=op.f("ck_run_stops_cash_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["delivery_runs.id"], name=op.f("fk_run_stops_run_id_delivery_runs")
        ),
        sa.ForeignKeyConstraint(
            ["waybill_id"], ["waybills.id"], name=op.f("fk_run_stops_waybill_id_waybills")
        ),
        sa.PrimaryKeyConstraint("run_id", "waybill_id", name=op.f("pk_run_stops")),
    )
    op.create_index(
        "uq_run_stops_open",
        "run_stops",
        ["waybill_id"],
        unique=True,
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "waybill_events",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("waybill_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place", sa.String(length=100), nullable=True),
        sa.Column("signer", sa.String(length=50), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=True),
        sa.Column("collected", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("reported_by", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=True),
        sa.Column("resolved_by", sa.Integer(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "code IN ('accepted','in_transit','out_for_delivery','not_delivered','delivered','refused','lost','returned')",
            name=op.f("ck_waybill_events_code_known"),
        ),
        sa.CheckConstraint(
            "outcome IN ('applied','noted','conflict')",
            name=op.f("ck_waybill_events_outcome_known"),
        ),
        sa.CheckConstraint("collected >= 0", name=op.f("ck_waybill_events_collected_not_negative")),
        sa.ForeignKeyConstraint(
            ["reported_by"], ["users.id"], name=op.f("fk_waybill_events_reported_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by"], ["users.id"], name=op.f("fk_waybill_events_resolved_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["waybill_id"], ["waybills.id"], name=op.f("fk_waybill_events_waybill_id_waybills")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waybill_events")),
        sa.UniqueConstraint("waybill_id", "key", name=op.f("uq_waybill_events_waybill_id_key")),
    )
    op.create_index(
        "ix_waybill_events_conflict",
        "waybill_events",
        ["id"],
        unique=False,
        postgresql_where=sa.text("outcome = 'conflict' AND resolved_at IS NULL"),
    )
    op.add_column("product_packs", sa.Column("weight_g", sa.Integer(), nullable=True))
    op.add_column("product_packs", sa.Column("volume_ml", sa.Integer(), nullable=True))
    op.add_column("products", sa.Column("weight_g", sa.Integer(), nullable=True))
    op.add_column("products", sa.Column("volume_ml", sa.Integer(), nullable=True))
    for table in ("products", "product_packs"):
        for column, name in (("weight_g", "weight_positive"), ("volume_ml", "volume_positive")):
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} > 0")
    for right, roles in _NEW_RIGHTS:
        op.execute(_GIVE.bindparams(right=right, roles=roles))


def downgrade() -> None:
    op.execute("DELETE FROM role_rights WHERE right_code LIKE 'delivery.%'")
    op.drop_column("products", "volume_ml")
    op.drop_column("products", "weight_g")
    op.drop_column("product_packs", "volume_ml")
    op.drop_column("product_packs", "weight_g")
    op.drop_index(
        "ix_waybill_events_conflict",
        table_name="waybill_events",
        postgresql_where=sa.text("outcome = 'conflict' AND resolved_at IS NULL"),
    )
    op.drop_table("waybill_events")
    op.drop_index("uq_run_stops_open", table_name="run_stops", postgresql_where=sa.text("open"))
    op.drop_table("run_stops")
    op.drop_table("run_returns")
    op.drop_index(
        "uq_waybills_outward",
        table_name="waybills",
        postgresql_where=sa.text("kind = 'outward' AND state <> 'void'"),
    )
    op.drop_index("ix_waybills_order_id", table_name="waybills")
    op.drop_index(
        "ix_waybills_due",
        table_name="waybills",
        postgresql_where=sa.text("state IN ('handed_over','in_transit') AND late_at IS NULL"),
    )
    op.drop_table("waybills")
    op.drop_table("order_consignees")
    op.drop_index(op.f("ix_delivery_runs_vehicle_code"), table_name="delivery_runs")
    op.drop_index(op.f("ix_delivery_runs_driver_code"), table_name="delivery_runs")
    op.drop_index("ix_delivery_runs_day", table_name="delivery_runs")
    op.drop_table("delivery_runs")
    op.drop_index("ix_delivery_route_customers_customer_id", table_name="delivery_route_customers")
    op.drop_table("delivery_route_customers")
    op.drop_index("ix_waybill_number_ranges_courier_code", table_name="waybill_number_ranges")
    op.drop_table("waybill_number_ranges")
    op.drop_table("drivers")
    op.drop_table("courier_tariffs")
    op.drop_table("vehicles")
    op.drop_table("delivery_routes")
    op.drop_table("couriers")
