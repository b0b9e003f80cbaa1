"""The ledger of attempts cannot be altered unseen.

Rule: a trigger refuses every change of an attempt but to end it once and, when a person is erased, to empty the number;
another writes what it came to into the audit trail, in the transaction that ends it. That is the simplest that holds: no
writer can forget the entry, whichever way an attempt ends, and the trail is sealed and anchored already, so that who may
switch triggers off is found out by holding the two against each other (`dialer.ledger.service`). The number stands in the
entry as a salted digest; with its salt goes what could be told from it.
"""

from typing import Any

from sqlalchemy import Connection

ACTION, ENTITY = "dialler.attempt", "attempt"
_REFUSED = "USING ERRCODE = 'insufficient_privilege'"
_FIXED = ("call_id", "callback_id", "contact_id", "message_token", "agent_id", "rules", "at")
_ENDING = ("answered_at", "agent_at", "ended_at", "result", "cause", "tech_cause")


def _row(of: str, columns: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"{of}.{each}" for each in columns) + ")"


def _fact(column: str) -> str:
    """Times by one clock, whatever the session's zone is."""
    told = (
        f"a.{column} AT TIME ZONE 'UTC'"
        if column == "at" or column[-3:] == "_at"
        else f"a.{column}"
    )
    return f"'{column}', {told}"


_FACTS = f"""\
CREATE OR REPLACE FUNCTION attempt_facts(a attempts) RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT jsonb_build_object(
    'number', encode(sha256(a.salt || convert_to(a.number, 'UTF8')), 'hex'),
    {", ".join(_fact(each) for each in (*_FIXED, *_ENDING) if each != "call_id")}
)
$$"""
_GUARD = f"""\
CREATE OR REPLACE FUNCTION attempts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {_row("NEW", _FIXED)} IS DISTINCT FROM {_row("OLD", _FIXED)}
        OR ((NEW.number, NEW.salt) IS DISTINCT FROM (OLD.number, OLD.salt)
            AND NOT (NEW.number = '' AND NEW.salt IS NULL))
        OR (OLD.result IS NOT NULL
            AND {_row("NEW", _ENDING)} IS DISTINCT FROM {_row("OLD", _ENDING)})
    THEN
        RAISE EXCEPTION 'the ledger of attempts cannot be changed (call %)', OLD.call_id {_REFUSED};
    END IF;
    RETURN NEW;
END $$"""
_REFUSE = f"""\
CREATE OR REPLACE FUNCTION attempts_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of attempts is refused: the ledger is only ever added to', TG_OP {_REFUSED};
END $$"""
_SEAL = f"""\
CREATE OR REPLACE FUNCTION attempts_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_log (action, entity, entity_id, after)
    VALUES ('{ACTION}', '{ENTITY}', NEW.call_id, attempt_facts(NEW));
    RETURN NULL;
END $$"""


def _trigger(name: str, when: str, runs: str) -> str:
    return f"CREATE OR REPLACE TRIGGER attempts_{name} {when} EXECUTE FUNCTION attempts_{runs}()"


STATEMENTS = (
    _FACTS,
    _GUARD,
    _REFUSE,
    _SEAL,
    _trigger("guard", "BEFORE UPDATE ON attempts FOR EACH ROW", "guard"),
    _trigger("delete", "BEFORE DELETE OR TRUNCATE ON attempts FOR EACH STATEMENT", "refuse"),
    _trigger(
        "end",
        "AFTER UPDATE ON attempts FOR EACH ROW WHEN (OLD.result IS NULL AND NEW.result IS NOT NULL)",
        "seal",
    ),
    _trigger(
        "ended", "AFTER INSERT ON attempts FOR EACH ROW WHEN (NEW.result IS NOT NULL)", "seal"
    ),
)


def protect(_table: object, connection: Connection, **_: Any) -> None:
    """For the event `after_create` of `attempts`."""
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement)
