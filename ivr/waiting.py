"""From the line to the agent: music and place until an offer comes, then the agent's telephone.

Rule: the call is answered when there is something to hear; a caller for whom an agent is free hears
the agent's telephone ring. An offer interrupts whatever the caller hears. A telephone that is not answered brings the
caller back to the head of the line, without hearing anything but the ringing stop.
"""

from pathlib import Path

import structlog

from acd.records import CallRecord
from acd.tickets import Announcement, Offer, Overflow, Ticket
from ami_bridge.agi import AgiSession
from crm_core.errors import DomainError
from ivr.menu import Language
from ivr.ports import Callbacks
from ivr.prompts import PromptLibrary, position_prompt
from ivr.recording import begin_recording

log = structlog.get_logger(__name__)

CALLBACK_KEY = "2"
_PROMISED_ALREADY = "callback_exists"
_ANSWERED = "ANSWER"


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
        prompts: PromptLibrary,
        language: Language,
        music: str,
        recordings: Path,
        callbacks: Callbacks,
        number: str | None,
        recorded: bool,
    ) -> None:
        self._session = session
        self._record = record
        self._ticket = ticket
        self._prompts = prompts
        self._language = language
        self._music_class = music
        self._recordings = recordings
        self._callbacks = callbacks
        self._number = number
        self._recorded = recorded
        self._offer: Offer | None = None
        self._music = False
        self._outcome: str | None = None

    @property
    def outcome(self) -> str:
        if self._outcome is not None:
            return self._outcome
        return "answered" if self._record.row.answered_at is not None else "abandoned"

    async def until_over(self, greeting: str, patience_s: float | None) -> None:
        """Wait and talk; returns when the call is over.

        `greeting` is said unless an agent is there at once; `patience_s`: give up after so long.
        """
        greeted = False
        while self._outcome is None:
            word = self._ticket.take()
            if isinstance(word, Offer):
                if await self._dial(word):
                    await self._say("thank_you")
            elif isinstance(word, Announcement):
                await self._heard(await self._say(position_prompt(word.position)))
            elif isinstance(word, Overflow):
                continue
            elif not greeted:
                greeted = True
                await self._heard(await self._say(greeting))
            else:
                await self._hold(patience_s)

    async def _hold(self, patience_s: float | None) -> None:
        """Music until a key, until the line has news, or until patience ends."""
        await self._music_on()
        key = await self._session.hold_until(self._ticket.wake, timeout_s=patience_s)
        if key is not None:
            await self._heard(key)
        elif not self._ticket.wake.done():
            self._outcome = "nobody_free"
            await self._say("nobody_free")

    async def _dial(self, offer: Offer) -> bool:
        """Ring the agent; True when they have talked."""
        self._offer = offer
        await self._music_off()
        if not self._recorded:
            self._recorded = True
            await begin_recording(self._session, self._record, self._recordings)
        self._record.step("dialled", agent_id=offer.agent_id, extension=offer.extension)
        ring_s = f"{offer.ring_s:.0f}"
        await self._session.exec("Dial", f"PJSIP/{offer.extension}", ring_s, "g")
        status = await self._session.get_variable("DIALSTATUS") or "CHANUNAVAIL"
        talked_s = float(await self._session.get_variable("ANSWEREDTIME") or 0)
        self._offer = None
        self._record.step("dial_ended", agent_id=offer.agent_id, status=status)
        if status == _ANSWERED:
            self._ticket.finished(offer, status, talked_s)
            self._outcome = "answered"
            return True
        self._ticket.ringing_failed(offer, status)
        return False

    async def _heard(self, key: str | None) -> None:
        """The caller may ask to be called back."""
        if key is None:
            return
        self._record.step("key", key=key)
        if key != CALLBACK_KEY or self._record.row.direction != "inbound":
            return
        refused = await self._ask_for_callback()
        if refused is not None:
            self._record.step("callback_refused", reason=refused)
            await self._say("callback_refused")
            return
        self._outcome = "callback_requested"
        self._ticket.leave("callback")
        await self._music_off()
        await self._session.play([self._prompts.path("callback_accepted", self._language)])

    async def _ask_for_callback(self) -> str | None:
        """Why there can be no call-back; None when one is promised, now or already."""
        row = self._record.row
        if self._number is None:
            return "number_hidden"
        try:
            await self._callbacks.request(
                self._number,
                row.queue or "",
                source="caller_key",
                customer_id=row.customer_id,
                call_id=row.id,
            )
        except DomainError as error:
            return None if error.code == _PROMISED_ALREADY else error.code
        return None

    async def _say(self, prompt: str) -> str | None:
        """A prompt, cut short by a key or by an offer."""
        await self._music_off()
        await self._session.answer()
        path = self._prompts.path(prompt, self._language)
        wake = self._ticket.wake
        return await self._session.play([path], escape_digits=CALLBACK_KEY, wake=wake)

    async def _music_on(self) -> None:
        if not self._music:
            self._music = True
            await self._session.answer()
            await self._session.music(on=True, class_=self._music_class)

    async def _music_off(self) -> None:
        if self._music:
            self._music = False
            await self._session.music(on=False)

    def leave(self, reason: str) -> None:
        """Out of the line, whatever brought us here; all of this does nothing after a proper end."""
        if self._offer is not None and self._record.row.answered_at is not None:
            self._ticket.finished(self._offer, _ANSWERED, 0.0)
        self._ticket.leave(self._outcome or reason)
