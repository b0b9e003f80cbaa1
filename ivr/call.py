"""The life of a call, top to bottom: who is it, what do they want, who takes it, how did it end.

Rule: one coroutine a call. Before the caller waits, the place in the line is written to the channel,
so that the next daemon can go on when this one dies. At a hang-up, at whatever point, the line is left
and the record closed; a caller whom this daemon loses without a hang-up comes back through the
dialplan, so that record stays open.
"""

import asyncio
from dataclasses import replace
from typing import Final

from acd.core_types import Preferred
from acd.events import CallOutcome, Direction, Reason
from acd.lineplan import MAX_PRIORITY
from acd.records import CallRecord, CallStart
from acd.tickets import QueueEntry
from acd.voicemails import left_message
from ami_bridge.agi import AgiSession
from ami_bridge.errors import CallerHungUp
from crm_core.numbers import normalise
from ivr import place as places_in_line
from ivr.house import House
from ivr.line.live import Line as ThisLine
from ivr.menu import announcement_of
from ivr.reception import identify, is_rejected, reject
from ivr.recording import is_recorded
from ivr.survey import Survey
from ivr.under_way import UnderWay
from ivr.voicemail import LEFT
from ivr.waiting import Waiting
from ivr.walker import Chosen, HangUp, begin
from ivr.walking import Walking
from ivr.way import way_of

FAX: Final = "fax"
"""The outcome of a call that a fax machine took."""
_PHONE_RINGS_S = 30


class Line:
    """The handler that the FastAGI server runs for each call."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, session: AgiSession) -> None:
        query = session.env.query
        passed_on_to = query.get("transfer", "")
        inbound = session.env.script.strip("/") != "outbound"
        number = normalise(session.env.caller if inbound else query.get("number"))
        did = self._house.line.now.plan.did_by_number.get(query.get("did", ""))
        record = self._house.acd.begin_call(
            CallStart(
                call_id=query["call"],
                linkedid=session.env.uniqueid,
                node=query.get("node", ""),
                direction="inbound" if inbound else _direction(query.get("purpose")),
                caller=number,
                did=query.get("did", ""),
                line_version=self._house.line.now.number,
                medium=did.medium if did else None,
            )
        )
        call = Call(self._house, session, record, number)
        try:
            await call.keep_version()
            if passed_on_to:
                await call.passed_on(passed_on_to)
            else:
                await (call.inbound() if inbound else call.outbound(query.get("queue", "")))
            await session.set_variable("ZJ_DONE", "1")
        except asyncio.CancelledError:
            call.cut_off()
            raise
        except CallerHungUp:
            call.hung_up()
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
        self._call = UnderWay(house, house.line.now, session, record, number, house.language)
        self._house = house
        self._session, self._record = session, record
        self._waiting: Waiting | None = None
        self._walking: Walking | None = None
        self._left: CallOutcome | None = None
        self._at_phone = False

    @property
    def outcome(self) -> CallOutcome:
        if self._waiting is not None:
            return self._waiting.outcome
        if self._left is not None:
            return self._left
        if self._walking is not None:
            return self._walking.outcome
        return "left_in_menu" if self._record.row.answered_at is None else "answered"

    @property
    def _line(self) -> ThisLine:
        return self._call.line

    async def keep_version(self) -> None:
        """A call that was under way before goes on with the version of the line that it began with."""
        if self._record.resumed:
            self._call.line = await self._house.line.version(self._record.row.line_version)

    def end(self) -> None:
        """The caller is gone, or is done."""
        outcome = self.outcome
        if self._waiting is not None:
            self._waiting.leave("abandoned")
        self._record.end(outcome)

    def hung_up(self) -> None:
        """The caller left: for good, or passed on out of a talk. Then the channel lives, and either comes back
        (`passed_on`) or its end is told by Asterisk.
        """
        talked = self._at_phone or (self._waiting is not None and self._waiting.in_talk)
        if not talked or not self._house.acd.caller_is_there(self._record):
            self.end()
            return
        if self._waiting is not None:
            self._waiting.leave("abandoned")
        self._record.leave_talk()

    def cut_off(self) -> None:
        """The coroutine is cancelled: at a hang-up, or because the daemon stops.

        Then nothing is touched: the caller is still there, and the next daemon goes on.
        """
        if self._session.hung_up:
            self.hung_up()
        else:
            self._record.attended = False

    def give_up(self) -> None:
        """Something here failed. The caller comes back through the dialplan, to the old place."""
        if self._waiting is not None:
            self._waiting.leave("interrupted")
        self._record.attended = False

    async def inbound(self) -> None:
        """A caller comes in, or comes back after a daemon's death."""
        async with self._house.set_ups:
            await identify(self._call)
        if self._record.resumed and await self._session.get_variable(LEFT):
            await self._message_before()
            return
        if (kept := self._kept_place()) is not None:
            await self._resume(kept)
            return
        if is_rejected(self._call):
            self._left = "rejected"
            await reject(self._call)
            return
        if await self._is_for_fax():
            return
        self._walking = Walking(self._call)
        choice = await self._walking.to_the_end()
        if isinstance(choice, HangUp):
            return
        async with self._house.set_ups:
            chosen = await way_of(self._call, choice)
            self._record.routed(chosen, choice.path)
            entry = chosen.entry(self._record.call_id, self._house.clock())
            entry = await self._at_kept_place(entry)
        await self._wait(entry, choice.path)

    async def _at_kept_place(self, entry: QueueEntry) -> QueueEntry:
        """Somebody who was to be called back, and calls in instead, has the place of the call-back."""
        number = self._call.number
        kept = await self._house.callbacks.kept_place(number) if number else None
        if kept is None:
            return entry
        waited_s = (entry.joined_at - kept.joined_at).total_seconds()
        return replace(
            entry,
            priority=max(entry.priority, kept.priority),
            place_at=min(entry.joined_at, kept.joined_at),
            why=(*entry.why, Reason("callback_place", {"seconds": f"{waited_s:.0f}"})),
        )

    async def _is_for_fax(self) -> bool:
        """Whether the number called takes faxes: the dialplan goes on with that."""
        did = self._call.did
        if did is None or not did.fax:
            return False
        await self._session.set_variable("ZJ_FAX_IN", "1")
        self._record.step("fax")
        self._left = FAX
        return True

    async def _message_before(self) -> None:
        """The daemon before this one died while the caller left a message: what was said is kept."""
        left = left_message(self._house.recorder.folder, self._record.call_id)
        self._left = "voicemail" if left else "abandoned"
        await self._call.say("voicemail_saved" if left else "voicemail_none")

    async def passed_on(self, extension: str) -> None:
        """An agent sent the caller to another telephone: its agent is asked like for any call, before all others; a
        telephone without one rings by itself. Whom nobody takes waits in the line.
        """
        row, acd = self._record.row, self._house.acd
        self._record.step("passed_on", by=row.agent_id, to=extension)
        kept = places_in_line.read(self._session.env.query.get("place", ""))
        if kept is not None:
            self._call.language = kept.language
        await self._session.set_variable("ZJ_TRANSFER", "")
        queue = await self._queue_there(row.queue)
        agent = acd.at_extension(extension)
        if agent is None and await self._ring(extension):
            await self._part(queue)
            return
        entry = QueueEntry(
            call_id=row.id,
            queue=queue,
            priority=MAX_PRIORITY,
            joined_at=self._house.clock(),
            preferred=() if agent is None else (Preferred("passed_on", (agent.agent_id,)),),
            why=(Reason("passed_on", {"extension": extension}),),
            agents_only=row.direction != "inbound",
        )
        recorded = await is_recorded(self._session)
        await self._wait(entry, row.menu_path, recorded=recorded)

    async def _queue_there(self, queue: str | None) -> str:
        """The queue of this name; when the line has none any more, the one to which it leads who calls the number."""
        call, row = self._call, self._record.row
        if queue not in call.line.plan.queue_by_name:
            call.line = self._house.line.now
        if queue is not None and queue in call.line.plan.queue_by_name:
            return queue
        begun = begin(call.did, call.language, call.moment()) if call.did else None
        if not isinstance(begun, Chosen):
            begun = Chosen("-".join(row.menu_path) or None, row.menu_path, call.language)
        return (await way_of(call, begun)).queue

    async def _ring(self, extension: str) -> bool:
        """A telephone at which no agent works; True when they have talked."""
        self._record.step("dialled", extension=extension)
        self._at_phone = True
        await self._session.exec("Dial", f"PJSIP/{extension}", f"{_PHONE_RINGS_S}", "g")
        status = await self._session.get_variable("DIALSTATUS") or "CHANUNAVAIL"
        self._at_phone = False
        self._record.step("dial_ended", status=status)
        return status == "ANSWER"

    async def outbound(self, queue: str) -> None:
        """The far end of a call we placed has answered: it waits like a caller, before all others, and comes back to its
        place after a daemon's death.
        """
        await identify(self._call)
        if (kept := self._kept_place()) is not None:
            await self._resume(kept)
            return
        entry = QueueEntry(
            call_id=self._record.call_id,
            queue=await self._queue_there(queue),
            priority=MAX_PRIORITY,
            joined_at=self._house.clock(),
            agents_only=True,
        )
        await self._wait(entry, ())

    def _kept_place(self) -> places_in_line.Place | None:
        """The place that a daemon before this one wrote, in a queue that there still is."""
        kept = places_in_line.read(self._session.env.query.get("place", ""))
        return kept if kept is not None and kept.queue in self._line.plan.queue_by_name else None

    async def _resume(self, kept: places_in_line.Place) -> None:
        self._call.language, self._call.who = kept.language, None
        rule = self._line.plan.route_by_name.get(kept.skills_by or "")
        entry = QueueEntry(
            call_id=self._record.call_id,
            queue=kept.queue,
            priority=kept.priority,
            joined_at=kept.joined_at,
            preferred=kept.preferred,
            preferred_wait_s=kept.preferred_wait_s,
            skills=rule.needs if rule else (),
            relax=rule.relaxing if rule else (),
            skills_by=rule.name if rule else None,
            place_at=kept.place_at,
            agents_only=kept.agents_only,
        )
        await self._wait(entry, kept.menu_path, recorded=await is_recorded(self._session))

    async def _wait(
        self,
        entry: QueueEntry,
        menu_path: tuple[str, ...],
        *,
        recorded: bool = False,
    ) -> None:
        """Somebody whom we called and who has not talked yet is greeted, and not asked to wait for long."""
        called = entry.agents_only and self._record.row.answered_at is None
        here = places_in_line.Place(
            entry.queue,
            entry.priority,
            entry.joined_at,
            entry.preferred,
            None if entry.preferred_wait_s is None else round(entry.preferred_wait_s),
            menu_path,
            self._call.language,
            entry.skills_by,
            entry.place_at,
            entry.agents_only,
        )
        await self._session.set_variable("ZJ_PLACE", places_in_line.write(here))
        if self._call.who is not None:
            await self._session.set_caller_name(self._call.who.name)
        greeting = "outbound_greeting" if called else self._greeting(entry.queue)
        self._waiting = Waiting(
            session=self._session,
            record=self._record,
            ticket=self._house.acd.enter(entry),
            room=self._house.waiting_room,
            line=self._line,
            language=self._call.language,
            music=self._line.plan.queue_by_name[entry.queue].music,
            number=self._call.number,
            recorded=recorded,
        )
        patience_s = self._house.called_waits_s if called else None
        await self._waiting.until_over(greeting, patience_s)
        if self._waiting.outcome == "answered":
            await self._part(entry.queue)
        elif self._waiting.outcome == "outside":
            await self._call.say("thank_you")

    def _greeting(self, queue: str) -> str:
        """The queue's own is heard by whoever has not been in the line before."""
        own = self._line.plan.queue_by_name[queue].greeting
        if own is None or self._record.row.queued_at is not None:
            return "please_wait"
        return announcement_of(own)

    async def _part(self, queue: str) -> None:
        """The agent has hung up: the survey, if there is one, and goodbye."""
        name = self._line.plan.queue_by_name[queue].survey
        if name is not None:
            survey = Survey(
                self._line.menus.surveys[name],
                session=self._session,
                record=self._record,
                prompts=self._house.prompts,
                language=self._call.language,
                clock=self._house.clock,
            )
            await survey.ask(self._house.surveys)
        await self._call.say("thank_you")


def _direction(purpose: str | None) -> Direction:
    return "campaign" if purpose == "campaign" else "callback"
