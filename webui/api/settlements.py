"""Settlement with couriers and suppliers: drafts, the party's own statement, differences, payments, the file."""

import asyncio
import tempfile
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

from aiohttp import web

from crm_core.fields import Version
from crm_core.rights import Right
from orders.settlement.commands import (
    ChangeSettlement,
    DifferenceQuery,
    ItemQuery,
    NewSettlement,
    NewSettlementPayment,
    ResolveAll,
    ResolveDifference,
    SettlementQuery,
)
from orders.settlement.service import SettlementService
from orders.settlement.views import SettlementDetail
from webui.asked import Asked, Model, Nothing
from webui.downloads import XLSX, made
from webui.routing import NUMBER, Route, needs
from webui.uploads import receive
from webui.views import View

MOST_BYTES = 32 * 1024 * 1024
_REFUSED_SHOWN = 100


class WantedDraft(NewSettlement, Model):
    """With whom, for which days."""


class WantedSettlementChange(ChangeSettlement, Model):
    """Which state of the draft is meant."""


class WantedPaying(NewSettlementPayment, Model):
    """Money that moved for a settlement."""


class WantedAnswer(ResolveDifference, Model):
    """How a difference came right."""


class WantedAnswers(ResolveAll, Model):
    """How all small differences came right."""


class SettlementSearch(SettlementQuery, Model):
    """Which settlements to list."""


class SettlementItemPage(ItemQuery, Model):
    """Which items to list."""


class SettlementDifferencePage(DifferenceQuery, Model):
    """Which differences to list."""


class OfDraft(Model):
    version: Version


class SettlementSummary(View):
    id: int
    number: str
    party_kind: str
    party_code: str
    begins: date
    ends: date
    state: str
    items: int
    balance: Decimal
    paid: Decimal
    statement_rows: int | None
    created_by: int | None
    created_at: datetime
    confirmed_by: int | None
    confirmed_at: datetime | None
    paid_at: datetime | None
    finished_at: datetime | None
    version: int
    differences: int
    done_items: int


class KindTotal(View):
    kind: str
    items: int
    amount: Decimal


class SettlementPaymentItem(View):
    id: int
    amount: Decimal
    method: str
    reference: str
    paid_at: datetime
    booked_at: datetime
    booked_by: int | None


class SettledItem(View):
    id: int
    kind: str
    subject: str
    subject_id: int
    reference: str
    at: datetime
    amount: Decimal
    told: Decimal | None


class SettlementDifferenceItem(View):
    id: int
    settlement_id: int
    kind: str
    reference: str
    ours: Decimal | None
    theirs: Decimal | None
    resolution: str | None
    reason: str | None
    resolved_by: int | None
    resolved_at: datetime | None


class RefusedStatementRow(View):
    row: int
    cells: tuple[str, ...]
    reason: str


class SettlementList(View):
    items: tuple[SettlementSummary, ...]


class SettlementAnswer(View):
    settlement: SettlementSummary
    totals: tuple[KindTotal, ...]
    payments: tuple[SettlementPaymentItem, ...]


class SettledItems(View):
    items: tuple[SettledItem, ...]


class SettlementDifferences(View):
    items: tuple[SettlementDifferenceItem, ...]


class SettlementDifferenceAnswer(View):
    difference: SettlementDifferenceItem


class StatementTaken(View):
    """`rows` were understood, `matched` of them agree with us; the first of the refused ones are shown."""

    detail: SettlementAnswer
    rows: int
    matched: int
    refused_rows: int
    refused: tuple[RefusedStatementRow, ...]


async def search(asked: Asked[Nothing, SettlementSearch]) -> SettlementList:
    """Settlements, the newest first."""
    found = await _service(asked).listed(asked.principal, asked.query)
    return SettlementList(items=tuple(map(SettlementSummary.model_validate, found)))


async def draft(asked: Asked[WantedDraft, Nothing]) -> SettlementAnswer:
    """Draft what is between us and a party: everything until the last day that is not settled yet."""
    return _answer(await _service(asked).draft(asked.principal, asked.body))


async def show(asked: Asked[Nothing, Nothing]) -> SettlementAnswer:
    """One settlement with its sums and payments."""
    return _answer(await _service(asked).get(asked.principal, int(asked.id)))


async def items(asked: Asked[Nothing, SettlementItemPage]) -> SettledItems:
    """What it consists of."""
    found = await _service(asked).items(asked.principal, int(asked.id), asked.query)
    return SettledItems(items=tuple(map(SettledItem.model_validate, found)))


async def recompute(asked: Asked[WantedSettlementChange, Nothing]) -> SettlementAnswer:
    """Work a draft out anew."""
    return _answer(await _service(asked).recompute(asked.principal, int(asked.id), asked.body))


async def discard(asked: Asked[WantedSettlementChange, Nothing]) -> SettlementAnswer:
    """Give a draft up; what stood in it can be settled otherwise."""
    return _answer(await _service(asked).discard(asked.principal, int(asked.id), asked.body))


async def confirm(asked: Asked[WantedSettlementChange, Nothing]) -> SettlementAnswer:
    """Confirm a draft without open differences; from then on it stays as it is."""
    return _answer(await _service(asked).confirm(asked.principal, int(asked.id), asked.body))


async def pay(asked: Asked[WantedPaying, Nothing]) -> SettlementAnswer:
    """Money moved; when nothing is left, its orders are paid and settled in the background."""
    return _answer(await _service(asked).pay(asked.principal, int(asked.id), asked.body))


async def take_statement(asked: Asked[Nothing, OfDraft]) -> StatementTaken:
    """The party's own statement, in place of an earlier one (the body is an Excel or CSV file, at most 32 MB)."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        path = Path(file.name)
    try:
        await receive(asked.request, path, MOST_BYTES)
        taken = await _service(asked).take_statement(
            asked.principal, int(asked.id), path, asked.query.version
        )
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return StatementTaken(
        detail=_answer(taken.detail),
        rows=taken.rows,
        matched=taken.matched,
        refused_rows=len(taken.refused),
        refused=tuple(map(RefusedStatementRow.model_validate, taken.refused[:_REFUSED_SHOWN])),
    )


async def differences(asked: Asked[Nothing, SettlementDifferencePage]) -> SettlementDifferences:
    """Where the party says something else than we do."""
    found = await _service(asked).differences(asked.principal, int(asked.id), asked.query)
    return SettlementDifferences(items=tuple(map(SettlementDifferenceItem.model_validate, found)))


async def resolve(asked: Asked[WantedAnswer, Nothing]) -> SettlementDifferenceAnswer:
    """Say how a difference came right."""
    done = await _service(asked).resolve(asked.principal, int(asked.id), asked.body)
    return SettlementDifferenceAnswer(difference=SettlementDifferenceItem.model_validate(done))


async def resolve_all(asked: Asked[WantedAnswers, Nothing]) -> SettlementAnswer:
    """Resolve all open differences up to an amount alike."""
    return _answer(await _service(asked).resolve_all(asked.principal, int(asked.id), asked.body))


async def file(asked: Asked[Nothing, Nothing]) -> web.Response:
    """A settlement with all its items as an Excel file."""
    report = asked.services.trade.settlement_report
    return await made(partial(report.write, asked.principal, int(asked.id)), XLSX)


def _answer(detail: SettlementDetail) -> SettlementAnswer:
    return SettlementAnswer.model_validate(detail)


def _service(asked: Asked[Model, Model]) -> SettlementService:
    return asked.services.trade.settlements


_VIEW, _MANAGE = needs(Right.SETTLEMENT_VIEW), needs(Right.SETTLEMENT_MANAGE)
_PATH = "/api/settlements"
_ONE = f"{_PATH}/{NUMBER}"
_ANSWERED = SettlementAnswer

ROUTES = (
    Route("GET", _PATH, search, _VIEW, query=SettlementSearch, answer=SettlementList),
    Route("POST", _PATH, draft, _MANAGE, WantedDraft, answer=_ANSWERED, status=201, once=True),
    Route("GET", _ONE, show, _VIEW, answer=_ANSWERED),
    Route("GET", f"{_ONE}/items", items, _VIEW, query=SettlementItemPage, answer=SettledItems),
    Route("GET", f"{_ONE}/file", file, _VIEW, files=(XLSX,)),
    Route(
        "POST", f"{_ONE}/recompute", recompute, _MANAGE, WantedSettlementChange, answer=_ANSWERED
    ),
    Route("POST", f"{_ONE}/discard", discard, _MANAGE, WantedSettlementChange, answer=_ANSWERED),
    Route("POST", f"{_ONE}/confirm", confirm, _MANAGE, WantedSettlementChange, answer=_ANSWERED),
    Route("POST", f"{_ONE}/payments", pay, _MANAGE, WantedPaying, answer=_ANSWERED, once=True),
    Route(
        "POST",
        f"{_ONE}/statement",
        take_statement,
        _MANAGE,
        query=OfDraft,
        answer=StatementTaken,
        raw=True,
    ),
    Route(
        "GET",
        f"{_ONE}/differences",
        differences,
        _VIEW,
        query=SettlementDifferencePage,
        answer=SettlementDifferences,
    ),
    Route("POST", f"{_ONE}/differences", resolve_all, _MANAGE, WantedAnswers, answer=_ANSWERED),
    Route(
        "POST",
        f"/api/settlement-differences/{NUMBER}",
        resolve,
        _MANAGE,
        WantedAnswer,
        answer=SettlementDifferenceAnswer,
    ),
)
