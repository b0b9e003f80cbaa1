"""Prices agreed in a quote, taken by the order that comes of it.

Rule: the quote's row is locked before the order is priced and is accepted by the transaction that stores the
order, which also wins the opportunity; so a quote makes one order, and none after its last day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.leads import opportunities
from orders.errors import QuoteClosed, QuoteExpired, UnknownQuote
from orders.sales.tables import SalesQuote, SalesQuoteLine


@dataclass(frozen=True, slots=True)
class Agreed:
    """The unit price of each product of a quote."""

    quote_id: int
    number: str
    opportunity_id: int | None
    prices: Mapping[str, Decimal]


async def take(session: AsyncSession, quote_id: int, today: date) -> Agreed:
    """Lock it for an order. Raises UnknownQuote, QuoteClosed, QuoteExpired."""
    quote = await session.get(SalesQuote, quote_id, with_for_update=True)
    if quote is None:
        raise UnknownQuote(quote_id)
    check_open(quote.state, quote.valid_until, today)
    return await _agreed(session, quote)


async def _agreed(session: AsyncSession, quote: SalesQuote) -> Agreed:
    rows = await session.execute(
        select(SalesQuoteLine.sku, SalesQuoteLine.unit_price).where(
            SalesQuoteLine.quote_id == quote.id
        )
    )
    prices = {row.sku: row.unit_price for row in rows}
    return Agreed(quote.id, quote.number, quote.opportunity_id, prices)


async def of_order(session: AsyncSession, order_id: int) -> Agreed | None:
    """The prices at which an order came of a quote, None for other orders."""
    quote = await session.scalar(select(SalesQuote).where(SalesQuote.order_id == order_id))
    return None if quote is None else await _agreed(session, quote)


async def accept(
    session: AsyncSession, agreed: Agreed, order_id: int, actor_id: int | None, now: datetime
) -> None:
    """The order exists now."""
    await session.execute(
        update(SalesQuote)
        .where(SalesQuote.id == agreed.quote_id)
        .values(state="accepted", order_id=order_id, decided_at=now)
    )
    if agreed.opportunity_id is not None:
        await opportunities.win(session, agreed.opportunity_id, actor_id, now)


def check_open(state: str, valid_until: date, today: date) -> None:
    """Raises QuoteClosed, QuoteExpired."""
    if state != "open":
        raise QuoteClosed(state)
    if valid_until < today:
        raise QuoteExpired(valid_until)
