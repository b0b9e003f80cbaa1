"""Walking a menu: a key or a silence in, the next thing to play or the end out.

Rule: pure, and every walk ends: each menu allows a number of wrong keys and silences, and the walk as
a whole a number of steps, whatever the caller presses.
"""

from dataclasses import dataclass, replace

from ivr.menu import Language, MenuPlan, Menus

MOST_STEPS = 50


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
class Chosen:
    """The walk is over. `choice` is what routing is told: the keys joined, None for no choice."""

    choice: str | None
    path: tuple[str, ...]
    language: Language


Decision = Play | Chosen


def begin(menu: str, language: Language) -> Play:
    return Play(Walk(menu, language), (prompt_of(menu),))


def prompt_of(menu: str) -> str:
    """The name of a menu's prompt."""
    return f"menu_{menu}"


def press(menus: Menus, walk: Walk, key: str | None) -> Decision:
    """What follows a key, or a silence (None)."""
    menu = menus[walk.menu]
    walk = replace(walk, steps=walk.steps + 1)
    action = menu.keys.get(key) if key is not None else None
    if walk.steps >= MOST_STEPS:
        return _give_up(menu, walk)
    if action is None:
        return _failed(menu, walk, "no_key" if key is None else "wrong_key")
    path = (*walk.path, key or "")
    if action.route:
        return Chosen("-".join(path), path, walk.language)
    if action.menu is not None:
        above = (*walk.above, walk.menu)
        return _enter(replace(walk, menu=action.menu, path=path, above=above, failures=0))
    if action.back and walk.above:
        return _enter(
            replace(walk, menu=walk.above[-1], above=walk.above[:-1], path=walk.path[:-1])
        )
    return _enter(replace(walk, language=action.language or walk.language))


def _enter(walk: Walk) -> Play:
    return Play(walk, (prompt_of(walk.menu),))


def _failed(menu: MenuPlan, walk: Walk, prompt: str) -> Decision:
    walk = replace(walk, failures=walk.failures + 1)
    if walk.failures >= menu.tries:
        return _give_up(menu, walk)
    return Play(walk, (prompt, prompt_of(menu.name)))


def _give_up(menu: MenuPlan, walk: Walk) -> Chosen:
    return Chosen(menu.otherwise, walk.path, walk.language)
