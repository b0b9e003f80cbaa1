"""Invoices (发票): asked for by order, issued by whoever holds the tax system, taken back by red letters. Rule: the
amount of an order is invoiced once at most, however many invoices it takes; what is issued never changes.

The number comes from outside: a person enters it, or a program that issues does so through the same method.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.buyers import SPECIAL_NEEDS, Kind
from orders.invoices import store, writing
from orders.invoices.commands import (
    InvoiceQuery,
    Issued,
    NewInvoice,
    NewTitle,
    RedLetter,
    Voided,
)
from orders.invoices.errors import (
    InvoiceClosed,
    MoreThanInvoiced,
    NothingToInvoice,
    NoTitle,
    NumberUsed,
    UnknownInvoice,
)
from orders.invoices.store import BUYER
from orders.invoices.tables import Invoice, InvoiceTitle
from orders.invoices.tax import Split, part_of
from orders.invoices.views import InvoiceBrief, InvoiceLineView, InvoiceView, TitleView
from orders.invoices.writing import RedOf
from orders.payments import booking, reading
from orders.payments.errors import SameKeyOtherPayment
from orders.sales import invoicing
from orders.sales.tables import Order
from orders.sales.views import InvoiceWanted

log = structlog.get_logger(__name__)

_ENTITY = "invoice"


class InvoiceService:
    """Every method may raise Forbidden, NotFound and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def titles(self, actor: Actor, customer_id: int) -> tuple[TitleView, ...]:
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading() as connection:
            return await store.titles(connection, await must_see(connection, actor, customer_id))

    async def set_title(
        self, actor: Actor, customer_id: int, new: NewTitle
    ) -> tuple[TitleView, ...]:
        """Enter one, or bring the one of this name up to date."""
        actor.require(Right.PAYMENT_VIEW)
        more = {"is_main": new.is_main, "changed_at": self._clock()}
        table, values = InvoiceTitle, new.model_dump() | more
        async with self._database.begin() as session:
            seen = await must_see(session, actor, customer_id)
            if new.is_main:
                await session.execute(
                    update(table).where(table.customer_id == seen).values(is_main=False)
                )
            await session.execute(
                upsert(table)
                .values(customer_id=seen, **values)
                .on_conflict_do_update(
                    constraint="uq_invoice_titles_customer_title",
                    set_=new.model_dump(exclude_unset=True) | more,
                )
            )
            await trail.record(
                session, actor.user_id, "invoice_title.set", "customer", seen,
                after=new.model_dump(exclude_unset=True),
            )  # fmt: skip
            return await store.titles(session, seen)

    async def remove_title(self, actor: Actor, title_id: int) -> None:
        """Invoices keep what they have of it. Raises UnknownInvoice."""
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.begin() as session:
            title = await session.get(InvoiceTitle, title_id)
            if title is None:
                raise UnknownInvoice("invoice title", title_id)
            seen = await must_see(session, actor, title.customer_id)
            await session.delete(title)
            await session.flush()
            await trail.record(
                session, actor.user_id, "invoice_title.remove", "customer", seen,
                before={"title": title.title},
            )  # fmt: skip

    async def request(
        self, actor: Actor, order_id: int, wanted: NewInvoice, key: str
    ) -> InvoiceView:
        """All of the order that is not invoiced; the same `key` gives the same invoice.

        Raises NothingToInvoice, NoTitle.
        """
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.begin() as session:
            await reading.seen_order(session, actor, order_id)
            order = await booking.held(session, order_id)
            known = await _known(session, key, order_id)
            if known is None:
                lines = await store.left_to_invoice(session, order)
                if not lines:
                    raise NothingToInvoice
                values = await _wished(session, order, wanted)
                values |= {"order_id": order_id, "key": key}
                known = await writing.add(session, actor.user_id, values, lines, self._clock())
                await invoicing.asked(session, order_id, self._clock())
            return await store.one(session, actor, known)

    async def request_wished(self, order_id: int) -> None:
        """The invoice that was wished with the order, of what of it is not invoiced yet; asked for once."""
        async with self._database.begin() as session:
            order = await booking.held(session, order_id)
            wish = await invoicing.of_order(session, order_id)
            if wish is None or wish.asked_at is not None:
                return
            now = self._clock()
            if lines := await store.left_to_invoice(session, order):
                values = _of_wish(wish) | {"order_id": order_id, "key": f"order:{order_id}"}
                made = await writing.add(session, None, values, lines, now)
                log.info("invoice_requested", invoice=made, number=order.number)
            await writing.keep_title(session, order.customer_id, wish, now)
            await invoicing.asked(session, order_id, now)

    async def take_back(
        self, actor: Actor, invoice_id: int, wanted: RedLetter, key: str
    ) -> InvoiceView:
        """Ask for a red letter; the same `key` gives the same one.

        Raises InvoiceClosed (never issued, or a red letter itself), MoreThanInvoiced, NothingToInvoice.
        """
        actor.require(Right.PAYMENT_MANAGE)
        async with self._database.begin() as session:
            whole = await _held(session, actor, invoice_id)
            known = await _known(session, key, whole.order_id)
            if known is None:
                if whole.state != "issued" or whole.red_of is not None:
                    raise InvoiceClosed("red" if whole.red_of else whole.state)
                lines = _chosen(wanted, await store.left_of(session, invoice_id))
                red = RedOf(whole, wanted.reason, key)
                known = await writing.add_red(session, actor.user_id, red, lines, self._clock())
            return await store.one(session, actor, known)

    async def issued(self, actor: Actor, invoice_id: int, given: Issued) -> InvoiceView:
        """It has its number now; said again with the same number it is the same.

        Raises InvoiceClosed, NumberUsed, Refused (issued in a closed accounting period).
        """
        actor.require(Right.PAYMENT_MANAGE)
        try:
            async with self._database.begin() as session:
                row = await _held(session, actor, invoice_id)
                if (row.number, row.code) != (given.number, given.code):
                    if row.state != "requested":
                        raise InvoiceClosed(row.state)
                    row.state, row.number, row.code = "issued", given.number, given.code
                    row.issued_at = given.issued_at
                    await session.flush()
                    await trail.record(
                        session, actor.user_id, "invoice.issue", _ENTITY, invoice_id,
                        after=given.model_dump(),
                    )  # fmt: skip
                view = await store.one(session, actor, invoice_id)
        except IntegrityError as error:
            if "uq_invoices_number" not in str(error.orig):
                raise
            raise NumberUsed(
                "Another invoice has this number: look at it again.", fields={"number": "used"}
            ) from error
        log.info("invoice_issued", invoice=invoice_id, number=given.number)
        return view

    async def void(self, actor: Actor, invoice_id: int, given: Voided) -> InvoiceView:
        """A request is not wanted any more. Raises InvoiceClosed."""
        actor.require(Right.PAYMENT_MANAGE)
        async with self._database.begin() as session:
            row = await _held(session, actor, invoice_id)
            if row.state != "requested":
                raise InvoiceClosed(row.state)
            row.state, row.reason = "void", given.reason
            await session.flush()
            await trail.record(
                session, actor.user_id, "invoice.void", _ENTITY, invoice_id,
                after=given.model_dump(),
            )  # fmt: skip
            return await store.one(session, actor, invoice_id)

    async def get(self, actor: Actor, invoice_id: int) -> InvoiceView:
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading() as connection:
            return await store.one(connection, actor, invoice_id)

    async def listed(self, actor: Actor, query: InvoiceQuery) -> tuple[InvoiceBrief, ...]:
        """The newest first."""
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading() as connection:
            return await store.listed(connection, actor, query)


async def _known(session: AsyncSession, key: str, order_id: int) -> int | None:
    """The invoice that this key made. Raises SameKeyOtherPayment for another order's."""
    row = (
        await session.execute(select(Invoice.id, Invoice.order_id).where(Invoice.key == key))
    ).one_or_none()
    if row is None:
        return None
    if row.order_id != order_id:
        raise SameKeyOtherPayment
    return int(row.id)


async def _wished(session: AsyncSession, order: Order, wanted: NewInvoice) -> dict[str, object]:
    """The buyer and the kind: as asked for, or as wished with the order. Raises NoTitle, UnknownInvoice."""
    wish = None if wanted.model_fields_set else await invoicing.of_order(session, order.id)
    if wish is not None:
        return _of_wish(wish)
    buyer = await _buyer(session, order.customer_id, wanted)
    return buyer | wanted.model_dump(exclude={"title_id"})


def _of_wish(wish: InvoiceWanted) -> dict[str, object]:
    return {name: getattr(wish, name) for name in (*BUYER, "kind", "electronic")}


async def _buyer(session: AsyncSession, customer_id: int, wanted: NewInvoice) -> dict[str, object]:
    """Raises NoTitle, UnknownInvoice."""
    titles = await store.titles(session, customer_id)
    found = [each for each in titles if wanted.title_id in (None, each.id)]
    if not found:
        if wanted.title_id is not None:
            raise UnknownInvoice("invoice title of this customer", wanted.title_id)
        raise NoTitle(("title",))
    missing = [name for name in SPECIAL_NEEDS if getattr(found[0], name) is None]
    if wanted.kind is Kind.SPECIAL and missing:
        raise NoTitle(tuple(missing))
    return {name: getattr(found[0], name) for name in BUYER}


async def _held(session: AsyncSession, actor: Actor, invoice_id: int) -> Invoice:
    """The invoice, with its order's row locked. Raises UnknownInvoice."""
    seen = (await store.one(session, actor, invoice_id)).invoice
    await booking.held(session, seen.order_id)
    return await session.get_one(Invoice, invoice_id, with_for_update=True, populate_existing=True)


def _chosen(wanted: RedLetter, left: dict[int, InvoiceLineView]) -> tuple[InvoiceLineView, ...]:
    """Raises MoreThanInvoiced, NothingToInvoice."""
    if not left:
        raise NothingToInvoice
    if not wanted.lines:
        return tuple(left.values())
    chosen: list[InvoiceLineView] = []
    for each in wanted.lines:
        line = left.get(each.order_line)
        if line is None or each.amount > line.gross:
            raise MoreThanInvoiced(each.order_line, line.gross if line else Decimal(0))
        whole = Split(line.gross, line.net, line.tax)
        chosen.append(store.with_split(line, part_of(whole, each.amount, line.tax_rate)))
    return tuple(chosen)
