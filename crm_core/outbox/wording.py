"""The words of the messages. Rule: whole sentences in each language, never glued; `{…}` are the only
parts that change, and a kind without words in a language falls back to Chinese.

A line with something optional in it (`{waybill}`, `{link}` …) is left out when there is none. A business replaces
shipped words by its own (`message_templates`), for all channels or for one, without a new version of anything.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter

from sqlalchemy import select

from crm_core.clock import Steady
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.outbox.ports import Message, NotNow, NotSent
from crm_core.outbox.tables import MessageTemplate

OPTIONAL = frozenset({"courier", "waybill", "link", "reason", "date", "place", "lines"})
ALL_CHANNELS = ""
_LINK, _COMPANY = "link", "company"
_FRESH_FOR_S = 5.0
_formatter = Formatter()


@dataclass(frozen=True, slots=True)
class Wording:
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a package's kinds of messages say, by kind; `given` is what every message of a kind brings along,
    whether the shipped words use it or not. A business switches the kinds in `told` on and off; it says what holds
    until then.
    """

    zh: Mapping[str, Wording]
    en: Mapping[str, Wording]
    given: Mapping[str, frozenset[str]] = field(default_factory=dict)
    told: Mapping[str, bool] = field(default_factory=dict)

    def __or__(self, other: "Words") -> "Words":
        return Words(
            {**self.zh, **other.zh},
            {**self.en, **other.en},
            {**self.given, **other.given},
            {**self.told, **other.told},
        )

    def placeholders(self, kind: str) -> frozenset[str]:
        """What may stand in the words of a kind."""
        shipped = [texts[kind] for texts in (self.zh, self.en) if kind in texts]
        named = {name for each in shipped for name in _names(each.subject) | _names(each.body)}
        return self.given.get(kind, frozenset()) | named | {_LINK, _COMPANY}


Key = tuple[str, str, str]
"""Kind, language, channel."""


class BadTemplate(ValueError):
    """Words that cannot be filled in; the message says why."""


def check(words: Wording, allowed: frozenset[str]) -> None:
    """Raises BadTemplate: a placeholder that no message fills, or a brace that is none."""
    for text in (words.subject, words.body):
        if unknown := sorted(_names(text) - allowed):
            known = ", ".join(f"{{{name}}}" for name in sorted(allowed))
            raise BadTemplate(f"{{{unknown[0]}}} is never filled in: use {known}.")


def filled(words: Wording, values: Mapping[str, str]) -> Wording:
    """The words with the values in them. Raises KeyError for one that is missing and not optional."""
    return Wording(_filled(words.subject, values), _filled(words.body, values))


def chosen(
    kind: str, language: str, channel: str, own: Mapping[Key, Wording], words: Words
) -> Wording | None:
    """The business's own words before the shipped ones, the customer's language before Chinese."""
    shipped = {"en": words.en, "zh": words.zh}
    for code in dict.fromkeys((_language(language), "zh")):
        for key in ((kind, code, channel), (kind, code, ALL_CHANNELS)):
            if key in own:
                return own[key]
        if kind in shipped[code]:
            return shipped[code][kind]
    return None


class WordBook:
    """The words in use: what is shipped, and what the business wrote instead."""

    def __init__(
        self,
        words: Words,
        company: str,
        *,
        database: Database | None = None,
        steady: Steady = time.monotonic,
    ) -> None:
        """Without a database only the shipped words."""
        self.shipped = words
        self.company = company
        self._database = database
        self._steady = steady
        self._own: Mapping[Key, Wording] = {}
        self._read_at: float | None = None

    async def of(self, message: Message, channel: str) -> Wording:
        """The message in its language.

        Raises NotSent (permanent) for a kind that has no words, NotNow when none could be read yet.
        """
        try:
            await self._read()
        except DatabaseUnavailable as error:
            if self._read_at is None:
                raise NotNow(error.message, everybody=False) from error
        words = chosen(message.kind, message.language, channel, self._own, self.shipped)
        if words is None:
            raise NotSent(f"there are no words for {message.kind}", permanent=True)
        try:
            return filled(words, {**message.params, _COMPANY: self.company})
        except KeyError as missing:
            raise NotSent(f"{message.kind} lacks {missing}", permanent=True) from missing

    async def _read(self) -> None:
        now, last = self._steady(), self._read_at
        if self._database is None or (last is not None and now - last < _FRESH_FOR_S):
            return
        async with self._database.reading() as connection:
            rows = await connection.execute(
                select(
                    MessageTemplate.kind,
                    MessageTemplate.language,
                    MessageTemplate.channel,
                    MessageTemplate.subject,
                    MessageTemplate.body,
                )
            )
            self._own = {
                (kind, language, channel): Wording(subject, body)
                for kind, language, channel, subject, body in rows
            }
        self._read_at = now


def _language(language: str) -> str:
    return "en" if language.lower().startswith("en") else "zh"


def _names(text: str) -> set[str]:
    """The placeholders of a text. Raises BadTemplate."""
    try:
        parts = list(_formatter.parse(text))
    except ValueError as error:
        raise BadTemplate(f"a brace is not closed: {error}.") from error
    names = set()
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if form or conversion or not name.isidentifier():
            raise BadTemplate(f"{{{name}}} must be a plain name.")
        names.add(name)
    return names


def _filled(text: str, values: Mapping[str, str]) -> str:
    lines = text.split("\n")
    return "\n".join(_line(line, values) for line in lines if not _empty(line, values))


def _empty(line: str, values: Mapping[str, str]) -> bool:
    return any(not values.get(name) for name in _names(line) & OPTIONAL)


def _line(line: str, values: Mapping[str, str]) -> str:
    return "".join(
        literal if name is None else literal + str(values[name])
        for literal, name, _, _ in _formatter.parse(line)
    )
