"""Quotes on their way to customers. Rule: that one was sent and its messages are one transaction; the same quote goes
out once by each channel, and a newer one in its place goes out anew.
"""

from collections.abc import Callable, Collection
from datetime import datetime

import structlog

from crm_core.customers.contact import contact_of
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.fields import Command
from crm_core.outbox import messages
from crm_core.outbox.messages import Channel, Contact, NewMessage
from crm_core.rights import Actor, Right
from orders.offers import paper
from orders.offers.papers import QuotePapers
from orders.offers.wording import KIND
from orders.sales.quote_reading import QuoteView
from orders.sales.quotes import QuoteService

log = structlog.get_logger(__name__)

SUBJECT = "quote"


class SendQuote(Command):
    """Without `channels` by all that the customer wishes."""

    channels: frozenset[Channel] | None = None


class OfferService:
    """`channels` are those that have a notifier. Every method may raise Forbidden, UnknownQuote and
    DatabaseUnavailable.
    """

    def __init__(
        self,
        database: Database,
        quotes: QuoteService,
        papers: QuotePapers,
        *,
        channels: Collection[str],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._quotes = quotes
        self._papers = papers
        self._channels = frozenset(channels)
        self._clock = clock

    async def paper(self, actor: Actor, quote_id: int) -> bytes:
        """A PDF; not for somebody who does not see all that stands on it."""
        actor.require(Right.ORDER_VIEW)
        actor.require_read("quote", ("discount_percent", "note"))
        return await self._papers.drawn(actor, quote_id)

    async def send(self, actor: Actor, quote_id: int, given: SendQuote) -> QuoteView:
        """Raises QuoteClosed, QuoteExpired, Invalid (no way to this customer)."""
        actor.require(Right.ORDER_PLACE)
        wanted = self._channels if given.channels is None else self._channels & given.channels
        async with self._database.begin() as session:
            view = await self._quotes.sent(session, actor, quote_id)
            contact = await contact_of(session, view.quote.customer_id)
            told = _messages(view, contact, wanted)
            if not told:
                raise Invalid(
                    "No way reaches this customer: enter an address, or print the quote.",
                    fields={"channels": "none"},
                )
            await messages.tell(
                session,
                SUBJECT,
                quote_id,
                customer_id=view.quote.customer_id,
                told=told,
                now=self._clock(),
            )
        by = sorted(each.channel for each in told)
        log.info("quote_sent", number=view.quote.number, channels=by, by=actor.user_id)
        return view


def _messages(
    view: QuoteView, contact: Contact, channels: frozenset[str]
) -> tuple[NewMessage, ...]:
    quote = view.quote
    params = {
        "quote": str(quote.id),
        "number": quote.number,
        "total": str(quote.total),
        "date": quote.valid_until.isoformat(),
    }
    lines = "\n".join(paper.line_of_text(each, contact.language) for each in view.lines)
    by_fax = channels & {Channel.FAX}
    return (
        *messages.messages(KIND, contact, channels - by_fax, params),
        *messages.messages(KIND, contact, by_fax, params | {"lines": lines}),
    )
