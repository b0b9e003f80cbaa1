"""What keeps menus from going live: the checks of menus, numbers and routes together.

Rule: every fault is named where it stands; a check looks at all times that can be, so that nothing is right by day only.
"""

from collections.abc import Collection, Iterator, Mapping

from acd.hours import Moment
from acd.hours_plan import check_branches
from acd.lineplan import LinePlan
from acd.located import Document, Step
from acd.overflowplan import must_exist
from ivr.menu import PROVED, Action, MenuPlan, Menus
from ivr.route_checks import check_routes
from ivr.said import KEYS

Place = tuple[Step, ...]
_ONE = (
    "a key does exactly one thing: menu, route, voicemail, callback, service, extension, hang_up, repeat, back, language,"
    " by_hours, or announce alone"
)


def check_menus(document: Document, menus: Menus, plan: LinePlan) -> None:
    """Notes every fault in the document."""
    for menu in menus.by_name.values():
        _check_keys(document, menu, plan)
        _check_shadows(document, menu, menus)
        for place, action in _actions(menu):
            _check_action(document, action, menus, place)
            if isinstance(action.voicemail, str):
                must_exist(document, plan.queue_by_name, action.voicemail, *place, "voicemail")
    _check_ways_out(document, menus.by_name, menus, plan)
    _check_reached(document, menus.by_name, plan)
    _check_announcements(document, menus, plan)
    check_routes(document, menus, plan)


def _check_keys(document: Document, menu: MenuPlan, plan: LinePlan) -> None:
    if not menu.keys:
        document.fault("a menu needs at least one key", "menus", menu.name)
    for key, action in menu.keys.items():
        place = ("menus", menu.name, "keys", key)
        if key not in KEYS or len(key) != 1:
            document.fault(f"“{key}” is not a key: use one of {KEYS}", *place)
        if action.by_hours:
            if len(action.kinds) != 1:
                document.fault(_ONE, *place)
            check_branches(document, plan.times, action.by_hours, (*place, "by_hours"))


def _check_action(document: Document, action: Action, menus: Menus, place: Place) -> None:
    if len(action.kinds) != 1 and (action.kinds or action.announce is None):
        document.fault(_ONE, *place)
    if action.pin is not None and action.service is None:
        document.fault("`pin` goes with a service: give one, or leave it out", *place)
    if action.pin is False and action.service in PROVED:
        document.fault(f"{action.service} always asks for the PIN: leave `pin` out", *place)
    if action.menu is not None and action.menu not in menus.by_name:
        document.fault(f"there is no menu “{action.menu}”", *place)
    if action.extension and menus.extensions is None:
        document.fault("say which extensions there are: begin_with, digits", "extensions")


def _check_shadows(document: Document, menu: MenuPlan, menus: Menus) -> None:
    """A key has one meaning in a menu."""
    dialled = menus.dialled_in(menu)
    if menu.extensions and menus.extensions is None:
        document.fault("say which extensions there are: begin_with, digits", "extensions")
    operator = menus.operator_in(menu)
    for key in menu.keys:
        place = ("menus", menu.name, "keys", key)
        if operator is not None and key == operator.key:
            reason = f"“{key}” hides the operator's key: take another, or `operator: false` here"
            document.fault(reason, *place)
        if key in dialled:
            document.fault(f"“{key}” hides the extensions that begin with {key}", *place)
    if operator is not None and operator.key in _begin(menu, menus):
        reason = f"the operator's key hides the extensions that begin with {operator.key}"
        document.fault(reason, "operator")


def _begin(menu: MenuPlan, menus: Menus) -> Collection[str]:
    """The digits with which extensions begin that are dialled in this menu, straight away or after a key."""
    asks = any(action.extension for _, action in _actions(menu))
    return menus.extensions.begin_with if menus.extensions and (menu.extensions or asks) else ()


def _check_ways_out(
    document: Document, named: Mapping[str, MenuPlan], menus: Menus, plan: LinePlan
) -> None:
    """At every time some keys of every menu, `back` included, must lead out."""
    times = plan.times.possible
    shut: dict[str, int] = {}
    for moment in times:
        for name in named.keys() - _left(named, menus, moment):
            shut[name] = shut.get(name, 0) + 1
    for name, count in shut.items():
        reason = "no key leads out of this menu: give one `route`"
        if count < len(times):
            reason = f"at some times {reason}"
        document.fault(reason, "menus", name)


def _left(named: Mapping[str, MenuPlan], menus: Menus, moment: Moment) -> set[str]:
    """The menus that callers can leave at a moment."""
    does = {
        name: [action.at(moment) for action in menu.keys.values()] for name, menu in named.items()
    }
    doors = {name: {a.menu for a in actions if a.menu} for name, actions in does.items()}
    for name in named:
        for target in doors[name] & named.keys():
            if any(action.back for action in does[target]):
                doors[target].add(name)
    leave = {
        name
        for name, actions in does.items()
        if menus.operator_in(named[name]) or any(a.ends for a in actions)
    }
    while more := {n for n, targets in doors.items() if n not in leave and targets & leave}:
        leave |= more
    return leave


def _check_reached(document: Document, menus: Mapping[str, MenuPlan], plan: LinePlan) -> None:
    reached: set[str] = set()
    for did in plan.dids:
        for index, branch in enumerate(did.branches):
            here = ("by_hours", index) if did.by_hours else ()
            if branch.menu is not None and branch.menu not in menus:
                place = ("dids", did.number, *here, "menu")
                document.fault(f"there is no menu “{branch.menu}”", *place)
            elif branch.menu is not None:
                _reach(branch.menu, menus, reached)
    for name in menus.keys() - reached:
        document.fault("no number and no key leads to this menu", "menus", name)


def _reach(name: str, menus: Mapping[str, MenuPlan], reached: set[str]) -> None:
    if name in reached or name not in menus:
        return
    reached.add(name)
    for _, action in _actions(menus[name]):
        if action.menu is not None:
            _reach(action.menu, menus, reached)


def _check_announcements(document: Document, menus: Menus, plan: LinePlan) -> None:
    """Each that is named exists, and each that exists is named."""
    named = set()
    for place, name in _announced(menus, plan):
        named.add(name)
        if name not in menus.announcements:
            document.fault(f"there is no announcement “{name}”", *place)
    for name in menus.announcements.keys() - named:
        document.fault("this announcement is said nowhere", "announcements", name)


def _announced(menus: Menus, plan: LinePlan) -> Iterator[tuple[Place, str]]:
    found: list[tuple[Place, str | None]] = []
    for queue in plan.queues:
        found.append((("queues", queue.name, "greeting"), queue.greeting))
        for index, step in enumerate(queue.overflow):
            place = ("queues", queue.name, "overflow", index, "announce")
            found.append((place, step.announce))
    for did in plan.dids:
        here = ("dids", did.number)
        found.append(((*here, "announce"), did.announce))
        for index, branch in enumerate(did.by_hours):
            found.append(((*here, "by_hours", index, "announce"), branch.announce))
    for menu in menus.by_name.values():
        places: list[tuple[Place, Action]] = [*_actions(menu)]
        places += [(_key(menu, key), action) for key, action in menu.keys.items()]
        found += [((*place, "announce"), action.announce) for place, action in places]
    yield from ((place, name) for place, name in dict.fromkeys(found) if name is not None)


def _actions(menu: MenuPlan) -> Iterator[tuple[Place, Action]]:
    """All that the keys do at some time."""
    for key, action in menu.keys.items():
        if not action.by_hours:
            yield _key(menu, key), action
        for index, branch in enumerate(action.by_hours):
            yield (*_key(menu, key), "by_hours", index), branch


def _key(menu: MenuPlan, key: str) -> Place:
    return ("menus", menu.name, "keys", key)
