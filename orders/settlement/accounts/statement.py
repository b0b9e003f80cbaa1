"""The account of a customer who pays by the month (月结): what was delivered, what was paid, what is owed, what of it
beyond the terms.

Rule: opening balance, deliveries and payments of the period are the closing balance to the fen; goods that came back,
what is forgiven and what is settled without money count on the day it was said. An order that is paid otherwise
comes into it only when it is waived: with what was still owed of it, and that that is waived.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal

from sqlalchemy import text

from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.fields import Command
from crm_core.rights import Actor, Right
from orders.receipts.book import PAID_OF_O
from orders.sales.quote_commands import Day
from orders.settlement.accounts.overdue import OPEN_ORDERS

_MOST_LINES = 5_000
_LONGEST = timedelta(days=400)
# Each thing that changes what the customer owes: (at, kind, order, amount). Orders returned before there were
# documents of returns have none.
_MOVEMENTS = f"""
    SELECT min(l.at) AS at, 'delivered' AS kind, o.number, o.total AS amount
    FROM orders o JOIN order_status_log l ON l.order_id = o.id AND l.to_status = 'delivered'
    WHERE o.customer_id = :customer AND o.payment = 'account' GROUP BY o.id
    UNION ALL
    SELECT max(l.at), 'returned', o.number, -o.given_back
    FROM orders o JOIN order_status_log l ON l.order_id = o.id AND l.to_status = 'returned'
    WHERE o.customer_id = :customer AND o.payment = 'account' AND o.status = 'returned'
        AND NOT EXISTS (SELECT FROM order_returns r WHERE r.order_id = o.id)
        AND EXISTS (SELECT FROM order_status_log d WHERE d.order_id = o.id AND d.to_status = 'delivered')
    GROUP BY o.id
    UNION ALL
    SELECT l.at, 'returned', o.number, -r.value
    FROM orders o JOIN order_returns r ON r.order_id = o.id AND r.value > 0
    JOIN order_return_steps l ON l.return_id = r.id AND l.state = 'received'
    WHERE o.customer_id = :customer AND o.payment = 'account' AND r.kind <> 'refused_delivery'
    UNION ALL
    SELECT e.decided_at, 'forgiven', o.number, -e.refund
    FROM orders o JOIN order_exceptions e ON e.order_id = o.id AND e.refund > 0
    WHERE o.customer_id = :customer AND o.payment = 'account'
    UNION ALL
    SELECT w.at, k.kind, w.number, k.sign * w.owed
    FROM (SELECT max(l.at) AS at, o.number, o.payment, o.total - o.given_back - p.paid AS owed
          FROM orders o JOIN order_status_log l ON l.order_id = o.id AND l.to_status = 'settled'
          CROSS JOIN LATERAL (SELECT {PAID_OF_O} AS paid) p
          WHERE o.customer_id = :customer AND o.status = 'settled' AND p.paid < o.total - o.given_back
          GROUP BY o.id, p.paid) w
    JOIN (VALUES ('unpaid', 1), ('waived', -1)) k (kind, sign)
        ON k.kind = 'waived' OR w.payment IS DISTINCT FROM 'account'
    UNION ALL
    SELECT e.booked_at, CASE e.kind WHEN 'receipt' THEN 'paid' ELSE 'refunded' END, o.number,
           CASE e.kind WHEN 'receipt' THEN -e.amount ELSE e.amount END
    FROM orders o JOIN payment_entries e ON e.order_id = o.id
    WHERE o.customer_id = :customer AND o.payment = 'account'"""
_NOT_MONEY = "IN ('delivered','returned','forgiven','unpaid')"
_SUMS = text(f"""
WITH moved AS ({_MOVEMENTS})
SELECT coalesce(sum(amount) FILTER (WHERE at < :begins), 0) AS opening,
       coalesce(sum(amount) FILTER (WHERE at >= :begins AND kind {_NOT_MONEY}), 0) AS delivered,
       coalesce(-sum(amount) FILTER (WHERE at >= :begins AND NOT kind {_NOT_MONEY}), 0) AS paid,
       coalesce(sum(amount), 0) AS closing
FROM moved WHERE at < :until""")
_LINES = text(f"""
WITH moved AS ({_MOVEMENTS})
SELECT at, kind, number, amount FROM moved WHERE at >= :begins AND at < :until
ORDER BY at, number, kind LIMIT {_MOST_LINES}""")
_OPEN = text(f"""
WITH owed AS ({OPEN_ORDERS} AND o.customer_id = :customer)
SELECT number, delivered_at, due_on, total, paid, greatest(CAST(:today AS date) - due_on, 0) AS days_over
FROM owed ORDER BY due_on, id LIMIT {_MOST_LINES}""")


class AccountQuery(Command):
    """The days, both within it."""

    begins: Day
    ends: Day


@dataclass(frozen=True, slots=True)
class MovementView:
    """`amount` above nothing: the customer owes more."""

    at: datetime
    kind: str
    number: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class OpenOrderView:
    """An order that is not paid yet, as it is now; it is overdue since `days_over` days."""

    number: str
    delivered_at: datetime
    due_on: date
    total: Decimal
    paid: Decimal
    days_over: int


@dataclass(frozen=True, slots=True)
class AccountView:
    """`opening` + `delivered` − `paid` = `closing`; `overdue` is of now."""

    customer_id: int
    begins: date
    ends: date
    opening: Decimal
    delivered: Decimal
    paid: Decimal
    closing: Decimal
    overdue: Decimal
    movements: tuple[MovementView, ...]
    open_orders: tuple[OpenOrderView, ...]


class AccountService:
    """Every method may raise Forbidden, NotFound and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime], zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def of_customer(self, actor: Actor, customer_id: int, query: AccountQuery) -> AccountView:
        """Up to 5,000 movements and open orders. Raises Invalid (days)."""
        actor.require(Right.PAYMENT_VIEW)
        if not timedelta() <= query.ends - query.begins <= _LONGEST:
            raise Invalid("Choose days in their order, at most 400.", fields={"ends": "wrong"})
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            values = {
                "customer": seen,
                "begins": self._starts(query.begins),
                "until": self._starts(query.ends + timedelta(days=1)),
            }
            sums = (await connection.execute(_SUMS, values)).one()
            lines = await connection.execute(_LINES, values)
            today = self._clock().astimezone(self._zone).date()
            still = await connection.execute(
                _OPEN, {"customer": seen, "zone": str(self._zone), "today": today}
            )
            movements = tuple(MovementView(*row) for row in lines)
            open_orders = tuple(OpenOrderView(*row) for row in still)
        overdue = sum((o.total - o.paid for o in open_orders if o.days_over), Decimal(0))
        return AccountView(
            customer_id=seen,
            begins=query.begins,
            ends=query.ends,
            opening=sums.opening,
            delivered=sums.delivered,
            paid=sums.paid,
            closing=sums.closing,
            overdue=overdue,
            movements=movements,
            open_orders=open_orders,
        )

    def _starts(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)
