"""The parts of the web door, put together once for an application.

Rule: this is the only place where they are made; handlers find them here.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from crm_core.rights import Principal
from webui.board import board, facts_of
from webui.cards import Cards
from webui.feed import Viewer
from webui.health import Health
from webui.hub import SESSION_ENDED, Hub
from webui.live import Live
from webui.metrics import Metrics
from webui.origins import Origins
from webui.pops import CallFacts, PopBook
from webui.rounds import Rounds
from webui.services import WebServices
from webui.sidebar import Sidebar
from webui.state import Objects
from webui.tickets import Tickets


@dataclass(frozen=True, slots=True)
class Door:
    services: WebServices
    origins: Origins
    tickets: Tickets
    health: Health
    sidebar: Sidebar
    hub: Hub
    live: Live
    rounds: Rounds
    metrics: Metrics

    @classmethod
    def of(cls, services: WebServices) -> Self:
        """Everything in its place, not yet started."""
        acd, options = services.acd, services.options

        def facts(call_id: str) -> CallFacts | None:
            return facts_of(acd, call_id)

        def card_ready(call_id: str) -> None:
            live.card_ready(call_id)

        def whole(viewer: Viewer) -> Objects:
            if viewer.kind == "board":
                return board(acd, cards, health, viewer)
            return sidebar.whole(viewer)

        health = Health(services.database, services.nodes, services.room, services.prompts)
        book = PopBook(facts)
        cards = Cards(services.crm, services.trade.orders, on_ready=card_ready)
        sidebar = Sidebar(
            acd,
            book,
            cards,
            health,
            services.listed,
            since=services.clock(),
        )
        hub = Hub(whole, services.clock)
        live = Live(services.bus, acd, book=book, cards=cards, sidebar=sidebar, hub=hub)
        rounds = Rounds(
            hub=hub,
            live=live,
            health=health,
            accounts=services.crm.accounts,
            callbacks=services.callbacks,
            todos=services.crm.todos,
            questions=services.crm.knowledge.questions,
            database=services.database,
            rhythm=options.rhythm,
        )
        return cls(
            services=services,
            origins=Origins(options.origins),
            tickets=Tickets(time.monotonic),
            health=health,
            sidebar=sidebar,
            hub=hub,
            live=live,
            rounds=rounds,
            metrics=Metrics(
                acd,
                hub,
                services.nodes,
                bus=services.bus,
                room=services.room,
                prompts=services.prompts,
                capacity=services.capacity,
            ),
        )

    def start(self) -> None:
        self.live.start()
        self.rounds.start()
        self.metrics.start()

    def close_pages(self, of: Callable[[Principal], bool]) -> None:
        """Close the pages of sessions that were ended here; other daemons find out in their rounds."""
        for page in tuple(self.hub.pages()):
            if of(page.principal):
                page.close(SESSION_ENDED)

    async def close(self) -> None:
        """Close every page and stop listening."""
        self.hub.close()
        await self.rounds.close()
        await self.live.close()
        await self.metrics.close()


DOOR = web.AppKey("door", Door)
