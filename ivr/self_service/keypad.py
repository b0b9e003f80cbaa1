"""A conversation by prompts and keys.

Rule: every question ends: after so many wrong answers and silences, or at the star, it is given up (None). Every answer
is a step of the call's record; of a secret one only that it was given.
"""

from collections.abc import Sequence

from acd.records import CallRecord
from ami_bridge.agi import AgiSession
from ivr.menu import Language
from ivr.prompts import PromptLibrary
from ivr.said import KEYS
from ivr.spoken.speaker import Speaker

BACK = "*"
DONE = "#"
TRIES = 3
_ANSWER_S = 6.0
_NEXT_DIGIT_S = 4.0
_HIDDEN = "****"


class Keypad:
    """`speaker` gives the prompts of figures in the caller's language."""

    def __init__(
        self, session: AgiSession, record: CallRecord, prompts: PromptLibrary, language: Language
    ) -> None:
        self._session = session
        self._record = record
        self._prompts = prompts
        self._voices: dict[str, Language] = {}
        self.language = language
        self.speaker = Speaker(language)

    async def say(self, *prompts: str) -> bool:
        """Prompts to their end (True), or to a key, which answers the next question."""
        key = await self._play(prompts)
        if key is not None:
            self._session.put_back(key)
        return key is None

    async def choose(self, question: Sequence[str], keys: str) -> str | None:
        """One of `keys`."""
        for _ in range(TRIES):
            key = await self._key(question)
            if key == BACK:
                return None
            if key is not None and key in keys:
                return key
            self._session.forget_keys()
            await self.say("no_key" if key is None else "wrong_key")
        return None

    async def digits(
        self, question: Sequence[str], *, name: str, most: int, secret: bool = False
    ) -> str | None:
        """Up to `most` digits, ended by the hash or a pause; "" for the hash alone. `name` is what the record
        calls them; `secret` ones it does not keep.
        """
        for _ in range(TRIES):
            key = await self._first(question)
            if key is None:
                self._record.step("no_key", asked=name)
                await self.say("no_key")
                continue
            typed = await self._rest(key, most)
            self._record.step("digits", asked=name, keys=_HIDDEN if secret else typed)
            if BACK in typed:
                return None
            return typed.rstrip(DONE)
        return None

    async def name_of(self, prompt: str, text: str, language: Language | None = None) -> str | None:
        """The prompt that says this text, in the caller's language when none is given; None when it cannot be spoken."""
        voice = language or self.language
        if not await self._prompts.spoken(prompt, text, voice):
            return None
        self._voices[prompt] = voice
        return prompt

    async def _rest(self, typed: str, most: int) -> str:
        while typed[-1] not in BACK + DONE and len(typed) < most:
            key = await self._session.wait_for_digit(_NEXT_DIGIT_S)
            if key is None:
                break
            typed += key
        return typed

    async def _key(self, question: Sequence[str]) -> str | None:
        key = await self._first(question)
        self._record.step("no_key" if key is None else "key", **({"key": key} if key else {}))
        return key

    async def _first(self, question: Sequence[str]) -> str | None:
        return await self._play(question) or await self._session.wait_for_digit(_ANSWER_S)

    async def _play(self, prompts: Sequence[str]) -> str | None:
        paths = [
            self._prompts.path(name, self._voices.get(name, self.language)) for name in prompts
        ]
        return await self._session.play(paths, escape_digits=KEYS)
