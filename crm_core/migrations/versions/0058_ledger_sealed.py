"""The ledger of attempts cannot be altered unseen; it keeps the SIP code and when an agent spoke."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0058"
down_revision: str | Sequence[str] | None = "0057"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COLUMN = "(substring(tech_cause FROM '\\m[1-6][0-9]{2}\\M'))::integer"
_STATEMENTS = (
    """CREATE OR REPLACE FUNCTION attempt_facts(a attempts) RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT jsonb_build_object(
    'number', encode(sha256(a.salt || convert_to(a.number, 'UTF8')), 'hex'),
    'callback_id', a.callback_id, 'contact_id', a.contact_id, 'message_token', a.message_token, 'agent_id', a.agent_id, 'rules', a.rules, 'at', a.at AT TIME ZONE 'UTC', 'answered_at', a.answered_at AT TIME ZONE 'UTC', 'agent_at', a.agent_at AT TIME ZONE 'UTC', 'ended_at', a.ended_at AT TIME ZONE 'UTC', 'result', a.result, 'cause', a.cause, 'tech_cause', a.tech_cause
)
$$""",
    """CREATE OR REPLACE FUNCTION attempts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.call_id, NEW.callback_id, NEW.contact_id, NEW.message_token, NEW.agent_id, NEW.rules, NEW.at) IS DISTINCT FROM (OLD.call_id, OLD.callback_id, OLD.contact_id, OLD.message_token, OLD.agent_id, OLD.rules, OLD.at)
        OR ((NEW.number, NEW.salt) IS DISTINCT FROM (OLD.number, OLD.salt)
            AND NOT (NEW.number = '' AND NEW.salt IS NULL))
        OR (OLD.result IS NOT NULL
            AND (NEW.answered_at, NEW.agent_at, NEW.ended_at, NEW.result, NEW.cause, NEW.tech_cause) IS DISTINCT FROM (OLD.answered_at, OLD.agent_at, OLD.ended_at, OLD.result, OLD.cause, OLD.tech_cause))
    THEN
        RAISE EXCEPTION 'the ledger of attempts cannot be changed (call %)', OLD.call_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$""",
    """CREATE OR REPLACE FUNCTION attempts_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of attempts is refused: the ledger is only ever added to', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$""",
    """CREATE OR REPLACE FUNCTION attempts_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_log (action, entity, entity_id, after)
    VALUES ('dialler.attempt', 'attempt', NEW.call_id, attempt_facts(NEW));
    RETURN NULL;
END $$""",
    """CREATE OR REPLACE TRIGGER attempts_guard BEFORE UPDATE ON attempts FOR EACH ROW EXECUTE FUNCTION attempts_guard()""",
    """CREATE OR REPLACE TRIGGER attempts_delete BEFORE DELETE OR TRUNCATE ON attempts FOR EACH STATEMENT EXECUTE FUNCTION attempts_refuse()""",
    """CREATE OR REPLACE TRIGGER attempts_end AFTER UPDATE ON attempts FOR EACH ROW WHEN (OLD.result IS NULL AND NEW.result IS NOT NULL) EXECUTE FUNCTION attempts_seal()""",
    """CREATE OR REPLACE TRIGGER attempts_ended AFTER INSERT ON attempts FOR EACH ROW WHEN (NEW.result IS NOT NULL) EXECUTE FUNCTION attempts_seal()""",
    """INSERT INTO audit_log (action, entity, entity_id, after)
SELECT 'dialler.attempt', 'attempt', a.call_id, attempt_facts(a) FROM attempts a
WHERE a.result IS NOT NULL ORDER BY a.at""",
)
_REMOVE = (
    "DROP TRIGGER attempts_guard ON attempts",
    "DROP TRIGGER attempts_delete ON attempts",
    "DROP TRIGGER attempts_end ON attempts",
    "DROP TRIGGER attempts_ended ON attempts",
    "DROP FUNCTION attempts_guard, attempts_refuse, attempts_seal, attempt_facts(attempts)",
)


def upgrade() -> None:
    op.add_column(
        "attempts",
        sa.Column("sip_code", sa.Integer(), sa.Computed(_COLUMN, persisted=True), nullable=True),
    )
    op.add_column("attempts", sa.Column("agent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "attempts",
        sa.Column(
            "salt",
            sa.LargeBinary(),
            server_default=sa.text("uuid_send(gen_random_uuid())"),
            nullable=True,
        ),
    )
    op.execute("UPDATE attempts SET salt = NULL WHERE number = ''")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for statement in _REMOVE:
        op.execute(statement)
    for column in ("salt", "agent_at", "sip_code"):
        op.drop_column("attempts", column)
