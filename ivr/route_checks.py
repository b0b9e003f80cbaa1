"""Routes that can never decide: their choice cannot be pressed, their time never comes, or an earlier one takes all.

Rule: only what is certain is a fault: a route is covered by one other route with a queue, not by several together.
"""

from acd.hours import TimeConditions
from acd.hours_plan import when
from acd.lineplan import Conditions, DidPlan, LinePlan, RoutePlan
from acd.located import Document, Step
from ivr.menu import Menus


def check_routes(document: Document, menus: Menus, plan: LinePlan) -> None:
    """Notes every fault in the document."""
    _check_choices(document, menus, plan)
    for index, route in enumerate(plan.routes):
        place = ("routes", index)
        if not when(route.when, plan.times.possible):
            reason = f"route {route.name!r}: there is no time at which its conditions hold"
            document.fault(reason, *place, "when")
        elif (unpressed := _unpressed(menus, plan, route)) is not None:
            document.fault(unpressed, *place, "when", "did")
        elif route.queue is not None and index < len(plan.routes) - 1:
            earlier = (each for each in plan.routes[:index] if each.queue is not None)
            taken = next((each for each in earlier if _covers(each, route, plan)), None)
            if taken is not None:
                reason = (
                    f"route {route.name!r} is never reached: {taken.name!r} takes all its calls"
                )
                document.fault(reason, *place)


def leads(menus: Menus, name: str, keys: tuple[str, ...]) -> bool:
    """Whether these keys, pressed in this menu, end the walk at some time."""
    menu = menus.by_name.get(name)
    action = menu.keys.get(keys[0]) if menu is not None else None
    if action is None:
        return False
    if len(keys) == 1:
        return any(each.route for each in action.all)
    return any(each.menu is not None and leads(menus, each.menu, keys[1:]) for each in action.all)


def _check_choices(document: Document, menus: Menus, plan: LinePlan) -> None:
    """A choice that no keys give is a slip of the pen."""
    places: list[tuple[tuple[Step, ...], str | None]]
    places = [
        (("menus", menu.name, "otherwise"), menu.otherwise)
        for menu in menus.by_name.values()
        if menu.otherwise != "hang_up"
    ]
    named: set[str] = set()
    for index, route in enumerate(plan.routes):
        there = ("routes", index, "when", "menu_choice")
        named.update(route.when.menu_choice)
        places += [(there, choice) for choice in route.when.menu_choice]
    for place, choice in places:
        if choice is not None and not any(_gives(menus, did, choice) for did in plan.dids):
            document.fault(f"no keys lead to the choice “{choice}”", *place)
    operator = menus.operator
    if operator is not None and operator.choice not in named:
        reason = f"no route is for the choice “{operator.choice}” of the operator's key"
        document.fault(reason, "operator", "choice")


def _gives(menus: Menus, did: DidPlan, choice: str) -> bool:
    """Whether callers of the number can make this choice."""
    roots = {branch.menu for branch in did.branches if branch.menu is not None}
    if menus.operator is not None and choice == menus.operator.choice:
        return bool(roots)
    return any(leads(menus, root, tuple(choice.split("-"))) for root in roots)


def _unpressed(menus: Menus, plan: LinePlan, route: RoutePlan) -> str | None:
    """Why the numbers of a route and the rest of it do not go together."""
    dids = [did for did in plan.dids if did.number in route.when.did]
    if not dids:
        return None
    if route.queue is not None and all(did.queue is not None for did in dids):
        return f"route {route.name!r} never decides: its numbers lead straight into a queue"
    choices = route.when.menu_choice
    known = [c for c in choices if any(_gives(menus, did, c) for did in plan.dids)]
    if known and not any(_gives(menus, did, choice) for did in dids for choice in known):
        return f"callers of these numbers cannot choose {', '.join(known)}"
    return None


def _covers(earlier: RoutePlan, later: RoutePlan, plan: LinePlan) -> bool:
    """Whether the earlier one holds whenever the later one does."""
    for field in Conditions.model_fields.keys() - TimeConditions.model_fields.keys():
        wide, narrow = getattr(earlier.when, field), getattr(later.when, field)
        if isinstance(wide, tuple):
            if wide and not (narrow and set(narrow) <= set(wide)):
                return False
        elif wide is not None and wide != narrow:
            return False
    possible = plan.times.possible
    return when(later.when, possible) <= when(earlier.when, possible)
