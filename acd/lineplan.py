"""The line plan: queues, numbers called (DIDs) and routes, as operations write them in line.yaml.

Rule: a plan that loads is complete and consistent: every queue named exists, every number leads
somewhere, the last route takes everybody. A plan that is not is refused with all faults and lines.
Overflow steps count from the caller's own queue only, so two queues may overflow into each other.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from acd.core_types import OverflowStep, QueueRules
from acd.located import Document, load

MAX_PRIORITY = 100
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Number = Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{3,20}$")]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Priority = Annotated[int, Field(ge=0, le=MAX_PRIORITY)]


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


OneOrMore = Annotated[tuple[str, ...], BeforeValidator(_several)]


class _Plan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Named = TypeVar("Named", bound=_Plan)


class OverflowPlan(_Plan):
    """After `after_s` in the line the caller is offered to `to` as well."""

    after_s: Seconds
    to: Name


class QueuePlan(_Plan):
    """One queue. `target_s`: answered within this counts for the service level.

    `wrap_up_s: null` lets wrap-up last until the agent ends it.
    """

    name: Name
    label_zh: str
    label_en: str
    target_s: Seconds = 20
    ring_s: Annotated[float, Field(ge=3, le=120)] = 20
    wrap_up_s: Seconds | None = 15
    preferred_wait_s: Seconds = 20
    announce_every_s: Annotated[float, Field(ge=10, le=600)] | None = 45
    music: str = "default"
    overflow: tuple[OverflowPlan, ...] = ()

    def rules(self) -> QueueRules:
        """The part of the plan that the core obeys."""
        return QueueRules(
            name=self.name,
            ring_s=self.ring_s,
            wrap_up_s=self.wrap_up_s,
            preferred_wait_s=self.preferred_wait_s,
            announce_every_s=self.announce_every_s,
            overflow=tuple(OverflowStep(step.after_s, step.to) for step in self.overflow),
        )


class DidPlan(_Plan):
    """A number that can be called. It names the medium (媒体) that brought the call.

    `menu` starts that menu; `queue` leads straight into a line (专属通道).
    """

    number: Number
    medium: str
    menu: Name | None = None
    queue: Name | None = None
    priority: Priority = 0


class Conditions(_Plan):
    """All that are given must hold; a list holds when one of its values does."""

    did: OneOrMore = ()
    menu_choice: OneOrMore = ()
    province: OneOrMore = ()
    city: OneOrMore = ()
    area_code: OneOrMore = ()
    level: OneOrMore = ()
    grade: OneOrMore = ()
    vip: bool | None = None
    salesperson: bool | None = None

    @property
    def empty(self) -> bool:
        return self == Conditions()


class RoutePlan(_Plan):
    """A rule. The first that holds and has a `queue` decides; those without a queue always add."""

    name: Name
    when: Conditions = Conditions()
    queue: Name | None = None
    priority: Priority = 0
    own_salesperson: bool = False
    wait_for_salesperson_s: Seconds | None = None


class LinePlan(_Plan):
    """The whole plan."""

    queues: tuple[QueuePlan, ...]
    dids: tuple[DidPlan, ...]
    routes: tuple[RoutePlan, ...]

    @cached_property
    def queue_by_name(self) -> dict[str, QueuePlan]:
        return {queue.name: queue for queue in self.queues}

    @cached_property
    def did_by_number(self) -> dict[str, DidPlan]:
        return {did.number: did for did in self.dids}


def load_plan(path: Path) -> LinePlan:
    """Raises FileRefused with every fault of the file's queues, dids and routes."""
    return read_plan(load(path))


def read_plan(document: Document) -> LinePlan:
    """The plan in a document which may hold other sections too. Raises FileRefused."""
    queues = _named(document, "queues", QueuePlan, "name")
    dids = _named(document, "dids", DidPlan, "number")
    routes = _listed(document)
    if not document.faults:
        _check_queues(document, queues)
        _check_dids(document, dids, queues)
        _check_routes(document, routes, queues, dids)
    document.check()
    return LinePlan(queues=tuple(queues.values()), dids=tuple(dids.values()), routes=tuple(routes))


def _named(document: Document, section: str, model: type[Named], key: str) -> dict[str, Named]:
    """A section of the shape “name: settings”."""
    entries = document.section(section)
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


def _check_queues(document: Document, queues: dict[str, QueuePlan]) -> None:
    for name, queue in queues.items():
        seen: set[str] = set()
        for index, step in enumerate(queue.overflow):
            here = ("queues", name, "overflow", index)
            _must_exist(document, queues, step.to, *here, "to")
            if step.to == name:
                document.fault(f"queue {name!r} overflows into itself", *here, "to")
            if step.to in seen:
                document.fault(f"queue {name!r} overflows into {step.to!r} twice", *here, "to")
            seen.add(step.to)


def _check_dids(document: Document, dids: dict[str, DidPlan], queues: dict[str, QueuePlan]) -> None:
    for number, did in dids.items():
        if (did.menu is None) == (did.queue is None):
            document.fault(f"{number} needs either a menu or a queue", "dids", number)
        if did.queue is not None:
            _must_exist(document, queues, did.queue, "dids", number, "queue")


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
            _must_exist(document, queues, route.queue, "routes", index, "queue")
        elif not route.priority and not route.own_salesperson:
            document.fault(f"route {route.name!r} has no effect", "routes", index)
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


def _must_exist(
    document: Document, queues: dict[str, QueuePlan], queue: str, *path: str | int
) -> None:
    if queue not in queues:
        known = ", ".join(sorted(queues))
        document.fault(f"there is no queue {queue!r}; there are: {known}", *path)
