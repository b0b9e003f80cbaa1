"""Routing: from who calls, what they called and what they chose, to queue, priority and person.

Rule: pure and explained. Rules without a queue add priority or ask for the own salesperson; of those
with a queue the first that holds decides, unless the number called has a queue of its own. Every
rule that had a part is named in the reasons.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from acd.core_types import OverflowStep
from acd.events import Reason
from acd.lineplan import MAX_PRIORITY, Conditions, LinePlan, RoutePlan
from acd.tickets import QueueEntry


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of the call when the menu is done; what is unknown is None."""

    did: str
    menu_choice: str | None = None
    province: str | None = None
    city: str | None = None
    area_code: str | None = None
    level: str | None = None
    grade: str | None = None
    is_vip: bool = False
    salesperson_id: int | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Where the call goes and why."""

    queue: str
    priority: int
    medium: str | None
    preferred_agent: int | None
    preferred_wait_s: float | None
    overflow: tuple[OverflowStep, ...]
    why: tuple[Reason, ...]

    def entry(self, call_id: str, joined_at: datetime) -> QueueEntry:
        """The caller as the waiting line takes them."""
        return QueueEntry(
            call_id=call_id,
            queue=self.queue,
            priority=self.priority,
            joined_at=joined_at,
            preferred_agent=self.preferred_agent,
            preferred_wait_s=self.preferred_wait_s,
            why=self.why,
        )


def route(plan: LinePlan, facts: CallFacts) -> Route:
    """The plan's way for this call. A plan always has one: its last rule takes everybody."""
    did = plan.did_by_number.get(facts.did)
    priority, preferred, wait_s = 0, None, None
    why: list[Reason] = []
    queue: str | None = None
    if did is not None:
        priority = did.priority
        if did.queue is not None:
            queue = did.queue
            why.append(Reason("did", {"number": did.number, "medium": did.medium}))
    for rule in plan.routes:
        if not _holds(rule.when, facts) or (queue is not None and rule.queue is not None):
            continue
        priority += rule.priority
        if rule.own_salesperson and facts.salesperson_id is not None:
            preferred, wait_s = facts.salesperson_id, rule.wait_for_salesperson_s
        why.extend(_reasons(rule, facts))
        queue = queue or rule.queue
    if queue is None:
        raise ValueError("a line plan without a last rule that takes everybody")
    return Route(
        queue=queue,
        priority=min(priority, MAX_PRIORITY),
        medium=did.medium if did else None,
        preferred_agent=preferred,
        preferred_wait_s=wait_s,
        overflow=plan.queue_by_name[queue].rules().overflow,
        why=tuple(why),
    )


def _holds(when: Conditions, facts: CallFacts) -> bool:
    listed = (
        (when.did, facts.did),
        (when.menu_choice, facts.menu_choice),
        (when.province, facts.province),
        (when.city, facts.city),
        (when.area_code, facts.area_code),
        (when.level, facts.level),
        (when.grade, facts.grade),
    )
    if any(wanted and fact not in wanted for wanted, fact in listed):
        return False
    if when.vip is not None and when.vip != facts.is_vip:
        return False
    return when.salesperson is None or when.salesperson == (facts.salesperson_id is not None)


def _reasons(rule: RoutePlan, facts: CallFacts) -> Iterator[Reason]:
    when = rule.when
    if when.did:
        yield Reason("did", {"number": facts.did})
    if when.menu_choice:
        yield Reason("menu_choice", {"choice": facts.menu_choice or ""})
    if when.province or when.city or when.area_code:
        area = facts.city or facts.province or facts.area_code or ""
        yield Reason("area", {"area": area})
    if when.vip or when.level:
        yield Reason("vip_level", {"level": facts.level or ""})
    if when.grade:
        yield Reason("grade", {"grade": facts.grade or ""})
    if rule.own_salesperson and facts.salesperson_id is not None:
        yield Reason("own_salesperson", {"agent_id": str(facts.salesperson_id)})
    if when.empty and rule.queue is not None:
        yield Reason("default_route", {"queue": rule.queue})
