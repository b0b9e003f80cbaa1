"""The menus as a picture (SVG): numbers on the left, what their keys lead to on the right. Rule: pure; a menu that was drawn
is named only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from acd.lineplan import DidBranch, LinePlan
from acd.overflowplan import OverflowPlan
from acd.routing import CallFacts, route
from ivr.menu import PIN_ASKED, Action, KeyAction, MenuPlan, Menus

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y = 190, 34, 60, 12
_COLOURS = {
    "did": ("#1d4ed8", "#ffffff"),
    "menu": ("#e0e7ff", "#1e1b4b"),
    "queue": ("#dcfce7", "#14532d"),
    "service": ("#fef3c7", "#78350f"),
    "pin": ("#ffedd5", "#7c2d12"),
    "time": ("#fae8ff", "#701a75"),
    "announcement": ("#ffe4e6", "#881337"),
    "other": ("#f1f5f9", "#334155"),
}


@dataclass
class Node:
    """A box; `key` is what is pressed to come here."""

    kind: str
    title: str
    key: str = ""
    below: list["Node"] = field(default_factory=list)
    column: int = 0
    row: float = 0.0


def picture(plan: LinePlan, menus: Menus) -> str:
    """An SVG document."""
    rows, nodes = 0.0, []
    for root in _roots(plan, menus):
        rows = _lay_out(root, 0, rows)
        nodes += list(_all(root))
    width = (max(node.column for node in nodes) + 1) * (_WIDTH + _GAP_X)
    height = rows * (_HEIGHT + _GAP_Y) + _GAP_Y
    drawn = "\n".join(part for node in nodes for part in _draw(node))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}"'
        f' viewBox="0 0 {width} {height:.0f}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{drawn}\n</svg>\n'
    )


def _roots(plan: LinePlan, menus: Menus) -> Iterator[Node]:
    drawing = _Drawing(plan, menus)
    for did in plan.dids:
        below = [drawing.root(branch) for branch in did.branches]
        straight = plan.straight_to(did)
        if straight is not None:
            below = [drawing.queue(straight)]
        elif did.fax:
            below = [Node("service", "fax")]
        elif did.by_hours:
            branches = zip(did.by_hours, below, strict=True)
            below = [Node("time", branch.told, below=[node]) for branch, node in branches]
        yield Node("did", f"{did.number} {did.medium}", below=_said(did.announce, below))


class _Drawing:
    def __init__(self, plan: LinePlan, menus: Menus) -> None:
        self._plan = plan
        self._menus = menus
        self._shown: set[str] = set()
        self._waited_in: set[str] = set()

    def root(self, branch: DidBranch) -> Node:
        """Where a number leads at some time."""
        if branch.menu is not None:
            node = self._menu(self._menus[branch.menu], ())
        elif branch.queue is not None:
            node = self.queue(branch.queue)
        else:
            node = Node("other", "hang up")
        return _said(branch.announce, [node])[0]

    def _menu(self, menu: MenuPlan, path: tuple[str, ...]) -> Node:
        if menu.name in self._shown:
            return Node("menu", f"{menu.name} ↑")
        self._shown.add(menu.name)
        node = Node("menu", menu.name)
        for key, action in menu.keys.items():
            node.below.append(_pressed(key, self._key(action, (*path, key))))
        operator = self._menus.operator_in(menu)
        if operator is not None:
            node.below.append(_pressed(operator.key, self._routed(operator.choice)))
        for first in sorted(self._menus.dialled_in(menu)):
            node.below.append(_pressed(first, Node("other", f"extension {first}…")))
        return node

    def _key(self, action: KeyAction, path: tuple[str, ...]) -> Node:
        if not action.by_hours:
            return self._action(action, path)
        below = [
            Node("time", branch.told, below=[self._action(branch, path)])
            for branch in action.by_hours
        ]
        return _said(action.announce, [Node("time", "by hours", below=below)])[0]

    def _action(self, action: Action, path: tuple[str, ...]) -> Node:
        return _said(action.announce, [self._done(action, path)])[0]

    def _done(self, action: Action, path: tuple[str, ...]) -> Node:
        if action.menu is not None:
            return self._menu(self._menus[action.menu], path)
        if action.route:
            return self._routed("-".join(path))
        if action.service is not None:
            served = Node("service", action.service)
            return Node("pin", PIN_ASKED, below=[served]) if action.asks_pin else served
        kind = action.kinds[0].replace("_", " ") if action.kinds else "this menu again"
        return Node("other", action.language or kind)

    def _routed(self, choice: str) -> Node:
        return self.queue(route(self._plan, CallFacts(did="", menu_choice=choice)).queue)

    def queue(self, name: str) -> Node:
        """With what waiting there brings, the first time."""
        plan, node = self._plan.queue_by_name[name], _queue(self._plan, name)
        if name not in self._waited_in:
            self._waited_in.add(name)
            node.below = [
                Node("time", step.told, below=[self._overflow(name, step)])
                for step in plan.overflow
            ]
        return _said(plan.greeting, [node])[0]

    def _overflow(self, queue: str, step: OverflowPlan) -> Node:
        if step.to is not None:
            return _queue(self._plan, step.to)
        if step.announce is not None:
            return Node("announcement", step.announce)
        return Node("other", step.where(queue))


def _said(announcement: str | None, below: list[Node]) -> list[Node]:
    """What comes after an announcement, if there is one."""
    return [Node("announcement", announcement, below=below)] if announcement else below


def _pressed(key: str, node: Node) -> Node:
    node.key = key
    return node


def _queue(plan: LinePlan, name: str) -> Node:
    return Node("queue", f"{plan.queue_by_name[name].label_zh} {name}")


def _lay_out(node: Node, column: int, row: float) -> float:
    """Give every box its place; the first free row below."""
    node.column = column
    if not node.below:
        node.row = row
        return row + 1
    after = row
    for below in node.below:
        after = _lay_out(below, column + 1, after)
    node.row = (node.below[0].row + node.below[-1].row) / 2
    return after


def _all(node: Node) -> Iterator[Node]:
    yield node
    for below in node.below:
        yield from _all(below)


def _draw(node: Node) -> Iterator[str]:
    x, y = _corner(node)
    fill, ink = _COLOURS[node.kind]
    for below in node.below:
        to_x, to_y = _corner(below)
        start, middle = x + _WIDTH, x + _WIDTH + _GAP_X / 2
        yield (
            f'<path d="M{start} {y + _HEIGHT / 2:.1f} C{middle} {y + _HEIGHT / 2:.1f} {middle}'
            f' {to_y + _HEIGHT / 2:.1f} {to_x} {to_y + _HEIGHT / 2:.1f}" fill="none" stroke="#94a3b8"/>'
        )
        if below.key:
            yield f'<text x="{to_x - 16}" y="{to_y + 14:.1f}" fill="#334155">{escape(below.key)}</text>'
    title = node.title if len(node.title) <= 22 else f"{node.title[:21]}…"  # noqa: PLR2004
    yield f'<rect x="{x}" y="{y:.1f}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{fill}"/>'
    yield f'<text x="{x + 10}" y="{y + 22:.1f}" fill="{ink}">{escape(title)}</text>'


def _corner(node: Node) -> tuple[int, float]:
    return node.column * (_WIDTH + _GAP_X) + _GAP_Y, node.row * (_HEIGHT + _GAP_Y) + _GAP_Y
