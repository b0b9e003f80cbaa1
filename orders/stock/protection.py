"""What PostgreSQL itself refuses: altering or deleting the ledger and documents that are posted, and giving
a product a shelf life, or taking it away, while goods of it are there.

Rule: a wrong move or document is mended by its opposite. The statements run after the tables are made;
a migration has its own copy of them as they were then.
"""

from typing import Any

from sqlalchemy import Connection

SHELF_LIFE = "shelf_life_of_stock"
OPEN_MAIN = (
    (
        "INSERT INTO warehouses (code, name_zh, name_en) VALUES ('main', '总仓', 'Main warehouse')"
        " ON CONFLICT DO NOTHING"
    ),
)
_REFUSE = """\
CREATE OR REPLACE FUNCTION stock_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what is posted is mended by its opposite',
        TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$"""
_REFUSE_POSTED = """\
CREATE OR REPLACE FUNCTION stock_document_posted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state IN ('posted', 'cancelled') THEN
        RAISE EXCEPTION 'document % is posted: reverse it', OLD.number
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$"""
_REFUSE_LINES = """\
CREATE OR REPLACE FUNCTION stock_document_line_posted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR EXISTS (
        SELECT FROM stock_documents d WHERE d.id = OLD.document_id AND d.state IN ('posted', 'cancelled')
    ) THEN
        RAISE EXCEPTION 'document % is posted: reverse it', OLD.document_id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$"""
_SHELF_LIFE = f"""\
CREATE OR REPLACE FUNCTION product_shelf_life() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM stock s WHERE s.sku = NEW.sku AND s.on_hand > 0) THEN
        RAISE EXCEPTION 'goods of % are there ({SHELF_LIFE})', NEW.sku
            USING ERRCODE = 'check_violation', CONSTRAINT = '{SHELF_LIFE}';
    END IF;
    RETURN NEW;
END $$"""


def _only_added_to(table: str) -> str:
    return (
        f"CREATE OR REPLACE TRIGGER {table}_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION stock_refuse()"
    )


MOVES = (_REFUSE, _only_added_to("stock_moves"))
BATCH_MOVES = (_REFUSE, _only_added_to("stock_batch_moves"))
SHELF_LIVES = (
    _SHELF_LIFE,
    (
        "CREATE OR REPLACE TRIGGER product_shelf_life BEFORE UPDATE OF shelf_life_days ON products"
        " FOR EACH ROW WHEN ((OLD.shelf_life_days IS NULL) <> (NEW.shelf_life_days IS NULL))"
        " EXECUTE FUNCTION product_shelf_life()"
    ),
)
DOCUMENTS = (
    _REFUSE_POSTED,
    (
        "CREATE OR REPLACE TRIGGER stock_document_posted BEFORE UPDATE OR DELETE ON stock_documents"
        " FOR EACH ROW EXECUTE FUNCTION stock_document_posted()"
    ),
)
DOCUMENT_LINES = (
    _REFUSE_LINES,
    (
        "CREATE OR REPLACE TRIGGER stock_document_line_posted"
        " BEFORE UPDATE OR DELETE ON stock_document_lines"
        " FOR EACH ROW EXECUTE FUNCTION stock_document_line_posted()"
    ),
)


def open_main(_table: object, connection: Connection, **_: Any) -> None:
    """For the event `after_create` of `warehouses`: there is always one."""
    _run(connection, OPEN_MAIN)


def protect_moves(_table: object, connection: Connection, **_: Any) -> None:
    """For the event `after_create` of `stock_moves`."""
    _run(connection, MOVES)


def protect_batch_moves(_table: object, connection: Connection, **_: Any) -> None:
    """For the event `after_create` of `stock_batch_moves`."""
    _run(connection, BATCH_MOVES)


def protect_shelf_life(_table: object, connection: Connection, **_: Any) -> None:
    """For the event `after_create` of `stock`, which comes after `products`."""
    _run(connection, SHELF_LIVES)


def protect_documents(_table: object, connection: Connection, **_: Any) -> None:
    """For the event `after_create` of `stock_documents`."""
    _run(connection, DOCUMENTS)


def protect_lines(_table: object, connection: Connection, **_: Any) -> None:
    """For the event `after_create` of `stock_document_lines`."""
    _run(connection, DOCUMENT_LINES)


def _run(connection: Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)
