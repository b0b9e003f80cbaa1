"""A caller's place in the line as text in a channel variable (ZJ_PLACE), for the next daemon.

Rule: what a daemon wrote before it died, the next one reads; anything else is no place. Only letters,
digits and `._~-` are used, so that the text passes unharmed through dialplan and address.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from acd.core_types import Preferred, PreferredAs
from ivr.menu import LANGUAGES, Language

_GROUP = r"[pxsdl]\d{1,18}(?:\.\d{1,18})*"
_FORM = re.compile(
    r"1~(?P<queue>[a-z][a-z0-9_]{0,49})~(?P<priority>\d{1,3})~(?P<joined>\d{1,11}\.\d{6})"
    rf"~(?P<agents>\d{{1,18}}|(?:{_GROUP}(?:-{_GROUP})*)?)"
    r"~(?P<wait>\d{0,5})~(?P<path>[0-9sh-]{0,99})~(?P<language>[a-z]{2})"
    r"(?:~(?P<skills>[a-z][a-z0-9_]{0,49}))?(?:~(?P<since>\d{1,11}\.\d{6}))?(?:~(?P<agents_only>1))?",
    re.ASCII,
)
_ROLES: Mapping[PreferredAs, str] = {
    "passed_on": "p",
    "dialled": "x",
    "salesperson": "s",
    "deputy": "d",
    "spoke_last": "l",
}
_ROLE = {letter: role for role, letter in _ROLES.items()}
_SAFE = {"*": "s", "#": "h"}
_KEY = {text: key for key, text in _SAFE.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """`joined_at` is aware UTC to the microsecond; `preferred` who is asked before the queue, each group
    `preferred_wait_s` whole seconds long (None: as long as the queue says);
    `skills_by` the rule of the line plan that says which skills are needed; `place_at` the moment that counts for the
    order, of one who keeps the place of a call-back; `agents_only` as in `QueueEntry`.
    """

    queue: str
    priority: int
    joined_at: datetime
    preferred: tuple[Preferred, ...]
    preferred_wait_s: int | None
    menu_path: tuple[str, ...]
    language: Language
    skills_by: str | None = None
    place_at: datetime | None = None
    agents_only: bool = False


def write(place: Place) -> str:
    """The place as text."""
    path = "-".join(_SAFE.get(key, key) for key in place.menu_path)
    agents = "-".join(map(_group, place.preferred))
    wait = "" if place.preferred_wait_s is None else str(place.preferred_wait_s)
    joined = _moment(place.joined_at)
    parts = ["1", place.queue, str(place.priority), joined, agents, wait, path, place.language]
    if place.skills_by is not None:
        parts.append(place.skills_by)
    if place.place_at is not None:
        parts.append(_moment(place.place_at))
    if place.agents_only:
        parts.append("1")
    return "~".join(parts)


def read(text: str) -> Place | None:
    """The place, None when the text is none of ours."""
    found = _FORM.fullmatch(text)
    if found is None or found["language"] not in LANGUAGES:
        return None
    return Place(
        queue=found["queue"],
        priority=int(found["priority"]),
        joined_at=_read(found["joined"]),
        preferred=tuple(_preferred(found["agents"])),
        preferred_wait_s=int(found["wait"]) if found["wait"] else None,
        menu_path=tuple(_KEY.get(key, key) for key in found["path"].split("-") if key),
        language=cast("Language", found["language"]),
        skills_by=found["skills"],
        place_at=_read(found["since"]) if found["since"] else None,
        agents_only=found["agents_only"] is not None,
    )


def _moment(at: datetime) -> str:
    return f"{at.timestamp():.6f}"


def _read(text: str) -> datetime:
    return datetime.fromtimestamp(float(text), UTC)


def _group(preferred: Preferred) -> str:
    return _ROLES[preferred.role] + ".".join(map(str, preferred.agents))


def _preferred(text: str) -> Iterator[Preferred]:
    """A number alone is the own salesperson: daemons before wrote nobody else."""
    if text.isdecimal():
        yield Preferred("salesperson", (int(text),))
        return
    for group in filter(None, text.split("-")):
        yield Preferred(_ROLE[group[0]], tuple(map(int, group[1:].split("."))))
