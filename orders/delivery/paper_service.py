"""Papers as files. Rule: what is drawn was read before, and is drawn in a thread."""

import asyncio
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path

import structlog

from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.delivery import couriers, paper_data, picking, run_papers, waybills
from orders.delivery.papers import batch, fonts
from orders.delivery.papers.content import Sender
from orders.delivery.papers.forms import Form

log = structlog.get_logger(__name__)

_CONSIGNEE = ("addresses", "city", "phones", "province")
"""Of the customer's fields those that stand on the papers of carriers and drivers."""


class PaperService:
    """`font` is one that the settings name; else one of the machine's is taken. Every method may raise
    Forbidden and DatabaseUnavailable.
    """

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

    async def waybills(
        self, actor: Actor, waybill_ids: tuple[int, ...], form: Form | None = None
    ) -> bytes:
        """One page or more for each; without a form that of the first one's courier. Raises UnknownWaybill."""
        actor.require(Right.DELIVERY_MANAGE)
        actor.require_read("customer", _CONSIGNEE)
        now = self._clock()
        async with self._database.begin() as session:
            drawn = await paper_data.parcels(session, actor, waybill_ids, now, self._zone)
            if form is None:
                courier = await couriers.read(session, drawn[0][0].courier_code)
                form = Form(courier.paper)
            await waybills.printed(session, waybill_ids, now)
        parcels = [parcel for _, parcel in drawn]
        made = await asyncio.to_thread(
            lambda: batch.parcels(form, parcels, self._sender, fonts.found(self._font))
        )
        log.info("papers_printed", form=str(form), many=len(parcels), by=actor.user_id)
        return made

    async def picking_list(self, actor: Actor, order_ids: tuple[int, ...]) -> bytes:
        """By warehouse, with the batches that shipping would take at this moment. Raises UnknownOrder, NotInPicking."""
        actor.require(Right.DELIVERY_MANAGE)
        now = self._clock().astimezone(self._zone)
        async with self._database.reading_entities() as session:
            sheets = await picking.sheets(session, actor, order_ids, now.date())
        return await asyncio.to_thread(
            lambda: batch.picking_list(sheets, f"{now:%Y-%m-%d %H:%M}", fonts.found(self._font))
        )

    async def load_list(self, actor: Actor, run_id: int) -> bytes:
        """Raises UnknownRun."""
        actor.require(Right.DELIVERY_MANAGE)
        actor.require_read("customer", _CONSIGNEE)
        async with self._database.reading_entities() as session:
            loaded = await run_papers.load_sheet(session, actor, run_id)
        return await asyncio.to_thread(lambda: batch.load_list(loaded, fonts.found(self._font)))
