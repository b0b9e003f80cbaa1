"""The menus as a tree of text, for people who edit them. Rule: pure."""

from collections.abc import Iterator

from acd.lineplan import DidBranch, LinePlan, QueuePlan
from ivr.menu import PIN_ASKED, Action, KeyAction, Menus

Keys = tuple[str, ...]


def drawn(plan: LinePlan, menus: Menus) -> str:
    """Each number with its menu below it; a menu shown already is named only. Then what waiting in the queues brings."""
    tree = _Tree(menus)
    lines: list[str] = []
    for did in plan.dids:
        said = f" announce {did.announce}" if did.announce else ""
        lines.append(f"{did.number} ({did.medium}){said}")
        straight = plan.straight_to(did)
        if straight is not None:
            lines.append(f"└─ {straight}")
        elif did.fax:
            lines.append("└─ fax")
        elif not did.by_hours:
            lines += tree.root(did.branches[0], "")
        for branch in did.by_hours:
            lines.append(f"├─ [{branch.told}]")
            lines += tree.root(branch, "│  ")
    for queue in plan.queues:
        lines += _waiting(queue)
    return "\n".join(lines)


def _waiting(queue: QueuePlan) -> Iterator[str]:
    """A queue with a greeting or overflow."""
    said = f" announce {queue.greeting}" if queue.greeting else ""
    if said or queue.overflow:
        yield f"queue {queue.name}{said}"
    for number, step in enumerate(queue.overflow, 1):
        corner = "└─" if number == len(queue.overflow) else "├─"
        yield f"{corner} [{step.told}] {step.where(queue.name)}"


class _Tree:
    def __init__(self, menus: Menus) -> None:
        self._menus = menus
        self._shown: set[str] = set()

    def root(self, branch: DidBranch, indent: str) -> Iterator[str]:
        """Where a number leads at some time."""
        if branch.announce:
            yield f"{indent}├─ announce {branch.announce}"
        if branch.menu is not None:
            yield from self._menu(branch.menu, indent, ())
        else:
            yield f"{indent}└─ {branch.queue or 'hang up'}"

    def _menu(self, name: str, indent: str, path: Keys) -> Iterator[str]:
        if name in self._shown:
            yield f"{indent}└─ menu {name}, see above"
            return
        self._shown.add(name)
        menu = self._menus[name]
        for key, action in menu.keys.items():
            yield from self._key(key, action, indent, (*path, key))
        operator = self._menus.operator_in(menu)
        if operator is not None:
            yield f"{indent}├─ {operator.key} operator → choice {operator.choice}"
        for first in sorted(self._menus.dialled_in(menu)):
            yield f"{indent}├─ {first}… extension"
        yield f"{indent}└─ otherwise → {menu.otherwise or 'default route'}"

    def _key(self, key: str, action: KeyAction, indent: str, keys: Keys) -> Iterator[str]:
        if not action.by_hours:
            yield f"{indent}├─ {key} {_what(action, keys)}"
            yield from self._below(action, f"{indent}│  ", keys)
            return
        said = f" announce {action.announce}, then" if action.announce else ""
        yield f"{indent}├─ {key}{said} by hours"
        for branch in action.by_hours:
            yield f"{indent}│  ├─ [{branch.told}] {_what(branch, keys)}"
            yield from self._below(branch, f"{indent}│  │  ", keys)

    def _below(self, action: Action, indent: str, keys: Keys) -> Iterator[str]:
        if action.menu is not None:
            yield from self._menu(action.menu, indent, keys)


def _what(action: Action, keys: Keys) -> str:
    before = [f"announce {action.announce}"] if action.announce is not None else []
    before += [PIN_ASKED] if action.asks_pin else []
    return ", then ".join((*before, _done(action, keys)))


def _done(action: Action, keys: Keys) -> str:
    if action.route:
        return f"→ choice {'-'.join(keys)}"
    for kind in ("menu", "service", "language", "voicemail"):
        if isinstance(target := getattr(action, kind), str):
            return f"{kind} {target}"
    return action.kinds[0].replace("_", " ") if action.kinds else "this menu again"
