"""The line plan read out of line.yaml, and checked.

Rule: a plan that is not complete and consistent is refused with all faults and their lines: every queue named exists,
every number leads somewhere, the last route takes everybody.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from acd.hours import Times
from acd.hours_plan import check_branches, check_condition, check_times, read_times
from acd.lineplan import (
    USUAL_BREAKS,
    AgeingPlan,
    BreakPlan,
    DidPlan,
    LinePlan,
    QueuePlan,
    RegionPlan,
    RoutePlan,
)
from acd.located import Document, load
from acd.overflowplan import Lines, OutsidePlan, check_steps, must_exist
from acd.plan_fields import Plan

Named = TypeVar("Named", bound=Plan)


def load_plan(path: Path) -> LinePlan:
    """Raises FileRefused with every fault of the file's queues, dids and routes."""
    return read_plan(load(path))


def read_plan(document: Document) -> LinePlan:
    """The plan in a document which may hold other sections too. Raises FileRefused."""
    queues = _named(document, "queues", QueuePlan, "name")
    dids = _named(document, "dids", DidPlan, "number")
    routes = _listed(document)
    times = read_times(document)
    regions = _named(document, "regions", RegionPlan, "name", needed=False)
    ageing = None
    if document.section("ageing") is not None:
        ageing = document.read(AgeingPlan, "ageing")
    outside = None
    if document.section("outside") is not None:
        outside = document.read(OutsidePlan, "outside")
    breaks: tuple[BreakPlan, ...] = USUAL_BREAKS
    if document.section("breaks") is not None:
        breaks = tuple(_named(document, "breaks", BreakPlan, "code").values())
    if not document.faults:
        lines = Lines(queues, dids, outside or OutsidePlan())
        for name, queue in queues.items():
            _check_announcements(document, queue)
            check_steps(document, name, queue.overflow, lines)
        check_times(document, times)
        _check_dids(document, dids, queues, times)
        _check_straight(document, dids, routes)
        _check_regions(document, regions)
        _check_routes(document, routes, queues, dids)
        _check_places(document, routes, regions, dids)
        for index, route in enumerate(routes):
            check_condition(document, times, route.when, ("routes", index, "when"))
    document.check()
    return LinePlan(
        queues=tuple(queues.values()),
        dids=tuple(dids.values()),
        routes=tuple(routes),
        regions=tuple(regions.values()),
        ageing=ageing,
        times=times,
        outside=outside or OutsidePlan(),
        breaks=breaks,
    )


def _named(
    document: Document, section: str, model: type[Named], key: str, *, needed: bool = True
) -> dict[str, Named]:
    """A section of the shape “name: settings”."""
    entries = document.section(section)
    if entries is None and not needed:
        return {}
    if not isinstance(entries, dict) or not entries:
        document.fault(f"the section {section!r} is missing or empty", section)
        return {}
    found = {name: document.read(model, section, name, **{key: name}) for name in entries}
    return {name: value for name, value in found.items() if value is not None}


def _listed(document: Document) -> list[RoutePlan]:
    entries = document.section("routes")
    if not isinstance(entries, list) or not entries:
        document.fault("the section 'routes' is missing or empty", "routes")
        return []
    found = [document.read(RoutePlan, "routes", index) for index in range(len(entries))]
    return [route for route in found if route is not None]


def _check_announcements(document: Document, queue: QueuePlan) -> None:
    comfort_s, place_s = queue.comfort_every_s, queue.announce_every_s
    if comfort_s is not None and place_s is not None and comfort_s >= place_s:
        reason = "never comes: the place is announced as often; make it shorter"
        document.fault(reason, "queues", queue.name, "comfort_every_s")


def _check_dids(
    document: Document, dids: dict[str, DidPlan], queues: dict[str, QueuePlan], times: Times
) -> None:
    for number, did in dids.items():
        ways = (did.menu, did.queue, did.route, did.by_hours, did.fax)
        if sum(map(bool, ways)) != 1:
            reason = f"{number} needs one of menu, queue, route, by_hours and fax"
            document.fault(reason, "dids", number)
        if did.queue is not None:
            must_exist(document, queues, did.queue, "dids", number, "queue")
        for index, branch in enumerate(did.by_hours):
            here = ("dids", number, "by_hours", index)
            if sum(map(bool, (branch.menu, branch.queue, branch.hang_up))) != 1:
                document.fault("a branch leads either to a menu, a queue or hang_up", *here)
            if branch.queue is not None:
                must_exist(document, queues, branch.queue, *here, "queue")
        if did.by_hours:
            check_branches(document, times, did.by_hours, ("dids", number, "by_hours"))


def _check_straight(document: Document, dids: dict[str, DidPlan], routes: list[RoutePlan]) -> None:
    leading = {each.name for each in routes if each.queue is not None}
    for number, did in dids.items():
        if did.route is not None and did.route not in leading:
            reason = f"there is no route {did.route!r} with a queue; there are: {_listing(leading)}"
            document.fault(reason, "dids", number, "route")
        if did.agent is not None and any(each.menu for each in did.branches):
            reason = "an agent is asked before a queue or route, not before a menu"
            document.fault(reason, "dids", number, "agent")


def _check_regions(document: Document, regions: dict[str, RegionPlan]) -> None:
    for name, region in regions.items():
        if not (region.province or region.city or region.area_code):
            reason = f"region {name!r} holds no province, city or area_code"
            document.fault(reason, "regions", name)


def _check_places(
    document: Document,
    routes: list[RoutePlan],
    regions: dict[str, RegionPlan],
    dids: dict[str, DidPlan],
) -> None:
    """Conditions name what there is."""
    media = {did.medium for did in dids.values()}
    for index, route in enumerate(routes):
        for kind, wanted, known in (
            ("region", route.when.region, set(regions)),
            ("medium", route.when.medium, media),
        ):
            for each in wanted:
                if each not in known:
                    reason = f"there is no {kind} {each!r}; there are: {_listing(known)}"
                    document.fault(reason, "routes", index, "when", kind)


def _check_routes(
    document: Document,
    routes: list[RoutePlan],
    queues: dict[str, QueuePlan],
    dids: dict[str, DidPlan],
) -> None:
    names: set[str] = set()
    for index, route in enumerate(routes):
        if route.name in names:
            document.fault(f"two routes are named {route.name!r}", "routes", index, "name")
        names.add(route.name)
        if route.queue is not None:
            must_exist(document, queues, route.queue, "routes", index, "queue")
        elif not (route.priority or route.own_salesperson or route.last_agent or route.skills):
            document.fault(f"route {route.name!r} has no effect", "routes", index)
        _check_relaxing(document, route, index)
        for number in route.when.did:
            if number not in dids:
                reason = f"there is no number {number!r} under dids"
                document.fault(reason, "routes", index, "when", "did")
        takes_all = route.queue is not None and route.when.empty
        if takes_all != (index == len(routes) - 1):
            reason = (
                f"route {route.name!r} takes every call; what follows is never reached"
                if takes_all
                else "the last route must name a queue and have no conditions: the default"
            )
            document.fault(reason, "routes", index)


def _check_relaxing(document: Document, route: RoutePlan, index: int) -> None:
    """Every step must ask for less than the one before, and later."""
    wanted, after_s = route.skills, -1.0
    for place, step in enumerate(route.relax):
        here = ("routes", index, "relax", place)
        if step.after_s <= after_s:
            document.fault("this step must come later than the one before", *here, "after_s")
        more = [skill for skill, level in step.skills.items() if level > wanted.get(skill, 0)]
        if more:
            reason = f"{', '.join(more)}: a step may only ask for less than what came before"
            document.fault(reason, *here, "skills")
        elif step.skills == wanted:
            document.fault("this step asks for the same as what came before", *here)
        wanted, after_s = step.skills, step.after_s


def _listing(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
