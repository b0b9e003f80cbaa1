"""Waybills: who gets an order, sorting to couriers, papers, handing over, and what couriers say."""

import asyncio
import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from aiohttp import web

from crm_core.rights import Right
from orders.delivery.commands import (
    Code,
    ConflictQuery,
    Ids,
    MakeWaybills,
    PutConsignee,
    Reports,
    UnsortedQuery,
    VoidWaybill,
    WaybillIds,
    WaybillQuery,
)
from orders.delivery.papers.forms import Form
from orders.delivery.service import WaybillService
from orders.delivery.views import ConsigneeView
from webui.api.orders import BatchPartItem
from webui.asked import Asked, Model, Nothing
from webui.present import masked_text
from webui.routing import NUMBER, Route, needs
from webui.uploads import receive
from webui.views import ReasonView, View

MOST_BYTES = 8 * 1024 * 1024
_REFUSED_SHOWN = 500


class WantedConsignee(PutConsignee, Model):
    """Version 0 is for an order that has none of its own yet."""


class WantedWaybills(MakeWaybills, Model):
    """For which orders."""


class HandedOver(WaybillIds, Model):
    """Which waybills the courier has taken."""


class WantedWaybillVoid(VoidWaybill, Model):
    """Why it is not used."""


class WantedPapers(WaybillIds, Model):
    """Without a form each is printed on that of the first one's courier."""

    form: Form | None = None


class WantedPicking(Model):
    order_ids: Ids


class WaybillSearch(WaybillQuery, Model):
    """Which waybills to list."""


class UnsortedPage(UnsortedQuery, Model):
    """Which orders to list."""


class ConflictPage(ConflictQuery, Model):
    """Which conflicts to list."""


class SaidByCourier(Reports, Model):
    """Up to 500 events, answered one by one."""


class FileOfCourier(Model):
    courier_code: Code


class ConsigneeItem(View):
    """`version` 0: proposed, the order has none of its own yet."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {"phone": "phones"} | dict.fromkeys(
        ("district", "street", "postcode"), "addresses"
    )

    order_id: int
    recipient: str
    phone: str | None = None
    province: str | None = None
    city: str | None = None
    district: str | None = None
    street: str = ""
    postcode: str | None = None
    way: str
    version: int


class ConsigneeAnswer(View):
    """None for whom the order's address or the customer's addresses are hidden from."""

    ENTITY = "order"
    SAME_FIELD: ClassVar = {"consignee": "address"}

    consignee: ConsigneeItem | None = None


class UnsortedItem(View):
    order_id: int
    order_number: str
    customer_id: int
    customer_name: str
    total: Decimal
    placed_at: datetime


class UnsortedList(View):
    items: tuple[UnsortedItem, ...]


class WaybillItem(View):
    """`outdated`: the order has changed since, so it is not handed over; another one takes its place."""

    id: int
    order_id: int
    order_number: str
    order_status: str
    customer_id: int
    customer_name: str
    courier_code: str
    courier_zh: str
    courier_en: str
    number: str
    kind: str
    state: str
    weight_g: int
    volume_ml: int
    freight: Decimal
    cod_amount: Decimal
    cod_fee: Decimal
    collected: Decimal | None
    why: tuple[ReasonView, ...]
    reason: str | None
    created_at: datetime
    printed_at: datetime | None
    handed_over_at: datetime | None
    due_at: datetime | None
    late_at: datetime | None
    state_at: datetime
    voided_reason: str | None
    outdated: bool


class WaybillList(View):
    items: tuple[WaybillItem, ...]


class WaybillEventItem(View):
    """`outcome` conflict: it contradicts what is known, `why` says what; nothing was changed."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {
        "place": ("addresses", "city", "province"),
        "signer": ("addresses", "contacts"),
    }

    id: int
    waybill_id: int
    number: str
    code: str
    at: datetime
    place: str | None = None
    signer: str | None = None
    note: str | None
    collected: Decimal | None
    source: str
    received_at: datetime
    outcome: str
    why: str | None
    resolved_at: datetime | None


class WaybillAnswer(View):
    waybill: WaybillItem
    events: tuple[WaybillEventItem, ...] = ()


class WaybillEventList(View):
    items: tuple[WaybillEventItem, ...]


class SortedItem(View):
    """`waybill` None: `code` and `message` say why; `batches` are those that the goods were taken from."""

    order_id: int
    waybill: WaybillItem | None
    code: str | None
    message: str | None
    batches: tuple[BatchPartItem, ...]


class SortedList(View):
    items: tuple[SortedItem, ...]


class ReportedItem(View):
    """`outcome`: applied, noted (nothing new), duplicate, conflict, refused."""

    number: str
    outcome: str
    code: str | None
    message: str | None


class ReportedList(View):
    items: tuple[ReportedItem, ...]


class RefusedFeedbackRow(View):
    row: int
    cells: tuple[str, ...]
    why: str


class FileAnswer(View):
    """`refused` holds at most the first 500 of `refused_rows`."""

    rows: int
    applied: int
    noted: int
    duplicates: int
    conflicts: int
    refused_rows: int
    refused: tuple[RefusedFeedbackRow, ...]


async def consignee(asked: Asked[Nothing, Nothing]) -> ConsigneeAnswer:
    """Who gets an order and where; proposed from the order and the customer until it is kept."""
    found = await _service(asked).consignee(asked.principal, int(asked.id))
    return _consignee(asked, found)


async def put_consignee(asked: Asked[WantedConsignee, Nothing]) -> ConsigneeAnswer:
    """Say who gets an order, where and how, until it is shipped; without a number the one there is stays."""
    made = await _service(asked).put_consignee(asked.principal, int(asked.id), asked.body)
    return _consignee(asked, made)


async def search(asked: Asked[Nothing, WaybillSearch]) -> WaybillList:
    """Waybills, the newest first."""
    found = await _service(asked).list(asked.principal, asked.query)
    return WaybillList(items=tuple(map(WaybillItem.model_validate, found)))


async def unsorted(asked: Asked[Nothing, UnsortedPage]) -> UnsortedList:
    """Orders that are being picked and have no waybill, the oldest first."""
    found = await _service(asked).unsorted(asked.principal, asked.query)
    return UnsortedList(items=tuple(map(UnsortedItem.model_validate, found)))


async def make(asked: Asked[WantedWaybills, Nothing]) -> SortedList:
    """Sort orders to couriers: a waybill for each, or the reason why it has none."""
    done = await _service(asked).make(asked.principal, asked.body)
    return SortedList(items=tuple(map(SortedItem.model_validate, done)))


async def show(asked: Asked[Nothing, Nothing]) -> WaybillAnswer:
    """One waybill with all that was said of it."""
    found, said = await _service(asked).get(asked.principal, int(asked.id))
    return WaybillAnswer(
        waybill=WaybillItem.model_validate(found),
        events=tuple(map(WaybillEventItem.model_validate, said)),
    )


async def void(asked: Asked[WantedWaybillVoid, Nothing]) -> WaybillAnswer:
    """Take a waybill back before it is handed over; the order may then have another one."""
    done = await _service(asked).void(asked.principal, int(asked.id), asked.body)
    return WaybillAnswer(waybill=WaybillItem.model_validate(done))


async def hand_over(asked: Asked[HandedOver, Nothing]) -> SortedList:
    """The courier has the parcels: their orders are shipped and the customers told."""
    done = await _service(asked).hand_over(asked.principal, asked.body)
    return SortedList(items=tuple(map(SortedItem.model_validate, done)))


async def papers(asked: Asked[WantedPapers, Nothing]) -> web.Response:
    """The shipping papers as one PDF file, in the order in which they are asked for."""
    body = asked.body
    made = await asked.services.trade.papers.waybills(asked.principal, body.waybill_ids, body.form)
    return pdf(made, "waybills.pdf")


async def picking_list(asked: Asked[WantedPicking, Nothing]) -> web.Response:
    """What the warehouse takes for these orders, as a PDF file."""
    made = await asked.services.trade.papers.picking_list(asked.principal, asked.body.order_ids)
    return pdf(made, "picking.pdf")


async def conflicts(asked: Asked[Nothing, ConflictPage]) -> WaybillEventList:
    """What couriers said that contradicts what is known, until a person has dealt with it."""
    found = await _service(asked).conflicts(asked.principal, asked.query)
    return WaybillEventList(items=tuple(map(WaybillEventItem.model_validate, found)))


async def resolve(asked: Asked[Nothing, Nothing]) -> None:
    """A conflict was dealt with."""
    await _service(asked).resolve(asked.principal, int(asked.id))


async def report(asked: Asked[SaidByCourier, Nothing]) -> ReportedList:
    """For couriers' programs: what happened to parcels; sent again or in another order it does no harm."""
    done = await _service(asked).report(asked.principal, asked.body)
    return ReportedList(items=tuple(map(ReportedItem.model_validate, done)))


async def take_file(asked: Asked[Nothing, FileOfCourier]) -> FileAnswer:
    """A courier's Excel or CSV file (the body is the file, at most 8 MB and 5,000 rows)."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        path = Path(file.name)
    try:
        await receive(asked.request, path, MOST_BYTES)
        taken = await _service(asked).take_file(asked.principal, asked.query.courier_code, path)
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return FileAnswer(
        rows=taken.rows,
        applied=taken.applied,
        noted=taken.noted,
        duplicates=taken.duplicates,
        conflicts=taken.conflicts,
        refused_rows=len(taken.refused),
        refused=tuple(map(RefusedFeedbackRow.model_validate, taken.refused[:_REFUSED_SHOWN])),
    )


PDF = "application/pdf"


def pdf(made: bytes, name: str) -> web.Response:
    return web.Response(
        body=made,
        content_type=PDF,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _consignee(asked: Asked[Model, Model], found: ConsigneeView) -> ConsigneeAnswer:
    item = ConsigneeItem.model_validate(found)
    phone = masked_text(found.phone, asked.principal.rights)
    return ConsigneeAnswer(consignee=item.model_copy(update={"phone": phone}))


def _service(asked: Asked[Model, Model]) -> WaybillService:
    return asked.services.trade.waybills


_VIEW, _MANAGE = needs(Right.DELIVERY_VIEW), needs(Right.DELIVERY_MANAGE)
_REPORT = needs(Right.DELIVERY_REPORT)
_WAYBILLS = "/api/waybills"
_TO = f"/api/orders/{NUMBER}/consignee"

ROUTES = (
    Route("GET", _TO, consignee, _VIEW, answer=ConsigneeAnswer),
    Route("PUT", _TO, put_consignee, _MANAGE, WantedConsignee, answer=ConsigneeAnswer),
    Route("GET", _WAYBILLS, search, _VIEW, query=WaybillSearch, answer=WaybillList),
    Route("GET", "/api/unsorted-orders", unsorted, _VIEW, query=UnsortedPage, answer=UnsortedList),
    Route("POST", _WAYBILLS, make, _MANAGE, WantedWaybills, answer=SortedList, once=True),
    Route("GET", f"{_WAYBILLS}/{NUMBER}", show, _VIEW, answer=WaybillAnswer),
    Route(
        "POST", f"{_WAYBILLS}/{NUMBER}/void", void, _MANAGE, WantedWaybillVoid, answer=WaybillAnswer
    ),
    Route("POST", f"{_WAYBILLS}/hand-over", hand_over, _MANAGE, HandedOver, answer=SortedList),
    Route("POST", f"{_WAYBILLS}/papers", papers, _MANAGE, WantedPapers, files=(PDF,)),
    Route("POST", "/api/picking-lists", picking_list, _MANAGE, WantedPicking, files=(PDF,)),
    Route(
        "GET",
        "/api/waybill-conflicts",
        conflicts,
        _VIEW,
        query=ConflictPage,
        answer=WaybillEventList,
    ),
    Route("POST", f"/api/waybill-conflicts/{NUMBER}/resolve", resolve, _MANAGE, status=204),
    Route("POST", "/api/delivery/feedback", report, _REPORT, SaidByCourier, answer=ReportedList),
    Route(
        "POST",
        "/api/delivery/feedback-files",
        take_file,
        _REPORT,
        query=FileOfCourier,
        answer=FileAnswer,
        raw=True,
    ),
)
