"""Reconciliation: a gateway's statements against our ledger."""

from datetime import date, datetime
from decimal import Decimal

from crm_core.rights import Right
from orders.payments.statements.service import StatementQuery, Taken
from orders.sales.quote_commands import Day
from webui.api.debits import read_file
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View

MOST_BYTES = 32 * 1024 * 1024


class OfDay(Model):
    day: Day


class StatementSearch(StatementQuery, Model):
    """Which statements to list."""


class StatementItem(View):
    """`unmatched` are movements that are not in the ledger, `missing_there` entries that are not in it."""

    id: int
    gateway: str
    day: date
    lines: int
    received: Decimal
    refunded: Decimal
    matched: int
    unmatched: int
    missing_there: int
    taken_by: int | None
    taken_at: datetime


class StatementLineItem(View):
    kind: str
    token: str
    reference: str
    amount: Decimal
    at: datetime
    entry_id: int | None


class UnreadRow(View):
    line_no: int
    row: str


class StatementList(View):
    items: tuple[StatementItem, ...]


class StatementAnswer(View):
    statement: StatementItem
    refused: tuple[UnreadRow, ...] = ()


class StatementDetail(View):
    statement: StatementItem
    lines: tuple[StatementLineItem, ...]


async def search(asked: Asked[Nothing, StatementSearch]) -> StatementList:
    """Statements, the newest first."""
    found = await asked.services.trade.statements.listed(asked.principal, asked.query)
    return StatementList(items=tuple(map(StatementItem.model_validate, found)))


async def take(asked: Asked[Nothing, OfDay]) -> StatementAnswer:
    """Hand in the gateway's statement of a day (the body is the file, at most 32 MB)."""
    content = await read_file(asked.request, MOST_BYTES)
    statements = asked.services.trade.statements
    return _answer(await statements.take(asked.principal, asked.query.day, content))


async def fetch(asked: Asked[OfDay, Nothing]) -> StatementAnswer:
    """Get the statement of a day from the gateway and reconcile it."""
    statements = asked.services.trade.statements
    return _answer(await statements.fetch(asked.principal, asked.body.day))


async def show(asked: Asked[Nothing, Nothing]) -> StatementDetail:
    """A statement with its movements, those that are not in the ledger first."""
    view, lines = await asked.services.trade.statements.get(asked.principal, int(asked.id))
    return StatementDetail(
        statement=StatementItem.model_validate(view),
        lines=tuple(map(StatementLineItem.model_validate, lines)),
    )


def _answer(taken: Taken) -> StatementAnswer:
    return StatementAnswer(
        statement=StatementItem.model_validate(taken.statement),
        refused=tuple(UnreadRow(line_no=line, row=row) for line, row in taken.refused),
    )


_VIEW, _MANAGE = needs(Right.PAYMENT_VIEW), needs(Right.PAYMENT_MANAGE)
_PATH = "/api/payment-statements"

ROUTES = (
    Route("GET", _PATH, search, _VIEW, query=StatementSearch, answer=StatementList),
    Route("POST", _PATH, take, _MANAGE, query=OfDay, answer=StatementAnswer, raw=True),
    Route("POST", f"{_PATH}/fetch", fetch, _MANAGE, OfDay, answer=StatementAnswer),
    Route("GET", f"{_PATH}/{NUMBER}", show, _VIEW, answer=StatementDetail),
)
