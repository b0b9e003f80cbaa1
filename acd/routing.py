"""Routing: from who calls, what they called and what they chose, to queue, priority and person.

Rule: pure and explained. Rules without a queue add priority or ask for people before the queue; of those
with a queue the first that holds decides, unless the number called has a way of its own. Of those that take
part the first with skills says which are needed. Every rule that had a part is named in the reasons, and
every rule of the plan in the verdicts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from acd.core_choice import named
from acd.core_types import Needs, OverflowStep, Preferred, PreferredAs, RelaxStep
from acd.events import Reason
from acd.hours import Moment
from acd.lineplan import MAX_PRIORITY, Conditions, LinePlan, RoutePlan
from acd.tickets import QueueEntry

Outcome = Literal["decided", "took_part", "unmet", "too_late"]
NO_HOURS = Moment()


@dataclass(frozen=True, slots=True)
class Dialled:
    """Whose extension the caller dialled, and the line in which that agent serves first."""

    extension: str
    agent_id: int
    queue: str


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of the call when the menu is done; what is unknown is None.

    `deputies` stand in for the salesperson today, the first of them first; `last_agent` is who spoke with the
    caller last, `last_agent_days` whole days ago; `at_number` sits where the number called leads.
    """

    did: str
    menu_choice: str | None = None
    province: str | None = None
    city: str | None = None
    area_code: str | None = None
    level: str | None = None
    grade: str | None = None
    is_vip: bool = False
    salesperson_id: int | None = None
    deputies: tuple[int, ...] = ()
    last_agent: int | None = None
    last_agent_days: int = 0
    moment: Moment = NO_HOURS
    queue: str | None = None
    """The line that the number called leads straight into at this time."""
    dialled: Dialled | None = None
    at_number: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a rule: `too_late` held, but another one had decided the queue."""

    rule: str
    outcome: Outcome
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Where the call goes and why. `decided_by` names the rule, or the number called, that chose the queue."""

    queue: str
    priority: int
    medium: str | None
    preferred: tuple[Preferred, ...]
    preferred_wait_s: float | None
    overflow: tuple[OverflowStep, ...]
    why: tuple[Reason, ...]
    decided_by: str
    verdicts: tuple[Verdict, ...] = ()
    skills: Needs = ()
    relax: tuple[RelaxStep, ...] = ()
    skills_by: str | None = None

    def entry(self, call_id: str, joined_at: datetime) -> QueueEntry:
        """The caller as the waiting line takes them."""
        return QueueEntry(
            call_id=call_id,
            queue=self.queue,
            priority=self.priority,
            joined_at=joined_at,
            preferred=self.preferred,
            preferred_wait_s=self.preferred_wait_s,
            why=self.why,
            skills=self.skills,
            relax=self.relax,
            skills_by=self.skills_by,
        )


def route(plan: LinePlan, facts: CallFacts) -> Route:
    """The plan's way for this call. A plan always has one: its last rule takes everybody."""
    did = plan.did_by_number.get(facts.did)
    called = plan.route_by_name[did.route] if did is not None and did.route else None
    queue = facts.queue or (plan.straight_to(did) if did is not None else None)
    decided_by = called.name if called else facts.did
    priority, wait_s = did.priority if did else 0, None
    skilled: RoutePlan | None = None
    why: list[Reason] = []
    verdicts, taking_part = [], []
    if did is not None and (queue is not None or did.agent is not None):
        why.append(Reason("did", {"number": did.number, "medium": did.medium}))
    if facts.dialled is not None:
        called, queue, decided_by = None, facts.dialled.queue, facts.dialled.extension
        why.append(Reason("extension", {"extension": facts.dialled.extension}))
    for rule in plan.routes:
        missing = None if rule is called else _unmet(rule.when, facts, plan)
        if missing is not None:
            verdicts.append(Verdict(rule.name, "unmet", (missing,)))
            continue
        if rule.queue is not None and queue is not None and rule is not called:
            verdicts.append(
                Verdict(rule.name, "too_late", (Reason("decided_by", {"by": decided_by}),))
            )
            continue
        if rule.queue is not None and queue is None:
            queue, decided_by = rule.queue, rule.name
        priority += rule.priority
        taking_part.append(rule)
        if wait_s is None and (rule.own_salesperson or rule.last_agent):
            wait_s = rule.wait_for_salesperson_s
        if skilled is None and rule.skills:
            skilled = rule
        told = tuple(_reasons(rule, facts, plan))
        why.extend(told)
        outcome: Outcome = "decided" if rule.name == decided_by else "took_part"
        verdicts.append(Verdict(rule.name, outcome, (*told, *_in_vain(rule, facts))))
    if queue is None:
        raise ValueError("a line plan without a last rule that takes everybody")
    return Route(
        queue=queue,
        priority=min(priority, MAX_PRIORITY),
        medium=did.medium if did else None,
        preferred=tuple(_preferred(taking_part, facts)),
        preferred_wait_s=None if facts.dialled else wait_s,
        overflow=plan.queue_by_name[queue].rules().overflow,
        why=tuple(why),
        decided_by=decided_by,
        verdicts=tuple(verdicts),
        skills=skilled.needs if skilled else (),
        relax=skilled.relaxing if skilled else (),
        skills_by=skilled.name if skilled else None,
    )


def _preferred(rules: Sequence[RoutePlan], facts: CallFacts) -> Iterator[Preferred]:
    """Whose extension was called, the own salesperson, who stands in for that one, who spoke with the caller
    last; everybody once.
    """
    own = [rule for rule in rules if rule.own_salesperson and facts.salesperson_id is not None]
    asked: set[int] = set()
    groups: tuple[tuple[PreferredAs, Sequence[int | None]], ...] = (
        ("dialled", (facts.dialled.agent_id if facts.dialled else None, facts.at_number)),
        ("salesperson", (facts.salesperson_id,) if own else ()),
        ("deputy", facts.deputies if any(rule.deputies for rule in own) else ()),
        (
            "spoke_last",
            (facts.last_agent,) if any(_remembers(each, facts) for each in rules) else (),
        ),
    )
    for role, people in groups:
        new = (each for each in people if each is not None and each not in asked)
        agents = tuple(dict.fromkeys(new))
        asked.update(agents)
        if agents:
            yield Preferred(role, agents)


def _remembers(rule: RoutePlan, facts: CallFacts) -> bool:
    within = facts.last_agent_days <= rule.within_days
    return rule.last_agent and facts.last_agent is not None and within


def _unmet(when: Conditions, facts: CallFacts, plan: LinePlan) -> Reason | None:
    """The first condition that does not hold, None when all do."""
    did = plan.did_by_number.get(facts.did)
    regions = plan.regions_of(facts.province, facts.city, facts.area_code) if when.region else ()
    listed = (
        ("did", when.did, (facts.did,)),
        ("medium", when.medium, (did.medium,) if did else ()),
        ("menu_choice", when.menu_choice, (facts.menu_choice,)),
        ("region", when.region, regions),
        ("province", when.province, (facts.province,)),
        ("city", when.city, (facts.city,)),
        ("area_code", when.area_code, (facts.area_code,)),
        ("level", when.level, (facts.level,)),
        ("grade", when.grade, (facts.grade,)),
        ("vip", _yes_no(when.vip), _yes_no(facts.is_vip)),
        ("salesperson", _yes_no(when.salesperson), _yes_no(facts.salesperson_id is not None)),
    )
    for name, wanted, found in listed:
        if wanted and not set(wanted) & set(found):
            there = ", ".join(each for each in found if each is not None)
            return Reason("unmet", {"condition": name, "wanted": ", ".join(wanted), "found": there})
    if not when.in_time(facts.moment):
        now = ", ".join(filter(None, (*sorted(facts.moment.open), facts.moment.holiday)))
        return Reason("unmet", {"condition": "time", "wanted": when.told, "found": now})
    return None


def _yes_no(value: bool | None) -> tuple[str, ...]:
    return () if value is None else ("yes" if value else "no",)


def _reasons(rule: RoutePlan, facts: CallFacts, plan: LinePlan) -> Iterator[Reason]:
    when = rule.when
    if when.did:
        yield Reason("did", {"number": facts.did})
    if when.medium:
        did = plan.did_by_number.get(facts.did)
        yield Reason("medium", {"medium": did.medium if did else ""})
    if when.menu_choice:
        yield Reason("menu_choice", {"choice": facts.menu_choice or ""})
    if when.province or when.city or when.area_code or when.region:
        area = facts.city or facts.province or facts.area_code or ""
        yield Reason("area", {"area": area})
    if when.vip or when.level:
        yield Reason("vip_level", {"level": facts.level or ""})
    if when.grade:
        yield Reason("grade", {"grade": facts.grade or ""})
    yield from _reasons_of_time(when, facts.moment)
    if rule.own_salesperson and facts.salesperson_id is not None:
        yield Reason("own_salesperson", {"agent_id": str(facts.salesperson_id)})
    if _remembers(rule, facts):
        days = str(facts.last_agent_days)
        yield Reason("last_agent", {"agent_id": str(facts.last_agent), "days": days})
    if rule.skills:
        yield Reason("skills_needed", {"skills": named(rule.needs)})
    if when.empty and rule.queue is not None:
        yield Reason("default_route", {"queue": rule.queue})


def _reasons_of_time(when: Conditions, moment: Moment) -> Iterator[Reason]:
    if when.hours:
        yield Reason("hours_open", {"hours": ", ".join(sorted(moment.open & set(when.hours)))})
    if when.closed:
        yield Reason("hours_closed", {"hours": ", ".join(sorted(set(when.closed) - moment.open))})
    if when.holiday:
        yield Reason("holiday", {"holiday": moment.holiday or ""})


def _in_vain(rule: RoutePlan, facts: CallFacts) -> Iterator[Reason]:
    """Who was to be asked by the rule, and could not be."""
    if rule.own_salesperson and facts.salesperson_id is None:
        yield Reason("no_salesperson")
    if rule.last_agent and facts.last_agent is None:
        yield Reason("nobody_spoke")
    elif rule.last_agent and not _remembers(rule, facts):
        params = {"days": str(facts.last_agent_days), "within": str(rule.within_days)}
        yield Reason("spoke_too_long_ago", params)
