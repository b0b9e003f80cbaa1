"""From the bus to the pages.

Rule: an event becomes messages in the same turn of the loop in which it is published, so that a pop lies
in the agent's socket before the telephone is dialled. Only the board, which may be a fifth of a second
late, is marked here and read whole by the rounds, and stock, which changes with every order, is told by them.
"""

from collections.abc import Callable, Iterable
from itertools import islice

from acd.events import (
    AgentChanged,
    CallLeftQueue,
    CallOffered,
    CallOverflowed,
    CallQueued,
    CallRouted,
    QueueChanged,
)
from acd.records import CallerFacts
from acd.service import AcdService
from crm_core.bus import Bus
from crm_core.customers.card_views import CustomerCard
from crm_core.knowledge.events import QuestionAnswered, QuestionAsked
from crm_core.knowledge.question_views import LiveQuestion
from crm_core.todos.events import TodoAlarm, TodoEscalated
from crm_core.todos.views import RaisedAlarm
from dialer.events import CallbackChanged, CallbackView
from orders.sales.events import OrderChanged, OrderMoved, OrderPlaced
from orders.stock.events import StockChanged
from webui.cards import Cards
from webui.hub import Hub
from webui.pops import CallFacts, PopBook, Touched
from webui.sidebar import Sidebar

_ON_THE_BOARD = (
    AgentChanged,
    CallRouted,
    CallLeftQueue,
    CallOffered,
    CallOverflowed,
    CallQueued,
    QueueChanged,
)
_MOST_SKUS = 500


class Live:
    """Hears the bus and tells the hub's pages."""

    def __init__(
        self,
        bus: Bus,
        acd: AcdService,
        *,
        book: PopBook,
        cards: Cards,
        sidebar: Sidebar,
        hub: Hub,
    ) -> None:
        self._bus = bus
        self._acd = acd
        self._book = book
        self._cards = cards
        self._sidebar = sidebar
        self._hub = hub
        self._stops: list[Callable[[], None]] = []
        self._stock_changed: dict[str, None] = {}
        self.board_is_old = False
        self.alarms_are_old = True
        self.questions_are_old = True

    def start(self) -> None:
        """Take up the talks that an earlier daemon left going on, then listen."""
        for agent in self._acd.agent_views():
            record = self._acd.record(agent.call_id) if agent.call_id else None
            if record is not None and record.row.answered_at is not None:
                call = CallFacts.of(record.row)
                self._book.restore(agent.agent_id, call, record.row.answered_at)
                self._fetch_card(call.call_id, call.customer_id)
        self._stops = [
            self._bus.subscribe(self._on_call, *self._book.handled),
            self._bus.subscribe(self._mark_board, *_ON_THE_BOARD),
            self._bus.subscribe(self._on_callback, CallbackChanged),
            self._bus.subscribe(self._on_order, OrderPlaced, OrderChanged, OrderMoved),
            self._bus.subscribe(self._mark_stock, StockChanged),
            self._bus.subscribe(self.mark_alarms, TodoAlarm, TodoEscalated),
            self._bus.subscribe(self.mark_questions, QuestionAsked, QuestionAnswered),
        ]

    async def close(self) -> None:
        for stop in self._stops:
            stop()
        await self._cards.close()

    def shown(self, call_id: str) -> CallFacts | None:
        """The facts of a call that still stands on a screen, though it may be over."""
        return self._book.shown(call_id)

    def on_screen(self, agent_id: int, call_id: str) -> CallFacts | None:
        """The facts of a call that stands on this agent's screen."""
        pop = self._book.pops(agent_id).get(call_id)
        return pop.call if pop else None

    def at_hand(self, agent_id: int) -> frozenset[int]:
        """The customers with whom the agent talks, or has just talked."""
        return self._book.customers(agent_id)

    def card_ready(self, call_id: str) -> None:
        """The customer's card has come: the pops of the call show it, and the board its level."""
        self.board_is_old = True
        self._show(Touched(agent_id, call_id) for agent_id in self._book.viewers(call_id))

    def link_customer(self, call_id: str, card: CustomerCard) -> None:
        """The caller was entered as a customer: the call's record and its pops know it."""
        record = self._acd.recent_record(call_id)
        if record is not None:
            row = record.row
            record.identified(
                CallerFacts(
                    customer_id=card.id,
                    customer_name=card.name,
                    level=card.level.code,
                    province=row.province,
                    city=row.city,
                    area_code=row.area_code,
                )
            )
        self._show(self._book.link(call_id, card.id, card.name))
        self._fetch_card(call_id, card.id, again=True)

    def customer_changed(self, customer_id: int) -> None:
        """The customer's record is another one now: its pops show it."""
        for call_id in self._book.calls_of(customer_id):
            self._fetch_card(call_id, customer_id, again=True)

    def show_callbacks(self, callbacks: Iterable[CallbackView]) -> None:
        """Call-backs as they are now."""
        for callback in callbacks:
            self._sidebar.keep(callback)
            for feed in self._hub.feeds("sidebar"):
                put = self._sidebar.callbacks(feed.viewer, (callback.id,))
                gone = () if put else (str(callback.id),)
                self._hub.change(feed, {"callbacks": put}, {"callbacks": gone})

    def show_alarms(self, alarms: Iterable[RaisedAlarm]) -> None:
        """All alarms as they are now."""
        if self._sidebar.keep_alarms(alarms):
            for feed in self._hub.feeds("sidebar"):
                self._hub.refresh(feed)

    def show_questions(self, questions: Iterable[LiveQuestion]) -> None:
        """All questions as they are now."""
        if self._sidebar.keep_questions(questions):
            for feed in self._hub.feeds("sidebar"):
                self._hub.refresh(feed)

    def tell_stock(self) -> None:
        """Whose stock changed since the last time, each once; those beyond what one message holds come next."""
        skus = tuple(islice(self._stock_changed, _MOST_SKUS))
        for sku in skus:
            del self._stock_changed[sku]
        if skus:
            self._hub.tell_stock(skus)

    def mark_questions(self, _event: object = None) -> None:
        """Somebody asked or answered: the rounds read them anew."""
        self.questions_are_old = True

    def mark_alarms(self, _event: object = None) -> None:
        """A to-do alarmed, or was changed: the rounds read them anew."""
        self.alarms_are_old = True

    def _on_call(self, event: object) -> None:
        touched = self._book.apply(event)
        if isinstance(event, CallRouted):
            record = self._acd.record(event.call_id)
            self._fetch_card(event.call_id, record.row.customer_id if record else None)
        elif isinstance(event, CallOffered):
            call = self._book.shown(event.call_id)
            self._fetch_card(event.call_id, call.customer_id if call else None)
        elif isinstance(event, AgentChanged):
            self._show_agent(event.agent_id)
        self._show(touched)

    def _show(self, touched: Iterable[Touched]) -> None:
        for agent_id, call_id in ((each.agent_id, each.call_id) for each in touched):
            for feed in self._hub.feeds("sidebar", agent_id):
                put = self._sidebar.pops(feed.viewer, (call_id,))
                gone = () if put else (call_id,)
                self._hub.change(feed, {"pops": put}, {"pops": gone})
            if not self._book.viewers(call_id) and self._acd.record(call_id) is None:
                self._cards.forget(call_id)

    def _show_agent(self, agent_id: int) -> None:
        for feed in self._hub.feeds("sidebar", agent_id):
            me = self._sidebar.me(agent_id, feed.viewer.name, feed.viewer.extension)
            self._hub.change(feed, {"me": {"agent": me}})

    def _fetch_card(self, call_id: str, customer_id: int | None, *, again: bool = False) -> None:
        if customer_id is not None:
            self._cards.fetch(call_id, customer_id, again=again)

    def _on_callback(self, event: CallbackChanged) -> None:
        self.show_callbacks((event.callback,))

    def _on_order(self, event: OrderPlaced | OrderChanged | OrderMoved) -> None:
        self.customer_changed(event.customer_id)

    def _mark_stock(self, event: StockChanged) -> None:
        self._stock_changed[event.sku] = None

    def _mark_board(self, _event: object) -> None:
        self.board_is_old = True
