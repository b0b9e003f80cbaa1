"""The line plan: queues, numbers called (DIDs) and routes, as operations write them in line.yaml.

Rule: frozen values; they are read and checked in `lineplan_file`. What overflow steps may be stands in `overflowplan`.
"""

from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints

from acd.core_types import Ageing, Needs, QueueRules, RelaxStep, Strategy, needs
from acd.hours import Name, OneOrMore, TimeConditions, Times
from acd.overflowplan import OutsidePlan, OverflowPlan
from acd.plan_fields import Number, Plan, Seconds

MAX_PRIORITY = 100
MAX_SKILL = 5
Priority = Annotated[int, Field(ge=0, le=MAX_PRIORITY)]
Skills = dict[Name, Annotated[int, Field(ge=1, le=MAX_SKILL)]]
Extension = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,8}$")]
Days = Annotated[int, Field(ge=1, le=366)]


class AgeingPlan(Plan):
    """Every `every_s` seconds of waiting a caller's priority grows `by`, in all queues alike."""

    every_s: Annotated[float, Field(ge=1, le=3_600)]
    by: Annotated[float, Field(gt=0, le=MAX_PRIORITY)]


class RelaxPlan(Plan):
    """After `after_s` in the line only `skills` are needed; without any, none."""

    after_s: Seconds
    skills: Skills = Field(default_factory=dict)


class QueuePlan(Plan):
    """One queue. `target_s`: answered within this counts for the service level.

    `wrap_up_s: null` lets wrap-up last until the agent ends it. `survey` is asked after the talk. Who gave up waiting
    is called back by itself (`callback_abandoned`), unless the wait was shorter than `callback_min_wait_s`.
    `record: false`: its calls are not recorded; `recordings_kept_days` is kept to instead of the setting.
    `greeting` is the announcement for callers who join, instead of the usual word.
    Callers are told their place and wait after `announce_first_s` (without it as later) and every `announce_every_s`, and
    a word of comfort when nothing was said for `comfort_every_s`; in between they hear the class of `music`.
    """

    name: Name
    label_zh: str
    label_en: str
    target_s: Seconds = 20
    ring_s: Annotated[float, Field(ge=3, le=120)] = 20
    wrap_up_s: Seconds | None = 15
    preferred_wait_s: Seconds = 20
    announce_every_s: Annotated[float, Field(ge=10, le=600)] | None = 45
    announce_first_s: Seconds | None = None
    comfort_every_s: Annotated[float, Field(ge=10, le=600)] | None = None
    music: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,50}$")] = "default"
    strategy: Strategy = "longest_idle"
    overflow: tuple[OverflowPlan, ...] = ()
    greeting: Name | None = None
    survey: Name | None = None
    callback_abandoned: bool = True
    callback_min_wait_s: Seconds = 0
    record: bool = True
    recordings_kept_days: Annotated[int, Field(ge=1, le=36_500)] | None = None

    @property
    def callback_after_s(self) -> float | None:
        """How long somebody must have waited to be called back after giving up; None: nobody is."""
        return self.callback_min_wait_s if self.callback_abandoned else None

    def rules(self) -> QueueRules:
        """The part of the plan that the core obeys."""
        return QueueRules(
            name=self.name,
            ring_s=self.ring_s,
            wrap_up_s=self.wrap_up_s,
            preferred_wait_s=self.preferred_wait_s,
            announce_every_s=self.announce_every_s,
            announce_first_s=self.announce_first_s,
            comfort_every_s=self.comfort_every_s,
            overflow=tuple(step.step(self.name) for step in self.overflow),
            strategy=self.strategy,
        )


class DidBranch(TimeConditions):
    """Where a number leads at some time: exactly one of `menu`, `queue` and `hang_up`, after `announce`."""

    menu: Name | None = None
    queue: Name | None = None
    hang_up: bool = False
    announce: Name | None = None


class DidPlan(Plan):
    """A number that can be called. It names the medium (媒体) that brought the call.

    `menu` starts that menu; `queue` leads straight into a line (专属通道), `route` to the rule of that name,
    whatever its conditions are; `by_hours` says which by the time of the call, the first that holds. `announce` is
    said before. `fax`: a fax machine answers. Whoever sits at the extension `agent` is asked before the line.
    """

    number: Number
    medium: str
    menu: Name | None = None
    queue: Name | None = None
    route: Name | None = None
    agent: Extension | None = None
    by_hours: tuple[DidBranch, ...] = ()
    announce: Name | None = None
    fax: bool = False
    priority: Priority = 0

    @property
    def branches(self) -> tuple[DidBranch, ...]:
        """Where it leads, by time."""
        return self.by_hours or (DidBranch(menu=self.menu, queue=self.queue),)


class RegionPlan(Plan):
    """A sales region (销售大区): a place belongs to it by province, city or area code."""

    name: Name
    label_zh: str
    label_en: str
    province: OneOrMore = ()
    city: OneOrMore = ()
    area_code: OneOrMore = ()

    def holds(self, province: str | None, city: str | None, area_code: str | None) -> bool:
        return province in self.province or city in self.city or area_code in self.area_code


class Conditions(TimeConditions):
    """All that are given must hold; a list holds when one of its values does."""

    did: OneOrMore = ()
    menu_choice: OneOrMore = ()
    province: OneOrMore = ()
    city: OneOrMore = ()
    area_code: OneOrMore = ()
    region: OneOrMore = ()
    medium: OneOrMore = ()
    level: OneOrMore = ()
    grade: OneOrMore = ()
    vip: bool | None = None
    salesperson: bool | None = None

    @property
    def empty(self) -> bool:
        return self == Conditions()


class RoutePlan(Plan):
    """A rule. The first that holds and has a `queue` decides; those without a queue always add.

    The first that holds, takes part and names `skills` says what the agent must be good at: levels from
    1 (some) to 5 (expert), for which `relax` asks less and less as time passes.

    Before the queue are asked: with `own_salesperson` the customer's own, and unless `deputies` is false whoever
    stands in for that one; with `last_agent` who spoke with the caller last, `within_days`. Each of these has the
    caller alone for `wait_for_salesperson_s`.
    """

    name: Name
    when: Conditions = Conditions()
    queue: Name | None = None
    priority: Priority = 0
    own_salesperson: bool = False
    deputies: bool = True
    last_agent: bool = False
    within_days: Days = 30
    wait_for_salesperson_s: Seconds | None = None
    skills: Skills = Field(default_factory=dict)
    relax: tuple[RelaxPlan, ...] = ()

    @property
    def needs(self) -> Needs:
        return needs(self.skills)

    @property
    def relaxing(self) -> tuple[RelaxStep, ...]:
        return tuple(RelaxStep(step.after_s, needs(step.skills)) for step in self.relax)


class BreakPlan(Plan):
    """A reason for which agents take breaks."""

    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
    label_zh: str
    label_en: str


USUAL_BREAKS = (
    BreakPlan(code="rest", label_zh="休息", label_en="Rest"),
    BreakPlan(code="meal", label_zh="用餐", label_en="Meal"),
    BreakPlan(code="meeting", label_zh="会议", label_en="Meeting"),
    BreakPlan(code="training", label_zh="培训", label_en="Training"),
    BreakPlan(code="other", label_zh="其他", label_en="Other"),
)


class LinePlan(Plan):
    """The whole plan. Without `ageing` priorities stay what they are."""

    queues: tuple[QueuePlan, ...]
    dids: tuple[DidPlan, ...]
    routes: tuple[RoutePlan, ...]
    regions: tuple[RegionPlan, ...] = ()
    ageing: AgeingPlan | None = None
    times: Times = Times()
    outside: OutsidePlan = OutsidePlan()
    breaks: tuple[BreakPlan, ...] = USUAL_BREAKS

    @property
    def growth(self) -> Ageing | None:
        return Ageing(self.ageing.every_s, self.ageing.by) if self.ageing else None

    @property
    def asks_for_last_agent_within(self) -> int | None:
        """Of how many days any rule wants to know who spoke with the caller last; None when none does."""
        return max((each.within_days for each in self.routes if each.last_agent), default=None)

    def regions_of(
        self, province: str | None, city: str | None, area_code: str | None
    ) -> tuple[str, ...]:
        """The names of the sales regions that a place belongs to."""
        return tuple(each.name for each in self.regions if each.holds(province, city, area_code))

    def straight_to(self, did: DidPlan) -> str | None:
        """The queue that a number leads to by itself, None when a menu comes first."""
        return self.route_by_name[did.route].queue if did.route else did.queue

    @cached_property
    def route_by_name(self) -> dict[str, RoutePlan]:
        return {route.name: route for route in self.routes}

    @cached_property
    def queue_by_name(self) -> dict[str, QueuePlan]:
        return {queue.name: queue for queue in self.queues}

    @cached_property
    def did_by_number(self) -> dict[str, DidPlan]:
        return {did.number: did for did in self.dids}
