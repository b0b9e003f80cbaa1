"""Leaving a message (留言): greeting, beep, recording; then hear it, say it again, or keep it.

Rule: the sound lies on the disk while it is spoken, so that a hang-up, or this daemon's death, keeps what was said by
then; what becomes of it is the sweep's (acd/voicemails.py). Takes end with #, with silence or at the longest. Where the
disk is full no message is taken, as no call is recorded.
"""

import asyncio
from pathlib import Path

from acd.events import CallOutcome
from acd.records import CallRecord
from acd.voicemails import SHORTEST_S, Take, left_message, path_for, takes
from ami_bridge.agi import AgiSession
from ivr.menu import Language
from ivr.prompts import PromptLibrary
from ivr.recording import Recorder

LEFT = "ZJ_VOICEMAIL"
"""The channel variable that says to the next daemon that the caller was leaving a message."""
_SILENCE_S, _LONGEST_S = 6, 180
_MOST_TAKES = 4
_BEEP, _BEEP_S = "!1000/400", "0.5"
_HEAR, _AGAIN, _KEEP = "1", "2", "#"
_KEYS = _HEAR + _AGAIN + _KEEP
_THINK_S = 5.0


class Voicemail:
    """One caller's message for the people of a queue."""

    def __init__(
        self,
        *,
        session: AgiSession,
        record: CallRecord,
        prompts: PromptLibrary,
        language: Language,
        recorder: Recorder,
        queue: str,
    ) -> None:
        self._session = session
        self._record = record
        self._prompts = prompts
        self._language = language
        self._recorder = recorder
        self._folder = recorder.folder
        self._queue = queue

    @property
    def outcome(self) -> CallOutcome:
        """What the record says if the call ended now; a caller who said nothing has given up."""
        left = left_message(self._folder, self._record.call_id)
        return "voicemail" if left else "abandoned"

    def is_refused(self) -> bool:
        """Whether no message can be left now, which is noted."""
        if self._recorder.is_full:
            self._record.step("voicemail_refused", queue=self._queue, cause="disk_full")
            return True
        return False

    async def take(self) -> None:
        """Until the caller is content or has tried often enough; then goodbye."""
        self._record.step("voicemail", queue=self._queue)
        await self._session.answer()
        await self._session.set_variable(LEFT, self._queue)
        if key := await self._say("voicemail_greeting", keys=_KEEP):
            self._noted(key)
        for number in range(1, _MOST_TAKES + 1):
            if await self._is_kept(number):
                break
        left = self.outcome == "voicemail"
        await self._say("voicemail_saved" if left else "voicemail_none")

    async def _is_kept(self, number: int) -> bool:
        """One take; False when another one is wanted."""
        row = self._record.row
        file = path_for(self._folder, row.id, row.started_at, number, self._queue)
        await self._session.exec("PlayTones", _BEEP)
        await self._session.exec("Wait", _BEEP_S)
        await self._session.exec("StopPlayTones")
        await self._session.exec("Record", str(file), str(_SILENCE_S), str(_LONGEST_S), "kq")
        status = await self._session.get_variable("RECORD_STATUS")
        seconds = await asyncio.to_thread(self._seconds, file)
        self._record.step("voicemail_take", seconds=round(seconds, 1), ended_by=status)
        if seconds < SHORTEST_S:
            await self._say("voicemail_short")
            return False
        return await self._is_content(file)

    async def _is_content(self, file: Path) -> bool:
        """Who presses nothing is."""
        key = await self._asked()
        while key == _HEAR:
            heard = await self._session.play([str(file.with_suffix(""))], escape_digits=_KEYS)
            key = self._noted(heard) if heard else await self._asked()
        return key != _AGAIN

    async def _asked(self) -> str | None:
        key = await self._say("voicemail_menu", keys=_KEYS)
        return self._noted(key or await self._session.wait_for_digit(_THINK_S))

    def _noted(self, key: str | None) -> str | None:
        """What the caller answered, which is a step of the record."""
        if key is None:
            self._record.step("no_key", asked="voicemail")
        else:
            self._record.step("key" if key in _KEYS else "wrong_key", asked="voicemail", key=key)
        return key

    def _seconds(self, file: Path) -> float:
        mine = (take for take in takes(self._folder, self._record.call_id) if take.file == file)
        return next(map(_length, mine), 0.0)

    async def _say(self, prompt: str, *, keys: str = "") -> str | None:
        path = self._prompts.path(prompt, self._language)
        return await self._session.play([path], escape_digits=keys)


def _length(take: Take) -> float:
    return take.seconds
