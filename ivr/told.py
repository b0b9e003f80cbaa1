"""What a waiting caller is told: the place in the line, and how long it will take.

Rule: rounded up and never more precise than it is known; of what nobody can know, nothing is said.
"""

from dataclasses import dataclass
from math import ceil
from typing import Literal

from acd.tickets import Announcement
from ivr.menu import Language
from ivr.prompts import position_prompt
from ivr.spoken.speaker import Speaker

FINE_MIN, LONGEST_MIN = 10, 30
_COARSE_MIN = 5
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Wait:
    """`under` a minute, `about` so many minutes, or `over` so many."""

    kind: Literal["under", "about", "over"]
    minutes: int

    def __str__(self) -> str:
        return f"{self.kind}_{self.minutes}"


def rounded(seconds: float | None) -> Wait | None:
    """By the minute up to ten, then by five, and no further than half an hour."""
    if seconds is None:
        return None
    if seconds < _MINUTE_S:
        return Wait("under", 1)
    minutes = ceil(seconds / _MINUTE_S)
    if minutes > FINE_MIN:
        minutes = ceil(minutes / _COARSE_MIN) * _COARSE_MIN
    return Wait("over", LONGEST_MIN) if minutes > LONGEST_MIN else Wait("about", minutes)


def prompts(told: Announcement, language: Language, *, callback: bool) -> tuple[str, ...]:
    """What is played; `callback`: that a key asks for one is said too."""
    wait = rounded(told.estimate_s)
    said = (position_prompt(told.position), *(_wait(wait, language) if wait else ()))
    return (*said, "callback_by_key") if callback else said


def _wait(wait: Wait, language: Language) -> tuple[str, ...]:
    if wait.kind == "under":
        return ("wait_under_minute",)
    minutes = Speaker(language).minutes(wait.minutes)
    return ("wait_about" if wait.kind == "about" else "wait_over", *minutes)
