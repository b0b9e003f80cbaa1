"""Calls that tell a customer something without an agent: a message that is said, or a fax.

Rule: as for every call, the rules are asked at the moment of dialling and the ledger row is committed before the
number goes out. A message was heard when somebody pressed 1; with a machine it is left after the beep. Whoever presses 9
at a notice, which nobody asked for, is on the do-not-call list from then on.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from ami_bridge.agi import AgiSession
from crm_core.errors import DatabaseUnavailable
from crm_core.faxes.results import of_fax_out
from crm_core.faxes.views import FaxResult, FaxStatus
from crm_core.outbox.ports import CONFIRMED, LEFT, MaybeSent, NotNow, NotSent
from dialer import machines
from dialer.law import Law
from dialer.policy import Result, classify, retry_for
from dialer.ports import Answered, FateUnknown, NotAnswered, PlainLine, Speak
from dialer.rules.verdict import Verdict
from dialer.store import DialerStore, until_stored

log = structlog.get_logger(__name__)

ANNOUNCEMENT, FAX = "announcement", "fax"
"""The scripts by which Asterisk brings such a call to the daemon."""

FAXED = "faxed"
_CONFIRM = {"zh": "确认收到请按1,重听请按2。", "en": "Press 1 to confirm, 2 to hear it again."}
_REFUSE = {"zh": "不再接听此类来电请按9。", "en": "Press 9 not to be called again."}
_REFUSED = "refused"
_HEARD_BY = timedelta(seconds=220)
_FAXED_BY = timedelta(seconds=200)
_KEY_WITHIN_S = 5.0
_MOST_TIMES = 3


@dataclass
class _Out:
    """A call that is out, `within` which it must be over; `over` tells how it ended: `confirmed`, `heard`, `left`,
    `refused`, `hung_up`, or what a fax came to. A person hears the `sounds` one after the other, a machine the first;
    `keys` are those that end what is said.
    """

    token: str
    number: str
    context: str
    within: timedelta
    variables: Mapping[str, str] = field(default_factory=dict)
    sounds: tuple[str, ...] = ()
    keys: str = "12"
    over: asyncio.Future[str] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def ended(self, how: str) -> None:
        if not self.over.done():
            self.over.set_result(how)


class MessageCalls:
    """The line for the channels `voice` and `fax` of the outbox."""

    def __init__(
        self,
        store: DialerStore,
        line: PlainLine,
        *,
        speak: Speak,
        folder: Path,
        clock: Callable[[], datetime],
        law: Law | None = None,
        needs_key: bool = True,
    ) -> None:
        """`folder` is where spoken messages lie while they are said; Asterisk must be able to read it."""
        self._store = store
        self._line = line
        self._speak = speak
        self._folder = folder
        self._clock = clock
        self._law = law or Law()
        self._needs_key = needs_key
        self._out: dict[str, _Out] = {}

    async def start(self) -> None:
        """Close the ledger rows an earlier daemon left open. Raises DatabaseUnavailable."""
        await self._store.close_message_attempts(self._clock())

    async def say(self, token: str, number: str, text: str, language: str) -> str:
        """Raises NotSent (nobody heard it), NotNow (may not be called now), MaybeSent."""
        code = "en" if language.startswith("en") else "zh"
        self._folder.mkdir(parents=True, exist_ok=True)
        await self._permit(number)
        refusable = await self._is_notice(token)
        said = {
            self._folder / f"{token}.wav": text,
            self._folder / f"{token}-keys.wav": _CONFIRM[code]
            + (_REFUSE[code] if refusable else ""),
        }
        try:
            for sound, words in said.items():
                await asyncio.to_thread(self._speak, words, code, sound)
            out = _Out(token, number, "zongji-announcement", _HEARD_BY)
            out.sounds = tuple(str(sound.with_suffix("")) for sound in said)
            out.keys = "129" if refusable else "12"
            return await self._call(out)
        finally:
            for sound in said:
                sound.unlink(missing_ok=True)

    async def fax(self, token: str, number: str, page: Path) -> str:
        """Raises NotSent (the other side did not take it), NotNow, MaybeSent."""
        variables = {"ZJ_FAX": str(page)}
        return await self._call(_Out(token, number, "zongji-fax", _FAXED_BY, variables))

    async def enter(self, session: AgiSession) -> None:
        """The call has been answered, or the fax is over."""
        query = session.env.query
        out = self._out.get(query.get("call", ""))
        if session.env.script.strip("/") == FAX:
            if out is not None:
                await self._faxed(query["call"], out, of_fax_out(query))
            return
        if out is not None:
            try:
                await self._announce(session, out)
            finally:
                out.ended("hung_up")
        await session.hangup()

    async def _faxed(self, call_id: str, out: _Out, result: FaxResult) -> None:
        out.ended(FAXED if result.status is FaxStatus.SENT else result.error or "failed")
        now = self._clock()
        await until_stored(
            lambda: self._store.fax_ended(call_id, out.token, out.number, result=result, at=now)
        )

    async def _announce(self, session: AgiSession, out: _Out) -> None:
        if await machines.has_answered(session):
            await machines.listens(session)
            await session.stream_file(out.sounds[0])
            out.ended(LEFT)
            return
        for _ in range(_MOST_TIMES):
            key = await self._say_all(session, out) or await session.wait_for_digit(_KEY_WITHIN_S)
            if key in (ended := {"1": CONFIRMED, "9": _REFUSED}) and key in out.keys:
                out.ended(ended[key])
                return
            if key is None and not self._needs_key:
                break
        out.ended("heard")

    @staticmethod
    async def _say_all(session: AgiSession, out: _Out) -> str | None:
        """The key that ended it."""
        for sound in out.sounds:
            key = await session.stream_file(sound, out.keys)
            if key is not None:
                return key
        return None

    async def _permit(self, number: str) -> None:
        """Before a text is spoken in vain: what is not allowed now would not be dialled. Raises NotSent, NotNow."""
        now = self._clock()
        try:
            known = await self._store.standings([number], self._law.wanted("message", now))
        except DatabaseUnavailable as error:
            raise NotNow(error.message, everybody=False) from error
        self._heed(self._law.verdict("message", now, known[number]), now)

    async def _is_notice(self, token: str) -> bool:
        """Raises NotNow."""
        try:
            return await self._store.is_notice(token)
        except DatabaseUnavailable as error:
            raise NotNow(error.message, everybody=False) from error

    @staticmethod
    def _heed(verdict: Verdict, now: datetime) -> None:
        """Raises NotSent, NotNow."""
        if verdict.allowed:
            return
        if verdict.retry_at is None:
            raise NotSent(verdict.reason, permanent=True)
        raise NotNow(verdict.reason, everybody=False, wait=verdict.retry_at - now)

    async def _call(self, out: _Out) -> str:
        """How it ended. Raises NotSent, NotNow, MaybeSent."""
        call_id, now = uuid.uuid4().hex, self._clock()
        try:
            verdict = await self._store.begin_message_attempt(
                call_id, out.token, out.number, self._law, now, said=bool(out.sounds)
            )
        except DatabaseUnavailable as error:
            raise NotNow(error.message, everybody=False) from error
        self._heed(verdict, now)
        self._out[call_id] = out
        log.info("message_call", call=call_id, context=out.context)
        try:
            fate = await self._line.place(
                call_id, out.number, context=out.context, variables=out.variables
            )
            if isinstance(fate, Answered):
                return await self._answered(call_id, out)
        finally:
            del self._out[call_id]
        if isinstance(fate, FateUnknown):
            await self._end(call_id, "unknown")
            raise MaybeSent("the link to Asterisk broke while the number was dialled")
        raise await self._not_answered(call_id, fate)

    async def _answered(self, call_id: str, out: _Out) -> str:
        """How it ended. Raises NotSent, MaybeSent."""
        await until_stored(lambda: self._store.attempt_answered(call_id, self._clock()))
        try:
            async with asyncio.timeout(out.within.total_seconds()):
                how = await out.over
        except TimeoutError:
            await self._end(call_id, "unknown")
            raise MaybeSent("nobody knows what became of the call") from None
        if how == _REFUSED:
            now = self._clock()
            await until_stored(lambda: self._store.refused_by_key(out.number, call_id, now))
        if how == LEFT:
            await self._end(call_id, "machine")
            return how
        if how in (CONFIRMED, FAXED, _REFUSED) or (how == "heard" and not self._needs_key):
            await self._end(call_id, "reached")
            return how
        await self._end(call_id, "abandoned")
        raise NotSent(how, permanent=False, wait=retry_for("busy").after)

    async def _not_answered(self, call_id: str, fate: NotAnswered) -> NotSent | NotNow:
        result = classify(fate.cause)
        await self._end(call_id, result, fate)
        retry = retry_for(result)
        if not retry.counts:
            return NotNow(result)
        return NotSent(result, permanent=retry.after is None, wait=retry.after)

    async def _end(self, call_id: str, result: Result, fate: NotAnswered | None = None) -> None:
        cause, tech = (fate.cause, fate.tech_cause) if fate else (None, None)
        now = self._clock()
        await until_stored(
            lambda: self._store.end_attempt(call_id, result, now, cause=cause, tech=tech)
        )
        log.info("message_call_ended", call=call_id, result=result, cause=cause)
