"""The life of a call, top to bottom: who is it, what do they want, who takes it, how did it end.

Rule: one coroutine a call. Before the caller waits, the place in the line is written to the channel,
so that the next daemon can go on when this one dies. At a hang-up, at whatever point, the line is left
and the record closed; a caller whom this daemon loses without a hang-up comes back through the
dialplan, so that record stays open.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from acd.events import Direction
from acd.lineplan import MAX_PRIORITY, LinePlan
from acd.records import CallerFacts, CallRecord, CallStart
from acd.routing import CallFacts, Route, route
from acd.service import AcdService
from acd.tickets import QueueEntry
from ami_bridge.agi import AgiSession
from ami_bridge.errors import CallerHungUp
from crm_core.customers.identity import CallerIdentity
from crm_core.customers.service import CustomerService
from crm_core.numbers import normalise
from crm_core.places.finder import Places
from ivr import place as places_in_line
from ivr.menu import KEYS, LANGUAGES, Language, Menus
from ivr.ports import Callbacks
from ivr.prompts import PromptLibrary
from ivr.recording import is_recorded
from ivr.waiting import Waiting
from ivr.walker import Chosen, Play, begin, press

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class House:
    """What every call needs of the rest of the daemon.

    `called_waits_s`: how long somebody we called is asked to wait for an agent.
    """

    acd: AcdService
    plan: LinePlan
    menus: Menus
    prompts: PromptLibrary
    customers: CustomerService
    places: Places
    callbacks: Callbacks
    recordings: Path
    language: Language
    clock: Callable[[], datetime]
    called_waits_s: float = 20.0


class Line:
    """The handler that the FastAGI server runs for each call."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, session: AgiSession) -> None:
        query = session.env.query
        inbound = session.env.script.strip("/") != "outbound"
        number = normalise(session.env.caller if inbound else query.get("number"))
        record = self._house.acd.begin_call(
            CallStart(
                call_id=query["call"],
                linkedid=session.env.uniqueid,
                node=query.get("node", ""),
                direction="inbound" if inbound else _direction(query.get("purpose")),
                caller=number,
                did=query.get("did", ""),
            )
        )
        call = Call(self._house, session, record, number)
        try:
            await (call.inbound() if inbound else call.outbound(query.get("queue", "")))
            await session.set_variable("ZJ_DONE", "1")
        except asyncio.CancelledError:
            call.cut_off()
            raise
        except CallerHungUp:
            call.end()
            raise
        except BaseException:
            call.give_up()
            raise
        call.end()


class Call:
    """One call under way. `outcome` is what the record says if it ended now."""

    def __init__(
        self, house: House, session: AgiSession, record: CallRecord, number: str | None
    ) -> None:
        self._house = house
        self._session = session
        self._record = record
        self._number = number
        self._language: Language = house.language
        self._waiting: Waiting | None = None

    @property
    def outcome(self) -> str:
        if self._waiting is not None:
            return self._waiting.outcome
        return "left_in_menu"

    def end(self) -> None:
        """The caller is gone, or is done."""
        outcome = self.outcome
        if self._waiting is not None:
            self._waiting.leave("abandoned")
        self._record.end(outcome)

    def cut_off(self) -> None:
        """The coroutine is cancelled: at a hang-up, or because the daemon stops.

        Then nothing is touched: the caller is still there, and the next daemon goes on.
        """
        if self._session.hung_up:
            self.end()
        else:
            self._record.attended = False

    def give_up(self) -> None:
        """Something here failed. The caller comes back through the dialplan, to the old place."""
        if self._waiting is not None:
            self._waiting.leave("interrupted")
        self._record.attended = False

    async def inbound(self) -> None:
        """A caller comes in, or comes back after a daemon's death."""
        who = await self._identify()
        kept = places_in_line.read(self._session.env.query.get("place", ""))
        if kept is not None and kept.queue in self._house.plan.queue_by_name:
            await self._resume(kept)
            return
        choice = await self._walk()
        chosen = self._route(who, choice)
        self._record.routed(chosen, choice.path)
        entry = chosen.entry(self._record.call_id, self._house.clock())
        await self._wait(entry, choice.path, who)

    async def outbound(self, queue: str) -> None:
        """The far end of a call we placed has answered: it waits like a caller, before all others."""
        who = await self._identify()
        entry = QueueEntry(
            call_id=self._record.call_id,
            queue=queue
            if queue in self._house.plan.queue_by_name
            else self._house.plan.queues[0].name,
            priority=MAX_PRIORITY,
            joined_at=self._house.clock(),
        )
        patience_s = self._house.called_waits_s
        await self._wait(entry, (), who, "outbound_greeting", patience_s=patience_s)

    async def _identify(self) -> CallerIdentity | None:
        who = await self._house.customers.identify(self._number)
        home = self._house.places.find(self._number, who.place if who else None)
        if who is not None and who.language in LANGUAGES:
            self._language = who.language
        self._record.identified(
            CallerFacts(
                customer_id=who.customer_id if who else None,
                customer_name=who.name if who else None,
                level=who.level_code if who else None,
                province=home.province if home else None,
                city=home.city if home else None,
                area_code=home.area_code if home else None,
            )
        )
        return who

    async def _walk(self) -> Chosen:
        """The menu of the number called, key by key, until the caller has chosen."""
        did = self._house.plan.did_by_number.get(self._record.row.did)
        if did is None or did.menu is None:
            return Chosen(None, (), self._language)
        await self._session.answer()
        self._record.step("menu_answered", menu=did.menu)
        decision: Play | Chosen = begin(did.menu, self._language)
        while isinstance(decision, Play):
            walk = decision.walk
            self._language = walk.language
            key = await self._listen(decision)
            self._note(walk.menu, key)
            decision = press(self._house.menus, walk, key)
        return decision

    def _note(self, menu: str, key: str | None) -> None:
        if key is None:
            self._record.step("no_key", menu=menu)
        elif key in self._house.menus[menu].keys:
            self._record.step("key", menu=menu, key=key)
        else:
            self._record.step("wrong_key", menu=menu, key=key)

    async def _listen(self, play: Play) -> str | None:
        menu = self._house.menus[play.walk.menu]
        paths = [self._house.prompts.path(name, play.walk.language) for name in play.prompts]
        early = KEYS if menu.barge_in else ""
        key = await self._session.play(paths, escape_digits=early)
        return key or await self._session.wait_for_digit(menu.timeout_s)

    def _route(self, who: CallerIdentity | None, choice: Chosen) -> Route:
        row = self._record.row
        return route(
            self._house.plan,
            CallFacts(
                did=row.did,
                menu_choice=choice.choice,
                province=row.province,
                city=row.city,
                area_code=row.area_code,
                level=row.level,
                grade=who.grade if who else None,
                is_vip=who.is_vip if who else False,
                salesperson_id=who.salesperson_id if who else None,
            ),
        )

    async def _resume(self, kept: places_in_line.Place) -> None:
        self._language = kept.language
        entry = QueueEntry(
            call_id=self._record.call_id,
            queue=kept.queue,
            priority=kept.priority,
            joined_at=kept.joined_at,
            preferred_agent=kept.preferred_agent,
            preferred_wait_s=kept.preferred_wait_s,
        )
        await self._wait(entry, kept.menu_path, None, recorded=await is_recorded(self._session))

    async def _wait(
        self,
        entry: QueueEntry,
        menu_path: tuple[str, ...],
        who: CallerIdentity | None,
        greeting: str = "please_wait",
        *,
        patience_s: float | None = None,
        recorded: bool = False,
    ) -> None:
        here = places_in_line.Place(
            entry.queue,
            entry.priority,
            entry.joined_at,
            entry.preferred_agent,
            None if entry.preferred_wait_s is None else round(entry.preferred_wait_s),
            menu_path,
            self._language,
        )
        await self._session.set_variable("ZJ_PLACE", places_in_line.write(here))
        if who is not None:
            await self._session.set_caller_name(who.name)
        self._waiting = Waiting(
            session=self._session,
            record=self._record,
            ticket=self._house.acd.enter(entry),
            prompts=self._house.prompts,
            language=self._language,
            music=self._house.plan.queue_by_name[entry.queue].music,
            recordings=self._house.recordings,
            callbacks=self._house.callbacks,
            number=self._number,
            recorded=recorded,
        )
        await self._waiting.until_over(greeting, patience_s)


def _direction(purpose: str | None) -> Direction:
    return "campaign" if purpose == "campaign" else "callback"
