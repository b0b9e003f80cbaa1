"""Quotes as files: for whoever asks, and for the e-mail that takes one to the customer. Rule: a quote never changes,
so that it is drawn when it is wanted and kept nowhere.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path

from sqlalchemy import select

from crm_core.customers.tables import Customer, PaymentTerms
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.outbox.ports import Attachment, Message, NotNow, NotSent
from crm_core.rights import SYSTEM, Actor
from orders.delivery.papers import fonts
from orders.delivery.papers.content import Sender
from orders.errors import UnknownQuote
from orders.offers import paper
from orders.offers.paper import QuotePaper
from orders.offers.wording import KIND
from orders.sales import quote_reading


class QuotePapers:
    """`font` is one that the settings name; else one of the machine's is taken."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
        sender: Sender,
        font: Path | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._sender = sender
        self._font = font

    async def drawn(self, actor: Actor, quote_id: int) -> bytes:
        """Raises UnknownQuote, DatabaseUnavailable."""
        wanted = await self._read(actor, quote_id)
        return await asyncio.to_thread(
            lambda: paper.draw(wanted, self._sender, fonts.found(self._font))
        )

    async def attached(self, message: Message) -> Attachment | None:
        """What goes with a message: the quote that it tells of. Raises NotNow, NotSent."""
        if message.kind != KIND:
            return None
        try:
            content = await self.drawn(SYSTEM, int(message.params["quote"]))
        except DatabaseUnavailable as error:
            raise NotNow(error.message, everybody=False) from error
        except UnknownQuote as error:
            raise NotSent(error.message, permanent=True) from error
        return Attachment(f"{message.params['number']}.pdf", content)

    async def _read(self, actor: Actor, quote_id: int) -> QuotePaper:
        today = self._clock().astimezone(self._zone).date()
        async with self._database.reading() as connection:
            view = await quote_reading.read(connection, actor, quote_id, today)
            of_customer = await connection.execute(
                select(Customer.language, PaymentTerms.name_zh, PaymentTerms.name_en)
                .outerjoin(PaymentTerms, PaymentTerms.code == Customer.payment_terms_code)
                .where(Customer.id == view.quote.customer_id)
            )
            language, terms_zh, terms_en = of_customer.one()
        language = language or "zh"
        made_on = f"{view.quote.created_at.astimezone(self._zone):%Y-%m-%d}"
        terms = terms_en if language.startswith("en") else terms_zh
        shown = terms if actor.may_read("customer", "payment_terms") else None
        return QuotePaper(view, language, made_on, shown)
