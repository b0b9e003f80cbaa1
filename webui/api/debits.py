"""Bank debit: accounts, batches, the file for the bank and its answer."""

from datetime import date, datetime
from decimal import Decimal

from aiohttp import web

from crm_core.errors import Invalid
from crm_core.rights import Right
from orders.payments.debit.commands import BatchQuery, NewBatch, NewDebitAccount
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View

MOST_BYTES = 2 * 1024 * 1024


class WantedDebitAccount(NewDebitAccount, Model):
    """An account whose owner agreed to be debited."""


class WantedBatch(NewBatch, Model):
    """Which orders are to be collected, and when."""


class DebitBatchSearch(BatchQuery, Model):
    """Which batches to list."""


class DebitAccountItem(View):
    id: int
    customer_id: int
    account_masked: str
    account_name: str
    bank_code: str
    mandate: str
    active: bool
    created_at: datetime


class DebitBatchItem(View):
    id: int
    number: str
    due_on: date
    state: str
    count: int
    total: Decimal
    waiting: int
    paid: int
    paid_total: Decimal
    failed: int
    refused: int
    created_by: int | None
    created_at: datetime
    sent_at: datetime | None


class DebitLineItem(View):
    line_no: int
    token: str
    order_id: int
    order_number: str
    amount: Decimal
    account_masked: str
    state: str
    bank_serial: str | None
    reason: str | None
    answered_at: datetime | None


class RefusedDebitRow(View):
    line_no: int
    row: str
    reason: str
    at: datetime


class DebitAccountList(View):
    items: tuple[DebitAccountItem, ...]


class DebitBatchList(View):
    items: tuple[DebitBatchItem, ...]


class DebitBatchAnswer(View):
    batch: DebitBatchItem


class BatchDetail(DebitBatchAnswer):
    lines: tuple[DebitLineItem, ...]
    refused: tuple[RefusedDebitRow, ...]


class AnswerReportAnswer(DebitBatchAnswer):
    """What an answer of the bank brought."""

    paid: int
    failed: int
    same: int
    refused: tuple[RefusedDebitRow, ...]


async def accounts(asked: Asked[Nothing, Nothing]) -> DebitAccountList:
    """A customer's accounts, the one in use first."""
    found = await asked.services.trade.debits.accounts(asked.principal, int(asked.id))
    return DebitAccountList(items=tuple(map(DebitAccountItem.model_validate, found)))


async def set_account(asked: Asked[WantedDebitAccount, Nothing]) -> DebitAccountList:
    """The account that is debited from now on."""
    debits = asked.services.trade.debits
    found = await debits.add_account(asked.principal, int(asked.id), asked.body)
    return DebitAccountList(items=tuple(map(DebitAccountItem.model_validate, found)))


async def search(asked: Asked[Nothing, DebitBatchSearch]) -> DebitBatchList:
    """Batches, the newest first."""
    found = await asked.services.trade.debits.listed(asked.principal, asked.query)
    return DebitBatchList(items=tuple(map(DebitBatchItem.model_validate, found)))


async def make(asked: Asked[WantedBatch, Nothing]) -> DebitBatchAnswer:
    """A batch of the orders named, else of all that are delivered and to be paid by debit."""
    made = await asked.services.trade.debits.make(asked.principal, asked.body)
    return DebitBatchAnswer(batch=DebitBatchItem.model_validate(made))


async def show(asked: Asked[Nothing, Nothing]) -> BatchDetail:
    """A batch with its lines and the rows of answers that were refused."""
    batch, lines, refused = await asked.services.trade.debits.get(asked.principal, int(asked.id))
    return BatchDetail(
        batch=DebitBatchItem.model_validate(batch),
        lines=tuple(map(DebitLineItem.model_validate, lines)),
        refused=tuple(map(RefusedDebitRow.model_validate, refused)),
    )


async def cancel(asked: Asked[Nothing, Nothing]) -> DebitBatchAnswer:
    """Drop a batch whose file was not fetched."""
    made = await asked.services.trade.debits.cancel(asked.principal, int(asked.id))
    return DebitBatchAnswer(batch=DebitBatchItem.model_validate(made))


async def file(asked: Asked[Nothing, Nothing]) -> web.Response:
    """The file for the bank (GBK); fetched again it is the same."""
    name, content = await asked.services.trade.debits.fetch(asked.principal, int(asked.id))
    return web.Response(
        body=content,
        headers={
            "Content-Type": "text/plain; charset=gbk",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


async def answer(asked: Asked[Nothing, Nothing]) -> AnswerReportAnswer:
    """Hand in the bank's answer (the body is the file, at most 2 MB); each line counts once."""
    content = await read_file(asked.request, MOST_BYTES)
    report = await asked.services.trade.debits.answer(asked.principal, int(asked.id), content)
    return AnswerReportAnswer.model_validate(report)


async def read_file(request: web.Request, most: int) -> bytes:
    """The body, which is a file. Raises Invalid for an empty one."""
    content = bytearray()
    async for chunk in request.content.iter_chunked(1 << 16):
        content += chunk
        if len(content) > most:
            raise web.HTTPRequestEntityTooLarge(most, len(content))
    if not content:
        raise Invalid("The file is empty.", fields={"body": "empty"})
    return bytes(content)


_VIEW, _MANAGE = needs(Right.PAYMENT_VIEW), needs(Right.PAYMENT_MANAGE)
_ACCOUNTS = f"/api/customers/{NUMBER}/debit-accounts"
_PATH = "/api/debit-batches"
_ONE = f"{_PATH}/{NUMBER}"

ROUTES = (
    Route("GET", _ACCOUNTS, accounts, _VIEW, answer=DebitAccountList),
    Route("PUT", _ACCOUNTS, set_account, _MANAGE, WantedDebitAccount, answer=DebitAccountList),
    Route("GET", _PATH, search, _VIEW, query=DebitBatchSearch, answer=DebitBatchList),
    Route(
        "POST", _PATH, make, _MANAGE, WantedBatch, answer=DebitBatchAnswer, status=201, once=True
    ),
    Route("GET", _ONE, show, _VIEW, answer=BatchDetail),
    Route("POST", f"{_ONE}/cancel", cancel, _MANAGE, answer=DebitBatchAnswer),
    Route("GET", f"{_ONE}/file", file, _MANAGE, files=("text/plain",)),
    Route("POST", f"{_ONE}/answer", answer, _MANAGE, answer=AnswerReportAnswer, raw=True),
)
