"""What the keypad log tells. Rule: frozen, times aware UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LoggedStep:
    """One keypad step of a call; `kind` and `detail` as in `call_steps`."""

    at: datetime
    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call as the keypad log tells it. `steps` are empty once they have expired."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    caller: str | None
    did: str
    medium: str | None
    customer_id: int | None
    customer_name: str | None
    menu_path: tuple[str, ...]
    last_menu: str | None
    wrong_keys: int | None
    services: tuple[str, ...]
    line_version: int | None
    queue: str | None
    agent_id: int | None
    outcome: str | None
    steps: tuple[LoggedStep, ...] = ()


@dataclass(frozen=True, slots=True)
class LogPage:
    """`next` asks for what is older; None at the end."""

    items: tuple[LoggedCall, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class MenuCount:
    """Of a menu of one version of the line: how many calls heard it and gave up in it, and keys that led nowhere."""

    line_version: int | None
    menu: str
    calls: int
    gave_up: int
    wrong: int
    silent: int


@dataclass(frozen=True, slots=True)
class KeyCount:
    """Of a key in a menu of one version of the line: how many calls pressed it, and how often."""

    line_version: int | None
    menu: str
    key: str
    calls: int
    presses: int


@dataclass(frozen=True, slots=True)
class PathCount:
    """Calls whose keys led them the same way, and what became of them."""

    keys: tuple[str, ...]
    calls: int
    answered: int
    abandoned: int
    left_in_menu: int


@dataclass(frozen=True, slots=True)
class Branches:
    """`calls` heard a menu. `paths` are the most frequent, the most frequent first."""

    since: datetime
    until: datetime
    calls: int
    menus: tuple[MenuCount, ...]
    keys: tuple[KeyCount, ...]
    paths: tuple[PathCount, ...]
