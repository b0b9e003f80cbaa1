"""The menus as a tree of text, for people who edit them. Rule: pure."""

from collections.abc import Iterator

from acd.lineplan import LinePlan
from ivr.menu import KeyAction, Menus


def drawn(plan: LinePlan, menus: Menus) -> str:
    """Each number with its menu below it; a menu shown already is named only."""
    lines: list[str] = []
    shown: set[str] = set()
    for did in plan.dids:
        lines.append(f"{did.number} ({did.medium})")
        if did.queue is not None:
            lines.append(f"└─ {did.queue}")
        elif did.menu is not None:
            lines += _menu(did.menu, menus, shown, "", ())
    return "\n".join(lines)


def _menu(
    name: str, menus: Menus, shown: set[str], indent: str, path: tuple[str, ...]
) -> Iterator[str]:
    if name in shown:
        yield f"{indent}└─ menu {name}, see above"
        return
    shown.add(name)
    for key, action in menus[name].keys.items():
        keys = (*path, key)
        yield f"{indent}├─ {key} {_what(action, keys)}"
        if action.menu is not None:
            yield from _menu(action.menu, menus, shown, f"{indent}│  ", keys)
    yield f"{indent}└─ otherwise → {menus[name].otherwise or 'default route'}"


def _what(action: KeyAction, keys: tuple[str, ...]) -> str:
    if action.route:
        return f"→ choice {'-'.join(keys)}"
    if action.menu is not None:
        return f"menu {action.menu}"
    if action.language is not None:
        return f"language {action.language}"
    return "repeat" if action.repeat else "back"
