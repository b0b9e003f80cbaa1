"""Menus as operations write them: the `menus` section of the line file.

Rule: menus that load can be walked without surprise: every target exists, every menu can be reached
and left, every text is there in both languages. Faults are named with line and reason, all at once.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from acd.lineplan import LinePlan, read_plan
from acd.located import Document, load

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
KEYS = "0123456789*#"
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


class _Menu(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Say(_Menu):
    """What is spoken, by language."""

    zh: Text
    en: Text


class KeyAction(_Menu):
    """What a key does; exactly one of these.

    `menu` opens another menu, `route` ends the walk with the keys pressed as the choice (1-2),
    `repeat` and `back` speak for themselves, `language` goes on in that language.
    """

    menu: Name | None = None
    route: bool = False
    repeat: bool = False
    back: bool = False
    language: Language | None = None

    @property
    def kinds(self) -> list[str]:
        """The actions that are given."""
        return [name for name in type(self).model_fields if getattr(self, name)]


class MenuPlan(_Menu):
    """One menu. `tries`: wrong keys and silences together, after which `otherwise` is taken."""

    name: Name
    say: Say
    keys: dict[str, KeyAction]
    timeout_s: Annotated[float, Field(ge=1, le=30)] = 5
    tries: Annotated[int, Field(ge=1, le=9)] = 3
    barge_in: bool = True
    otherwise: Annotated[str, StringConstraints(pattern=r"^[0-9*#](-[0-9*#])*$")] | None = None


class Menus(_Menu):
    """Every menu by name."""

    by_name: Mapping[str, MenuPlan]

    def __getitem__(self, name: str) -> MenuPlan:
        return self.by_name[name]


def load_line(path: Path) -> tuple[LinePlan, Menus]:
    """The whole line file. Raises FileRefused with every fault."""
    document = load(path)
    plan = read_plan(document)
    return plan, read_menus(document, plan)


def read_menus(document: Document, plan: LinePlan) -> Menus:
    """The menus that the plan's numbers lead to. Raises FileRefused."""
    section = document.section("menus")
    if not isinstance(section, dict) or not section:
        document.fault("here belong the menus", "menus")
        document.check()
        return Menus(by_name={})
    read = {name: document.read(MenuPlan, "menus", name, name=name) for name in section}
    document.check()
    menus = {name: menu for name, menu in read.items() if menu is not None}
    for menu in menus.values():
        _check_keys(document, menu, menus)
    _check_ways_out(document, menus)
    _check_reached(document, menus, plan)
    _check_choices(document, menus, plan)
    document.check()
    return Menus(by_name=menus)


def _check_keys(document: Document, menu: MenuPlan, menus: Mapping[str, MenuPlan]) -> None:
    if not menu.keys:
        document.fault("a menu needs at least one key", "menus", menu.name)
    for key, action in menu.keys.items():
        place = ("menus", menu.name, "keys", key)
        if key not in KEYS or len(key) != 1:
            document.fault(f"“{key}” is not a key: use one of {KEYS}", *place)
        if len(action.kinds) != 1:
            document.fault(
                "a key does exactly one thing: menu, route, repeat, back, language", *place
            )
        if action.menu is not None and action.menu not in menus:
            document.fault(f"there is no menu “{action.menu}”", *place)


def _check_ways_out(document: Document, menus: Mapping[str, MenuPlan]) -> None:
    """From every menu some keys, `back` included, must lead to a `route`."""
    doors = {name: _doors(menu) for name, menu in menus.items()}
    for name, menu in menus.items():
        for target in doors[name] & menus.keys():
            if any(action.back for action in menus[target].keys.values()):
                doors[target].add(menu.name)
    leave = {n for n, m in menus.items() if any(action.route for action in m.keys.values())}
    while more := {n for n, targets in doors.items() if n not in leave and targets & leave}:
        leave |= more
    for name in menus.keys() - leave:
        document.fault("no key leads out of this menu: give one `route`", "menus", name)


def _doors(menu: MenuPlan) -> set[str]:
    return {action.menu for action in menu.keys.values() if action.menu is not None}


def _check_choices(document: Document, menus: Mapping[str, MenuPlan], plan: LinePlan) -> None:
    """A choice that no keys give is a slip of the pen."""
    roots = {did.menu for did in plan.dids if did.menu is not None}
    places: list[tuple[tuple[str | int, ...], str | None]]
    places = [(("menus", menu.name, "otherwise"), menu.otherwise) for menu in menus.values()]
    for index, route in enumerate(plan.routes):
        there = ("routes", index, "when", "menu_choice")
        places += [(there, choice) for choice in route.when.menu_choice]
    for place, choice in places:
        if choice is not None and not any(_leads(menus, r, choice.split("-")) for r in roots):
            document.fault(f"no keys lead to the choice “{choice}”", *place)


def _leads(menus: Mapping[str, MenuPlan], name: str, keys: Sequence[str]) -> bool:
    """Whether these keys, pressed in this menu, end the walk."""
    menu = menus.get(name)
    action = menu.keys.get(keys[0]) if menu is not None else None
    if action is None:
        return False
    if len(keys) == 1:
        return action.route
    return action.menu is not None and _leads(menus, action.menu, keys[1:])


def _check_reached(document: Document, menus: Mapping[str, MenuPlan], plan: LinePlan) -> None:
    reached: set[str] = set()
    for did in plan.dids:
        if did.menu is not None and did.menu not in menus:
            document.fault(f"there is no menu “{did.menu}”", "dids", did.number, "menu")
        elif did.menu is not None:
            _reach(did.menu, menus, reached)
    for name in menus.keys() - reached:
        document.fault("no number and no key leads to this menu", "menus", name)


def _reach(name: str, menus: Mapping[str, MenuPlan], reached: set[str]) -> None:
    if name in reached or name not in menus:
        return
    reached.add(name)
    for action in menus[name].keys.values():
        if action.menu is not None:
            _reach(action.menu, menus, reached)
