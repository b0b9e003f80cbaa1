"""A closed period cannot change, by triggers on the ledgers. Rule: whatever books shares a lock that closing
takes alone, so nothing slips in while a period closes; what lies before the end of the last closed period is
refused, whoever asks and whatever the clock says.

Each statement is checked once, not each row: an order that books three lines pays for one look.
"""

from crm_core.refused import SQLSTATE

LOCK = 7_310_018
"""The advisory lock: shared by bookings, alone for closing and reopening."""

OPEN = f"""\
CREATE OR REPLACE FUNCTION accounting_period_open(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    border timestamptz;
    hit record;
BEGIN
    PERFORM pg_advisory_xact_lock_shared({LOCK});
    SELECT max(ends_at) INTO border FROM accounting_periods WHERE state = 'closed';
    IF moment < border THEN
        SELECT begins, ends INTO hit FROM accounting_periods
        WHERE state = 'closed' ORDER BY moment < ends_at DESC, ends_at LIMIT 1;
        RAISE EXCEPTION 'The accounting period % to % is closed: book it with a time after that, or have the period reopened.',
            hit.begins, hit.ends
            USING ERRCODE = '{SQLSTATE}', CONSTRAINT = 'period_closed',
                  DETAIL = CAST(json_build_object('begins', hit.begins, 'ends', hit.ends) AS text);
    END IF;
END $$"""


def guard(table: str, column: str, *, only_added: bool = False) -> tuple[str, ...]:
    """The statements that protect a ledger; `column` is its booking time. With `only_added` something else
    keeps its rows from being changed.
    """
    checks = f"""\
CREATE OR REPLACE FUNCTION {table}_period() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE earliest timestamptz;
BEGIN
    SELECT min({column}) INTO earliest FROM booked;
    IF earliest IS NOT NULL THEN
        PERFORM accounting_period_open(earliest);
    END IF;
    RETURN NULL;
END $$"""
    made = [checks, _trigger(table, "insert", "NEW TABLE AS booked")]
    if not only_added:
        made += [
            _trigger(table, "delete", "OLD TABLE AS booked"),
            _trigger(table, "update", "OLD TABLE AS booked"),
            _trigger(table, "update", "NEW TABLE AS booked", suffix="d"),
        ]
    return tuple(made)


def _trigger(table: str, event: str, rows: str, *, suffix: str = "") -> str:
    return f"""\
CREATE OR REPLACE TRIGGER {table}_period_{event}{suffix} AFTER {event.upper()} ON {table}
    REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {table}_period()"""


# What is personal in an invoice is erased whenever somebody asks for it; what it says in the ledger stays.
_KEPT = (
    "state",
    "issued_at",
    "code",
    "number",
    "gross",
    "net",
    "tax",
    "kind",
    "order_id",
    "red_of",
)
INVOICES = (
    """\
CREATE OR REPLACE FUNCTION invoices_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.issued_at IS NOT NULL THEN
        PERFORM accounting_period_open(OLD.issued_at);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.issued_at IS NOT NULL THEN
        PERFORM accounting_period_open(NEW.issued_at);
    END IF;
    RETURN NULL;
END $$""",
    f"""\
CREATE OR REPLACE TRIGGER invoices_period AFTER INSERT OR DELETE OR UPDATE OF {", ".join(_KEPT)} ON invoices
    FOR EACH ROW EXECUTE FUNCTION invoices_period()""",
)
"""An invoice and a red letter alike stand in the period in which they are issued: a red letter of today takes back what
was invoiced in a closed one.
"""
STOCK_MOVES = guard("stock_moves", "at", only_added=True)
PAYMENT_ENTRIES = guard("payment_entries", "booked_at", only_added=True)
SUPPLIER_CHARGES = guard("supplier_charges", "booked_at")
SETTLEMENT_PAYMENTS = guard("settlement_payments", "booked_at")
GUARDED = (
    "stock_moves",
    "payment_entries",
    "supplier_charges",
    "settlement_payments",
    "invoices",
)
