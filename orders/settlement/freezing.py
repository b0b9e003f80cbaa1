"""What a confirmed settlement keeps, by triggers. Rule: items come and go only while it is a draft; it is confirmed
when its balance is the sum of its items and its day is in no closed period; after that only money and progress
are added.
"""

ITEMS = """\
CREATE OR REPLACE FUNCTION settlement_items_of_draft() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong integer;
BEGIN
    PERFORM FROM settlements WHERE id IN (SELECT settlement_id FROM changed) ORDER BY id FOR SHARE;
    SELECT c.settlement_id INTO wrong
    FROM (SELECT DISTINCT settlement_id FROM changed) c
    LEFT JOIN settlements s ON s.id = c.settlement_id AND s.state IN ('draft','discarded')
    WHERE s.id IS NULL LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'items of settlement % change only while it is a draft', wrong
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$"""

SETTLEMENT = """\
CREATE OR REPLACE FUNCTION settlements_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'settlement % stays: discard it', OLD.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (OLD.party_kind, OLD.party_code, OLD.begins_at, OLD.ends_at)
        <> (NEW.party_kind, NEW.party_code, NEW.begins_at, NEW.ends_at)
        OR (OLD.state <> 'draft' AND OLD.balance <> NEW.balance)
        OR (OLD.confirmed_at IS NOT NULL AND OLD.confirmed_at IS DISTINCT FROM NEW.confirmed_at)
        OR (OLD.state, NEW.state) NOT IN (
            ('draft', 'draft'), ('draft', 'confirmed'), ('draft', 'discarded'), ('confirmed', 'confirmed'),
            ('confirmed', 'paid'), ('paid', 'paid'), ('discarded', 'discarded'))
    THEN
        RAISE EXCEPTION 'settlement % is % and keeps what it says', OLD.id, OLD.state
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF OLD.state = 'draft' AND NEW.state = 'confirmed' THEN
        PERFORM accounting_period_open(NEW.confirmed_at);
        IF NEW.balance <> (
            SELECT coalesce(sum(amount), 0) FROM settlement_items WHERE settlement_id = NEW.id
        ) THEN
            RAISE EXCEPTION 'the balance of settlement % is not the sum of its items', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_settlements_balance_is_the_sum';
        END IF;
    END IF;
    RETURN NEW;
END $$"""


def _changed(event: str, rows: str) -> str:
    return f"""\
CREATE OR REPLACE TRIGGER settlement_items_{event} AFTER {event.upper()} ON settlement_items
    REFERENCING {rows} AS changed FOR EACH STATEMENT EXECUTE FUNCTION settlement_items_of_draft()"""


OF_ITEMS = (
    ITEMS,
    _changed("insert", "NEW TABLE"),
    _changed("update", "OLD TABLE"),
    _changed("delete", "OLD TABLE"),
)
OF_SETTLEMENTS = (
    SETTLEMENT,
    """\
CREATE OR REPLACE TRIGGER settlements_keep BEFORE UPDATE OR DELETE ON settlements
    FOR EACH ROW EXECUTE FUNCTION settlements_keep()""",
)
