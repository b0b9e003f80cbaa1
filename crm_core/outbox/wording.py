"""The words of the messages. Rule: whole sentences in each language, never glued; `{…}` are the only
parts that change, and a kind without words in a language falls back to Chinese.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crm_core.outbox.ports import Message, NotSent


@dataclass(frozen=True, slots=True)
class Wording:
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a package's kinds of messages say, by kind."""

    zh: Mapping[str, Wording]
    en: Mapping[str, Wording]

    def __or__(self, other: "Words") -> "Words":
        return Words({**self.zh, **other.zh}, {**self.en, **other.en})


def wording(message: Message, company: str, words: Words) -> Wording:
    """The message in its language. Raises NotSent (permanent) for a kind that has no words."""
    texts = words.en if message.language.startswith("en") else words.zh
    text = texts.get(message.kind) or words.zh.get(message.kind)
    if text is None:
        raise NotSent(f"there are no words for {message.kind}", permanent=True)
    values = {**message.params, "company": company}
    try:
        return Wording(text.subject.format_map(values), text.body.format_map(values))
    except KeyError as missing:
        raise NotSent(f"{message.kind} lacks {missing}", permanent=True) from missing
