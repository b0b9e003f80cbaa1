"""Quotes (报价单): prices offered until a day, replaced by newer ones, and accepted as an order.

Rule: a quote is never changed, only replaced; nobody gives more than `discounts` allows. Accepting twice gives
the same order.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.leads import opportunities
from crm_core.rights import Actor, Right, kept
from crm_core.timeline import Place, TimelineEntry, newest_first
from orders.errors import QuoteClosed, SameKeyOtherOrder
from orders.lines import OrderLine
from orders.money import line_total, to_fen, total_of
from orders.sales import discounts, facts, quote_reading, quoting
from orders.sales.agreed import check_open
from orders.sales.commands import PlaceOrder
from orders.sales.quote_commands import (
    AcceptQuote,
    NewQuote,
    QuoteContent,
    QuoteQuery,
    RejectQuote,
)
from orders.sales.quote_reading import QuoteBrief, QuoteView
from orders.sales.tables import SalesQuote, SalesQuoteLine
from orders.sales.views import PlacedOrder

log = structlog.get_logger(__name__)

_ENTITY = "quote"
_HUNDRED = Decimal(100)


class QuoteService:
    """Every method may raise Forbidden, UnknownQuote, NotFound and DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        place: Callable[[Actor, PlaceOrder], Awaitable[PlacedOrder]],
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
    ) -> None:
        self._database = database
        self._place = place
        self._clock = clock
        self._zone = zone

    async def create(self, actor: Actor, new: NewQuote) -> QuoteView:
        """Raises UnknownProduct, Invalid (a day that is over, another's opportunity)."""
        actor.require(Right.ORDER_PLACE)
        given = {"discount_percent": new.discounts, "note": new.note}
        actor.require_write(_ENTITY, [name for name, value in given.items() if value])
        async with self._database.begin() as session:
            seen = await must_see(session, actor, new.customer_id)
            if new.opportunity_id is not None:
                found = await opportunities.read(session, actor, new.opportunity_id)
                if found.outcome is not None:
                    raise Invalid(
                        "This opportunity has ended: choose an open one.",
                        fields={"opportunity_id": "closed"},
                    )
                if found.customer_id != seen:
                    raise Invalid(
                        "This opportunity is another customer's: choose one of this customer's.",
                        fields={"opportunity_id": "other"},
                    )
            made = await self._store(session, actor, seen, new, opportunity_id=new.opportunity_id)
            return await quote_reading.read(session, actor, made, self._today())

    async def revise(self, actor: Actor, quote_id: int, content: QuoteContent) -> QuoteView:
        """A newer one in its place, also of one that has expired. Raises QuoteClosed, UnknownProduct."""
        actor.require(Right.ORDER_PLACE)
        async with self._database.begin() as session:
            before = await self._held(session, actor, quote_id)
            if before.state not in ("open", "expired"):
                raise QuoteClosed(before.state)
            content = content.model_copy(
                update=kept(actor, _ENTITY, content, {"note": before.note})
            )
            if content.discounts != await _discounts(session, quote_id):
                actor.require_write(_ENTITY, ["discount_percent"])
            made = await self._store(
                session,
                actor,
                before.customer_id,
                content,
                opportunity_id=before.opportunity_id,
                replaces_id=quote_id,
            )
            await self._decide(session, actor, quote_id, "replaced")
            return await quote_reading.read(session, actor, made, self._today())

    async def reject(self, actor: Actor, quote_id: int, given: RejectQuote) -> QuoteView:
        """The customer does not want it. Raises QuoteClosed."""
        actor.require(Right.ORDER_PLACE)
        actor.require_write(_ENTITY, ["rejected_reason"])
        async with self._database.begin() as session:
            before = await self._held(session, actor, quote_id)
            if before.state not in ("open", "expired"):
                raise QuoteClosed(before.state)
            await self._decide(session, actor, quote_id, "rejected", rejected_reason=given.reason)
            return await quote_reading.read(session, actor, quote_id, self._today())

    async def accept(self, actor: Actor, quote_id: int, given: AcceptQuote) -> int:
        """The id of the order that it became, at its prices; accepted twice, it is the same order.

        Raises QuoteClosed, QuoteExpired, OutOfStock, UnknownProduct, CommitUnknown.
        """
        actor.require(Right.ORDER_PLACE)
        quote = await self.get(actor, quote_id)
        if quote.quote.order_id is not None:
            return quote.quote.order_id
        check_open(
            "open" if quote.quote.state == "expired" else quote.quote.state,
            quote.quote.valid_until,
            self._today(),
        )
        command = PlaceOrder(
            key=f"quote:{quote_id}",
            customer_id=quote.quote.customer_id,
            lines=tuple(OrderLine(line.sku, line.quantity) for line in quote.lines),
            quote_id=quote_id,
            **given.model_dump(),
        )
        try:
            placed = await self._place(actor, command)
        except (QuoteClosed, SameKeyOtherOrder):
            now = (await self.get(actor, quote_id)).quote
            if now.order_id is None:
                raise
            return now.order_id
        return placed.order.id

    async def sent(self, session: AsyncSession, actor: Actor, quote_id: int) -> QuoteView:
        """Note that the customer is sent it now, once; the quote stays held until the caller's transaction ends.

        Raises QuoteClosed, QuoteExpired.
        """
        held = await self._held(session, actor, quote_id)
        state = "open" if held.state == "expired" else held.state
        check_open(state, held.valid_until, self._today())
        if held.sent_at is None:
            await session.execute(
                update(SalesQuote)
                .where(SalesQuote.id == quote_id)
                .values(sent_at=self._clock(), sent_by=actor.user_id)
            )
            await trail.record(session, actor.user_id, "quote.sent", _ENTITY, quote_id)
        return await quote_reading.read(session, actor, quote_id, self._today())

    async def get(self, actor: Actor, quote_id: int) -> QuoteView:
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await quote_reading.read(connection, actor, quote_id, self._today())

    async def listed(self, actor: Actor, wanted: QuoteQuery) -> tuple[QuoteBrief, ...]:
        """The newest first."""
        actor.require(Right.ORDER_VIEW)
        query = (
            quote_reading.quotes(actor, self._today())
            .order_by(SalesQuote.id.desc())
            .limit(wanted.limit)
        )
        if wanted.customer_id is not None:
            query = query.where(SalesQuote.customer_id == wanted.customer_id)
        if wanted.opportunity_id is not None:
            query = query.where(SalesQuote.opportunity_id == wanted.opportunity_id)
        if wanted.before is not None:
            query = query.where(SalesQuote.id < wanted.before)
        async with self._database.reading() as connection:
            return tuple(QuoteBrief(*row) for row in await connection.execute(query))

    def _today(self) -> date:
        return self._clock().astimezone(self._zone).date()

    async def _store(
        self,
        session: AsyncSession,
        actor: Actor,
        customer_id: int,
        content: QuoteContent,
        *,
        opportunity_id: int | None,
        replaces_id: int | None = None,
    ) -> int:
        most = max(line.discount_percent for line in content.lines)
        await discounts.check(session, actor, most)
        if content.valid_until < self._today():
            raise Invalid("This day is over: choose a later one.", fields={"valid_until": "past"})
        lines = await _priced(session, customer_id, content, self._today())
        next_id = select(func.nextval(func.pg_get_serial_sequence("quotes", "id")))
        quote_id = int(await session.scalar(next_id) or 0)
        values = {
            "id": quote_id,
            "number": f"Q{self._today():%y%m%d}-{quote_id:06d}",
            "customer_id": customer_id,
            "opportunity_id": opportunity_id,
            "valid_until": content.valid_until,
            "note": content.note,
            "total": total_of(line["line_total"] for line in lines),
            "replaces_id": replaces_id,
            "created_by": actor.user_id,
            "created_at": self._clock(),
        }
        await session.execute(insert(SalesQuote).values(values))
        await session.execute(
            insert(SalesQuoteLine), [line | {"quote_id": quote_id} for line in lines]
        )
        await trail.record(session, actor.user_id, "quote.create", _ENTITY, quote_id, after=values)
        return quote_id

    async def _held(self, session: AsyncSession, actor: Actor, quote_id: int) -> QuoteBrief:
        await session.execute(
            select(SalesQuote.id).where(SalesQuote.id == quote_id).with_for_update()
        )
        return (await quote_reading.read(session, actor, quote_id, self._today())).quote

    async def _decide(
        self, session: AsyncSession, actor: Actor, quote_id: int, state: str, **more: object
    ) -> None:
        await session.execute(
            update(SalesQuote)
            .where(SalesQuote.id == quote_id)
            .values(state=state, decided_at=self._clock(), **more)
        )
        await trail.record(
            session, actor.user_id, f"quote.{state}", _ENTITY, quote_id, after=more or None
        )


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> tuple[TimelineEntry, ...]:
    """Quotes in a customer's history, newest first."""
    table = SalesQuote
    place = (table.created_at, "quote.created", table.id)
    rows = await connection.execute(
        select(table.created_at, table.id, table.number, table.total, table.created_by)
        .where(table.customer_id.in_(customer_ids), after.is_after(*place))
        .order_by(*newest_first(*place))
        .limit(limit)
    )
    return tuple(
        TimelineEntry(at, "quote.created", str(quote_id), number, {"total": str(total)}, by)
        for at, quote_id, number, total, by in rows
    )


async def _discounts(session: AsyncSession, quote_id: int) -> dict[str, Decimal]:
    """What comes off, by product, where anything does."""
    line = SalesQuoteLine
    rows = await session.execute(
        select(line.sku, line.discount_percent).where(
            line.quote_id == quote_id, line.discount_percent > 0
        )
    )
    return {row.sku: row.discount_percent for row in rows}


async def _priced(
    session: AsyncSession, customer_id: int, content: QuoteContent, today: date
) -> list[dict[str, Any]]:
    """The lines at the customer's own prices less what is given."""
    wanted = tuple(OrderLine(line.sku, line.quantity) for line in content.lines)
    rows = await facts.read(session, customer_id, wanted, today)
    quote = (await quoting.quoted(session, rows, today)).quote
    own_lines = quote.lines[: len(wanted)]
    lines = []
    for place, (line, own) in enumerate(zip(content.lines, own_lines, strict=True), 1):
        price = to_fen(own.unit_price * (_HUNDRED - line.discount_percent) / _HUNDRED)
        lines.append(
            {
                "line_no": place,
                "sku": line.sku,
                "quantity": line.quantity,
                "own_price": own.unit_price,
                "discount_percent": line.discount_percent,
                "unit_price": price,
                "line_total": line_total(price, line.quantity),
            }
        )
    return lines
