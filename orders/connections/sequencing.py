"""The worker that makes events of noted changes. Rule: one at a time in the whole house numbers them, so
that whoever has read up to a number has missed nothing below it; an event, what is to be delivered of it
and the papers that it sends out are one transaction.

An order goes out when it comes to a status of `send_on`; from then on its changes do too, where the other side can
change it, and what is split off it while it is picked.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import text

from crm_core.db import Database
from crm_core.statement import Statement
from crm_core.worker import Worker
from orders.connections.connectors import CONNECTORS

_CHANGING = sorted(kind for kind, connector in CONNECTORS.items() if connector.changes)
_EVERY_S = 1.0
_BATCH = 500
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('integration_events'))")

_NUMBER = Statement("""
WITH taken AS (
    DELETE FROM integration_queue
    WHERE id IN (SELECT id FROM integration_queue ORDER BY id LIMIT CAST(:batch AS int))
    RETURNING id, kind, subject_key, from_status, to_status, at
), kept AS (
    SELECT t.*, row_number() OVER (PARTITION BY t.kind, t.subject_key ORDER BY t.id DESC) AS place
    FROM taken t
), made AS (
    INSERT INTO integration_events (kind, subject, subject_key, from_status, to_status, at)
    SELECT k.kind, split_part(k.kind, '.', 1), k.subject_key, k.from_status, k.to_status, k.at
    FROM kept k
    WHERE k.place = 1 OR k.kind IN ('order.placed', 'order.moved')
    ORDER BY k.id
    RETURNING id, kind, subject, subject_key, to_status, at,
              CASE WHEN subject = 'order' THEN CAST(subject_key AS int) END AS order_id
), delivered AS (
    INSERT INTO webhook_deliveries (webhook_id, event_id, subject, subject_key, next_at)
    SELECT w.id, m.id, m.subject, m.subject_key, CAST(:now AS timestamptz)
    FROM made m JOIN webhooks w ON w.active AND m.kind = ANY (w.kinds)
    ORDER BY m.id
), leaving AS (
    INSERT INTO connection_documents
        (connection_id, direction, kind, outside_key, version, digest, body, next_at, received_at,
         order_id)
    SELECT c.id, 'out', 'order', m.subject_key, m.id, '', '{}', CAST(:now AS timestamptz),
           CAST(:now AS timestamptz), m.order_id
    FROM made m JOIN connections c ON c.active
    WHERE m.order_id IS NOT NULL AND (m.to_status = ANY (c.send_on)
       OR c.kind = ANY (CAST(:changing AS text[])) AND (
          (m.kind = 'order.changed' OR m.to_status IN ('review', 'reviewed', 'cancelled'))
            AND EXISTS (
              SELECT FROM connection_links l
              WHERE l.order_id = m.order_id AND l.connection_id = c.id AND l.state = 'sent')
          OR m.kind = 'order.placed' AND m.to_status = 'picking' AND EXISTS (
              SELECT FROM orders o
              JOIN orders f ON f.id = o.split_from OR f.split_from = o.split_from
              JOIN connection_links l ON l.order_id = f.id
              WHERE o.id = m.order_id AND l.connection_id = c.id AND l.state = 'sent')))
    ORDER BY m.id
)
SELECT count(*) AS taken FROM taken
""")


class EventSequencer(Worker):
    """Looks every second for changes."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime], batch: int = _BATCH
    ) -> None:
        super().__init__("event-sequencer", every_s=_EVERY_S, batch=batch)
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run_once(self) -> int:
        """How many changes were taken. Raises DatabaseUnavailable."""
        async with self._database.begin() as session:
            await session.execute(_ONE_AT_A_TIME)
            values = {"batch": self._batch, "now": self._clock(), "changing": _CHANGING}
            rows = await _NUMBER.write(session, values)
        return int(rows[0]["taken"])
