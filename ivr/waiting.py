"""From the line to the agent: music and place until an offer comes, then the agent's telephone.

Rule: the call is answered when there is something to hear; a caller for whom an agent is free hears
the agent's telephone ring. Where too many hear something, those who come next ring on until there is room, and wait
without music. An offer interrupts whatever the caller hears. A telephone that is not answered brings the
caller back to the head of the line, without hearing anything but the ringing stop. Where the line sends the caller
another way, that way is gone here, and one that led nowhere ends at the old place.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog

from acd.core_types import Way
from acd.events import CallOutcome
from acd.records import CallRecord
from acd.tickets import Announcement, Comfort, Divert, Offer, Ticket
from ami_bridge.agi import AgiSession, Wake
from ivr import told
from ivr.calling_back import ask_for_callback
from ivr.capacity import Capacity, place_in
from ivr.line.live import Line
from ivr.menu import Language, announcement_of
from ivr.outside import ANSWERED, OutsideCalls
from ivr.ports import Callbacks
from ivr.prompts import PromptLibrary
from ivr.recording import Recorder
from ivr.voicemail import Voicemail

log = structlog.get_logger(__name__)

CALLBACK_KEY = "2"


@dataclass(frozen=True, slots=True)
class WaitingRoom:
    """What waiting needs of the house."""

    prompts: PromptLibrary
    recorder: Recorder
    callbacks: Callbacks
    outside: OutsideCalls
    capacity: Capacity


class Waiting:
    """One caller's wait. `outcome` is what the record says if the call ended now.

    `recorded`: the recording of the call was begun before.
    """

    def __init__(
        self,
        *,
        session: AgiSession,
        record: CallRecord,
        ticket: Ticket,
        room: WaitingRoom,
        line: Line,
        language: Language,
        music: str,
        number: str | None,
        recorded: bool,
    ) -> None:
        self._session = session
        self._record = record
        self._ticket = ticket
        self._room = room
        self._rooms = room.capacity.at(record.row.node)
        self._line = line
        self._language = language
        self._music_class = music
        self._number = number
        self._recorded = recorded
        self._offer: Offer | None = None
        self._music = False
        self._outside = False
        self._voicemail: Voicemail | None = None
        self._told: tuple[datetime, float] | None = None
        self._outcome: CallOutcome | None = None

    @property
    def outcome(self) -> CallOutcome:
        if self._outcome is not None:
            return self._outcome
        if self._voicemail is not None:
            return self._voicemail.outcome
        if self._record.row.answered_at is None:
            return "abandoned"
        return "outside" if self._outside else "answered"

    @property
    def in_talk(self) -> bool:
        """Whether the agent of the offer has picked up."""
        return self._offer is not None and self._ticket.place() is None

    async def until_over(self, greeting: str, patience_s: float | None) -> None:
        """Wait and talk; returns when the call is over.

        `greeting` is said unless an agent is there at once; `patience_s`: give up after so long.
        """
        greeted = False
        while self._outcome is None:
            word = self._ticket.take()
            if isinstance(word, Offer):
                await self._dial(word)
            elif isinstance(word, Divert):
                await self._go(word.way)
            elif isinstance(word, Announcement | Comfort):
                await self._tell(word)
            elif word is None and not greeted:
                greeted = await self._greet(greeting)
            elif word is None:
                await self._hold(patience_s)

    async def _greet(self, greeting: str) -> bool:
        """Once there is room; False when the line wants something before. Somebody whom we called is not kept in silence."""
        if self._record.row.direction != "inbound":
            await self._heard(await self._say(greeting))
            return True
        async with place_in(self._rooms.words, until=self._ticket.news) as there:
            if there:
                await self._heard(await self._say(greeting))
            return there

    async def _tell(self, word: Announcement | Comfort) -> None:
        """Where there is no room it is left out: another one comes."""
        if self._rooms.words.is_full:
            return
        async with place_in(self._rooms.words):
            if isinstance(word, Comfort):
                await self._heard(await self._say("comfort"))
            else:
                await self._heard(await self._announce(word))

    async def _hold(self, patience_s: float | None) -> None:
        """Music, if there is room, until a key, until the line has news, or until patience ends."""
        await self._music_on()
        key = await self._session.hold_until(self._ticket.wake, timeout_s=patience_s)
        if key is not None:
            await self._heard(key)
        elif not self._ticket.wake.done():
            self._outcome = "nobody_free"
            await self._say("nobody_free")

    async def _announce(self, place: Announcement) -> str | None:
        """Place and wait; what was told first is held against what became of it."""
        wait = told.rounded(place.estimate_s)
        self._record.step(
            "announced",
            position=place.position,
            estimate_s=None if place.estimate_s is None else round(place.estimate_s),
            told=str(wait) if wait else None,
        )
        if place.estimate_s is not None and self._told is None:
            self._told = (self._record.now(), place.estimate_s)
        return await self._say(*told.prompts(place, self._language, callback=self._may_ask))

    def _tell_outcome(self) -> None:
        """Into the record: how long the caller waited after the first estimate, and what it was."""
        answered_at = self._record.row.answered_at
        if self._told is not None and answered_at is not None:
            at, estimate_s = self._told
            waited_s = round((answered_at - at).total_seconds())
            self._record.step("wait_told", told_s=round(estimate_s), waited_s=waited_s)
            self._told = None

    async def _dial(self, offer: Offer) -> None:
        """Ring the agent, and let them talk."""
        self._offer = offer
        await self._music_off()
        await self._begin_recording()
        self._record.step("dialled", agent_id=offer.agent_id, extension=offer.extension)
        ring_s = f"{offer.ring_s:.0f}"
        await self._session.exec("Dial", f"PJSIP/{offer.extension}", ring_s, "g")
        status = await self._session.get_variable("DIALSTATUS") or "CHANUNAVAIL"
        talked_s = float(await self._session.get_variable("ANSWEREDTIME") or 0)
        self._offer = None
        self._record.step("dial_ended", agent_id=offer.agent_id, status=status)
        if status == ANSWERED:
            self._ticket.finished(offer, status, talked_s)
            self._tell_outcome()
            self._outcome = "answered"
        else:
            self._ticket.ringing_failed(offer, status)

    async def _begin_recording(self) -> None:
        if not self._recorded:
            self._recorded = await self._room.recorder.begin(self._session, self._record)

    # ---- other ways ---------------------------------------------------------------------------------

    async def _go(self, way: Way) -> None:
        if way.kind == "announce":
            announcement = announcement_of(way.to)
            await self._heard(await self._say(announcement, until=self._ticket.offered))
        elif way.kind == "callback":
            if self._may_ask:
                await self._heard(await self._say("callback_offer"))
        elif way.kind == "outside":
            await self._dial_outside(way)
        else:
            await self._leave_message(way.to)

    async def _dial_outside(self, way: Way) -> None:
        """Ring the outside number, and let them talk."""
        calls = self._room.outside
        refused = calls.refusal(way, self._number, self._line.plan)
        if refused is not None:
            self._record.step("outside_refused", number=way.to, reason=refused)
            self._ticket.back()
            return
        await self._music_off()
        await self._begin_recording()
        self._record.step("outside_dialled", number=way.to)
        self._outside = True
        plan = self._line.plan
        status, talked_s = await calls.dial(self._session, self._record, way, plan)
        self._record.step("outside_ended", number=way.to, status=status)
        if status == ANSWERED:
            self._ticket.outside_answered(talked_s)
            self._tell_outcome()
            self._outcome = "outside"
        else:
            self._outside = False
            self._ticket.back()

    async def _leave_message(self, queue: str) -> None:
        """Where none can be left the caller waits on, or may be called back."""
        voicemail = Voicemail(
            session=self._session,
            record=self._record,
            prompts=self._room.prompts,
            language=self._language,
            recorder=self._room.recorder,
            queue=queue,
        )
        if voicemail.is_refused():
            self._ticket.back()
            offered = ("callback_offer",) if self._may_ask else ()
            await self._heard(await self._say("voicemail_not_possible", *offered))
            return
        await self._music_off()
        self._voicemail = voicemail
        await voicemail.take()
        self._outcome = voicemail.outcome
        self._ticket.leave(self._outcome)

    # ---- what the caller presses and hears ----------------------------------------------------------

    @property
    def _may_ask(self) -> bool:
        """Whether the caller can be called back."""
        return self._number is not None and self._record.row.direction == "inbound"

    async def _heard(self, key: str | None) -> None:
        """The caller may ask to be called back."""
        if key is None:
            return
        self._record.step("key", key=key)
        if key != CALLBACK_KEY or self._record.row.direction != "inbound":
            return
        row = self._record.row
        refused = await ask_for_callback(self._room.callbacks, self._number, row.queue or "", row)
        if refused is not None:
            self._record.step("callback_refused", reason=refused)
            await self._say("callback_refused")
            return
        self._outcome = "callback_requested"
        self._ticket.leave("callback")
        await self._music_off()
        path = self._room.prompts.path("callback_accepted", self._language)
        await self._session.play([path])

    async def _say(self, *prompts: str, until: Wake | None = None) -> str | None:
        """Prompts, cut short by a key or by an offer or another way; with `until` by a key or by that."""
        await self._music_off()
        await self._session.answer()
        menus, wake = self._line.menus, until or self._ticket.pressing
        paths = await self._room.prompts.playable(menus, prompts, self._language)
        if wake.done():
            return None
        for name in menus.announced_in(prompts):
            self._record.step("announced", announcement=name)
        return await self._session.play(paths, escape_digits=CALLBACK_KEY, wake=wake)

    async def _music_on(self) -> None:
        if not self._music and not self._rooms.music.is_full:
            await self._rooms.music.take()
            self._music = True
            await self._session.answer()
            await self._session.music(on=True, class_=self._music_class)

    async def _music_off(self) -> None:
        if self._music:
            self._silence()
            await self._session.music(on=False)

    def _silence(self) -> None:
        if self._music:
            self._music = False
            self._rooms.music.give_back()

    def leave(self, reason: str) -> None:
        """Out of the line, whatever brought us here; all of this does nothing after a proper end."""
        self._silence()
        if self._offer is not None and self.in_talk:
            self._ticket.finished(self._offer, ANSWERED, 0.0)
        self._tell_outcome()
        kept = self._voicemail.outcome if self._voicemail is not None else None
        self._ticket.leave(self._outcome or kept or reason)
