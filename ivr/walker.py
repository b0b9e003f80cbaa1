"""Walking a menu: a key or a silence in, the next thing to play or the end out.

Rule: pure, the time is told; and every walk ends: each menu allows a number of wrong keys and silences, and
the walk as a whole a number of steps, whatever the caller presses.
"""

from dataclasses import dataclass, replace
from typing import Literal

from acd.hours import Moment, chosen
from acd.lineplan import DidPlan
from ivr.menu import (
    Action,
    Language,
    MenuPlan,
    Menus,
    OperatorPlan,
    Service,
    announcement_of,
    prompt_of,
)

MOST_STEPS = 50
GOODBYE = "thank_you"
ASKED_EXTENSION = "extension_ask"
NO_EXTENSION = "extension_away"


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the caller is. `path` are the keys that led here, `failures` those that led nowhere."""

    menu: str
    language: Language
    path: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    failures: int = 0
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Play:
    """Play these prompts and listen for a key."""

    walk: Walk
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Serve:
    """After the prompts let the caller use this service, `pin` as the key says, and go on with `served`."""

    walk: Walk
    service: Service
    pin: bool | None = None
    prompts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dial:
    """After the prompts take the digits of an extension, of which `typed` is there already, and go on with `dialled`."""

    walk: Walk
    typed: str = ""
    prompts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """The walk is over. `choice` is what routing is told: the keys joined, None for no choice.

    `queue`: the line that the number leads straight into; `extension`: whose the caller dialled.
    """

    choice: str | None
    path: tuple[str, ...]
    language: Language
    prompts: tuple[str, ...] = ()
    queue: str | None = None
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class HangUp:
    """The call ends after these prompts."""

    path: tuple[str, ...]
    language: Language
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """After the prompts of `chosen` the caller leaves a message, for the people of `queue` or (None) of that to which
    `chosen` leads, or is to be called back; when there can be no call-back it goes on with `served`.
    """

    walk: Walk
    kind: Literal["voicemail", "callback"]
    chosen: Chosen
    queue: str | None = None


Decision = Play | Serve | Dial | Leave | Chosen | HangUp


def begin(did: DidPlan, language: Language, moment: Moment) -> Play | Chosen | HangUp:
    """What callers of a number come to at a time."""
    branch = chosen(did.branches, moment) or did.branches[-1]
    said = tuple(announcement_of(name) for name in (did.announce, branch.announce) if name)
    if branch.menu is not None:
        return Play(Walk(branch.menu, language), (*said, prompt_of(branch.menu)))
    if branch.hang_up:
        return HangUp((), language, (*said, GOODBYE))
    return Chosen(None, (), language, said, queue=branch.queue)


def press(menus: Menus, walk: Walk, key: str | None, moment: Moment) -> Decision:
    """What follows a key, or a silence (None)."""
    menu = menus[walk.menu]
    walk = replace(walk, steps=walk.steps + 1)
    if walk.steps >= MOST_STEPS:
        return _give_up(menu, walk)
    if key is None:
        return _failed(menu, walk, "no_key")
    if key in menu.keys:
        first, then = menu.keys[key], menu.keys[key].at(moment)
        names = dict.fromkeys((first.announce, then.announce))
        said = tuple(announcement_of(name) for name in names if name)
        return _follow(walk, then, key, said)
    operator = menus.operator_in(menu)
    if operator is not None and key == operator.key:
        return _to(operator, walk)
    if key in menus.dialled_in(menu):
        return Dial(walk, key)
    return _failed(menu, walk, "wrong_key")


def _follow(walk: Walk, action: Action, key: str, said: tuple[str, ...]) -> Decision:
    path = (*walk.path, key)
    if action.route:
        return Chosen("-".join(path), path, walk.language, said)
    if action.voicemail or action.callback:
        end = Chosen("-".join(path), path, walk.language, said)
        queue = action.voicemail if isinstance(action.voicemail, str) else None
        return Leave(walk, "voicemail" if action.voicemail else "callback", end, queue)
    if action.hang_up:
        return HangUp(path, walk.language, (*said, GOODBYE))
    if action.service is not None:
        return Serve(replace(walk, failures=0), action.service, action.pin, said)
    if action.extension:
        return Dial(walk, prompts=(*said, ASKED_EXTENSION))
    return _enter(_moved(walk, action, path), said)


def _moved(walk: Walk, action: Action, path: tuple[str, ...]) -> Walk:
    """In another menu, or in this one."""
    if action.menu is not None:
        above = (*walk.above, walk.menu)
        return replace(walk, menu=action.menu, path=path, above=above, failures=0)
    if action.back and walk.above:
        return replace(walk, menu=walk.above[-1], above=walk.above[:-1], path=walk.path[:-1])
    return replace(walk, language=action.language or walk.language)


def served(walk: Walk) -> Play:
    """The menu again, after a service."""
    return _enter(walk)


def to_operator(menus: Menus, walk: Walk, typed: str) -> Chosen | None:
    """To the operator, if the last key typed for an extension is the operator's and none of the extension's: as the first
    when no extension begins with it, and a star at any time.
    """
    operator, rules = menus.operator_in(menus[walk.menu]), menus.extensions
    if operator is None or rules is None or not typed.endswith(operator.key):
        return None
    alone = typed == operator.key and operator.key not in rules.begin_with
    return _to(operator, walk) if alone or operator.key == "*" else None


def is_typed(menus: Menus, walk: Walk, typed: str) -> bool:
    """Whether no key is waited for after these of an extension: it has its length, or was ended by the hash."""
    if menus.extensions is None or to_operator(menus, walk, typed) is not None:
        return True
    return len(typed) >= menus.extensions.digits or not (typed[-1:] or "0").isdigit()


def dialled(menus: Menus, walk: Walk, extension: str, *, there: bool) -> Play | Chosen | HangUp:
    """What follows an extension: to whoever is `there` at it, or the menu again."""
    if there:
        return Chosen(None, (*walk.path, *extension), walk.language, extension=extension)
    return _failed(menus[walk.menu], walk, NO_EXTENSION)


def _to(operator: OperatorPlan, walk: Walk) -> Chosen:
    return Chosen(operator.choice, (*walk.path, operator.key), walk.language)


def _enter(walk: Walk, said: tuple[str, ...] = ()) -> Play:
    return Play(walk, (*said, prompt_of(walk.menu)))


def _failed(menu: MenuPlan, walk: Walk, prompt: str) -> Play | Chosen | HangUp:
    walk = replace(walk, failures=walk.failures + 1)
    if walk.failures >= menu.tries:
        return _give_up(menu, walk)
    return Play(walk, (prompt, prompt_of(menu.name)))


def _give_up(menu: MenuPlan, walk: Walk) -> Chosen | HangUp:
    if menu.otherwise == "hang_up":
        return HangUp(walk.path, walk.language, (GOODBYE,))
    return Chosen(menu.otherwise, walk.path, walk.language)
