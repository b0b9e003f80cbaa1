"""A caller's place in the line as text in a channel variable (ZJ_PLACE), for the next daemon.

Rule: what a daemon wrote before it died, the next one reads; anything else is no place. Only letters,
digits and `._~-` are used, so that the text passes unharmed through dialplan and address.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from ivr.menu import LANGUAGES, Language

_FORM = re.compile(
    r"1~(?P<queue>[a-z][a-z0-9_]{0,49})~(?P<priority>\d{1,3})~(?P<joined>\d{1,11}\.\d{6})"
    r"~(?P<agent>\d{0,18})~(?P<wait>\d{0,5})~(?P<path>[0-9sh-]{0,99})~(?P<language>[a-z]{2})",
    re.ASCII,
)
_SAFE = {"*": "s", "#": "h"}
_KEY = {text: key for key, text in _SAFE.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """`joined_at` is aware UTC to the microsecond; `preferred_agent` the own salesperson, for whom
    alone the caller waits `preferred_wait_s` whole seconds (None: as long as the queue says).
    """

    queue: str
    priority: int
    joined_at: datetime
    preferred_agent: int | None
    preferred_wait_s: int | None
    menu_path: tuple[str, ...]
    language: Language


def write(place: Place) -> str:
    """The place as text."""
    path = "-".join(_SAFE.get(key, key) for key in place.menu_path)
    agent, wait = map(_or_nothing, (place.preferred_agent, place.preferred_wait_s))
    joined = f"{place.joined_at.timestamp():.6f}"
    parts = ("1", place.queue, str(place.priority), joined, agent, wait, path, place.language)
    return "~".join(parts)


def read(text: str) -> Place | None:
    """The place, None when the text is none of ours."""
    found = _FORM.fullmatch(text)
    if found is None or found["language"] not in LANGUAGES:
        return None
    return Place(
        queue=found["queue"],
        priority=int(found["priority"]),
        joined_at=datetime.fromtimestamp(float(found["joined"]), UTC),
        preferred_agent=int(found["agent"]) if found["agent"] else None,
        preferred_wait_s=int(found["wait"]) if found["wait"] else None,
        menu_path=tuple(_KEY.get(key, key) for key in found["path"].split("-") if key),
        language=cast("Language", found["language"]),
    )


def _or_nothing(value: int | None) -> str:
    return "" if value is None else str(value)
