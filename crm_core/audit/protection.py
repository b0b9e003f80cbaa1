"""What PostgreSQL itself refuses: altering, deleting or emptying the audit trail and its seals.

Rule: the only ways around are a redaction and an expiry, and each needs its own entry, written in the
same transaction and named by a setting of that transaction. Triggers stop programs and people with
an ordinary log-in; who may switch triggers off is found out by the seals (see `verification`).

`LOG` and `SEALS` are run after the tables are made; a migration runs them by `op.execute`, and
`ADOPT` before them when there are entries from before.
"""

from typing import Any

from sqlalchemy import Connection

from crm_core.audit.digests import digest, payload_digest

REDACTING = "zongji.audit_redaction"
EXPIRING = "zongji.audit_expiry"
REDACT_ACTION = "audit.redact"
EXPIRE_ACTION = "audit.expire"

_XID = "pg_current_xact_id()::text::bigint"
_SALT = "uuid_send(gen_random_uuid())"
_REFUSED = "USING ERRCODE = 'insufficient_privilege'"

_WRITE = f"""\
CREATE OR REPLACE FUNCTION audit_log_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.at := transaction_timestamp();
    NEW.xid := {_XID};
    NEW.salt := {_SALT};
    NEW.redacted_at := NULL;
    NEW.redacted_by := NULL;
    NEW.redaction_id := NULL;
    NEW.payload_digest := {payload_digest("NEW")};
    NEW.digest := {digest("NEW")};
    RETURN NEW;
END $$"""

# Whatever the statement sets, all that happens is the redaction that its entry tells of.
_REDACT = f"""\
CREATE OR REPLACE FUNCTION audit_log_redact() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry record;
BEGIN
    SELECT e.id, e.actor_id INTO entry FROM audit_log AS e
    WHERE e.id = nullif(current_setting('{REDACTING}', true), '')::bigint
        AND e.action = '{REDACT_ACTION}' AND e.xid = {_XID}
        AND e.after -> 'row_ids' @> to_jsonb(OLD.id);
    IF entry.id IS NULL OR OLD.redacted_at IS NOT NULL OR starts_with(OLD.action, 'audit.') THEN
        RAISE EXCEPTION 'the audit trail cannot be changed (entry %)', OLD.id {_REFUSED};
    END IF;
    OLD.before := NULL;
    OLD.after := NULL;
    OLD.salt := NULL;
    OLD.redacted_at := transaction_timestamp();
    OLD.redacted_by := entry.actor_id;
    OLD.redaction_id := entry.id;
    RETURN OLD;
END $$"""

_EXPIRE = f"""\
CREATE OR REPLACE FUNCTION audit_log_expire() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    seal record;
BEGIN
    SELECT s.last_xid, s.last_row_id, s.era_row_id INTO seal
    FROM audit_log AS e JOIN audit_seals AS s ON s.id = (e.after ->> 'last_seal')::bigint
    WHERE e.id = nullif(current_setting('{EXPIRING}', true), '')::bigint
        AND e.action = '{EXPIRE_ACTION}' AND e.xid = {_XID};
    IF seal.last_xid IS NULL OR EXISTS (
        SELECT FROM gone WHERE gone.id > seal.era_row_id
            AND (gone.xid, gone.id) > (seal.last_xid, seal.last_row_id)
    ) THEN
        RAISE EXCEPTION 'nothing can be deleted from the audit trail' {_REFUSED}, HINT =
            'Entries that are old enough are archived by zongji audit expire.';
    END IF;
    RETURN NULL;
END $$"""

_REFUSE = f"""\
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the audit trail is only ever added to',
        TG_OP, TG_TABLE_NAME {_REFUSED};
END $$"""

_EACH_ROW = "FOR EACH ROW EXECUTE FUNCTION"
_EACH_STATEMENT = "FOR EACH STATEMENT EXECUTE FUNCTION"


def _trigger(name: str, when: str, runs: str) -> str:
    return f"CREATE OR REPLACE TRIGGER {name} {when} {runs}()"


LOG = (
    _WRITE,
    _REDACT,
    _EXPIRE,
    _REFUSE,
    _trigger("audit_log_write", "BEFORE INSERT ON audit_log", f"{_EACH_ROW} audit_log_write"),
    _trigger("audit_log_redact", "BEFORE UPDATE ON audit_log", f"{_EACH_ROW} audit_log_redact"),
    _trigger(
        "audit_log_expire",
        "AFTER DELETE ON audit_log REFERENCING OLD TABLE AS gone",
        f"{_EACH_STATEMENT} audit_log_expire",
    ),
    _trigger(
        "audit_log_truncate", "BEFORE TRUNCATE ON audit_log", f"{_EACH_STATEMENT} audit_refuse"
    ),
)
SEALS = (
    _REFUSE,
    _trigger(
        "audit_seals_refuse",
        "BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals",
        f"{_EACH_STATEMENT} audit_refuse",
    ),
)
ADOPT = (
    f"UPDATE audit_log SET xid = {_XID}, salt = {_SALT}",
    f"UPDATE audit_log SET payload_digest = {payload_digest('audit_log')}",
    f"UPDATE audit_log SET digest = {digest('audit_log')}",
)
REMOVE = (
    "DROP TRIGGER IF EXISTS audit_seals_refuse ON audit_seals",
    *(
        f"DROP TRIGGER IF EXISTS audit_log_{name} ON audit_log"
        for name in ("write", "redact", "expire", "truncate")
    ),
    "DROP FUNCTION IF EXISTS audit_log_write, audit_log_redact, audit_log_expire, audit_refuse",
)


def protect_log(_table: object, connection: Connection, **_: Any) -> None:
    """For the event `after_create` of `audit_log`."""
    _run(connection, LOG)


def protect_seals(_table: object, connection: Connection, **_: Any) -> None:
    """For the event `after_create` of `audit_seals`."""
    _run(connection, SEALS)


def _run(connection: Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)
