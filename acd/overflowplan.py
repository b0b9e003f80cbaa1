"""Overflow steps of a queue, as operations write them.

Rule: steps count from the caller's own queue only, so two queues may overflow into each other; a step says when and
where to, and an outside number is one that may be dialled.
"""

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from acd.core_types import LineState, OverflowStep, Way
from acd.hours import Name
from acd.located import Document
from acd.plan_fields import Number, Plan, Seconds
from crm_core.numbers import area_code, is_mobile, normalise

_SERVICE_DIGITS = 10
_ANY_STATE = (None, None, None)
_TARGETS = ("to", "outside", "voicemail", "callback", "announce")


def _flag(value: Any) -> Any:
    """The words true and false, as they stand in the file."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


Mailbox = Annotated[bool | Name, BeforeValidator(_flag)]
"""True: the own queue's people; else those of the queue named."""


class OverflowPlan(Plan):
    """A step out of the queue, taken once as soon as all holds that is given.

    Conditions: `after_s` in the line, `when` a state (without a ready agent, or without any at work, in all queues that
    the caller is offered to by then), `waiting_over` so many places at joining, `wait_over_s` the wait foreseen.
    Exactly one target: `to` another queue's agents as well, `outside` a number that rings `ring_s`, `voicemail` (true:
    for this queue's people, a name: for that queue's), `callback` the offer to be called back, `announce` an announcement
    that the caller hears and waits on.
    """

    after_s: Seconds | None = None
    when: LineState | None = None
    waiting_over: Annotated[int, Field(ge=1, le=100_000)] | None = None
    wait_over_s: Seconds | None = None
    to: Name | None = None
    outside: Number | None = None
    ring_s: Annotated[float, Field(ge=5, le=120)] = 30
    voicemail: Mailbox = False
    callback: bool = False
    announce: Name | None = None

    @property
    def targets(self) -> list[str]:
        """Those that are given."""
        return [name for name in _TARGETS if getattr(self, name)]

    @property
    def conditions(self) -> set[str]:
        """Those that are given."""
        return self.model_fields_set & {"after_s", "when", "waiting_over", "wait_over_s"}

    @property
    def told(self) -> str:
        """When, for people."""
        given = {
            "after": None if self.after_s is None else f"{self.after_s:g} s",
            "when": self.when and self.when.replace("_", " "),
            "waiting over": self.waiting_over,
            "wait over": None if self.wait_over_s is None else f"{self.wait_over_s:g} s",
        }
        return ", ".join(f"{name} {value}" for name, value in given.items() if value is not None)

    def where(self, queue: str) -> str:
        """Where to from this queue, for people."""
        way = self.step(queue).way
        return f"queue {self.to}" if way is None else f"{way.kind} {way.to}".rstrip()

    def mailbox(self, queue: str) -> str:
        """The queue whose people hear messages."""
        return self.voicemail if isinstance(self.voicemail, str) else queue

    def step(self, queue: str) -> OverflowStep:
        """As the core takes it, in this queue."""
        way = None
        if self.outside is not None:
            way = Way("outside", self.outside, self.ring_s)
        elif self.voicemail:
            way = Way("voicemail", self.mailbox(queue))
        elif self.callback:
            way = Way("callback")
        elif self.announce is not None:
            way = Way("announce", self.announce)
        return OverflowStep(
            after_s=self.after_s or 0.0,
            to=self.to,
            way=way,
            state=self.when,
            waiting_over=self.waiting_over,
            wait_over_s=self.wait_over_s,
        )


class OutsidePlan(Plan):
    """What outside numbers are bound by: how many calls `at_once`, and each at the `longest_min`."""

    abroad: bool = False
    at_once: Annotated[int, Field(ge=1, le=1_000)] = 5
    longest_min: Annotated[int, Field(ge=1, le=600)] = 120


@dataclass(frozen=True, slots=True)
class Lines:
    """What else stands in the plan that steps are checked against."""

    queues: Collection[str]
    dids: Container[str]
    outside: OutsidePlan


def check_steps(
    document: Document, queue: str, steps: Sequence[OverflowPlan], lines: Lines
) -> None:
    """Note every fault of a queue's steps."""
    seen: list[OverflowStep] = []
    for index, plan in enumerate(steps):
        here = ("queues", queue, "overflow", index)
        if len(plan.targets) != 1:
            reason = f"a step leads to exactly one: {', '.join(_TARGETS)}"
            document.fault(reason, *here)
        if not plan.conditions:
            reason = "say when: after_s, when, waiting_over or wait_over_s (after_s: 0 is at once)"
            document.fault(reason, *here)
        if plan.waiting_over is not None and plan.after_s:
            document.fault("is asked at joining: leave after_s out", *here, "waiting_over")
        if "ring_s" in plan.model_fields_set and plan.outside is None:
            document.fault("is for outside numbers only", *here, "ring_s")
        if plan.to is not None:
            must_exist(document, lines.queues, plan.to, *here, "to")
        if plan.to == queue:
            document.fault(f"queue {queue!r} overflows into itself", *here, "to")
        if isinstance(plan.voicemail, str):
            must_exist(document, lines.queues, plan.voicemail, *here, "voicemail")
        if plan.outside is not None:
            _check_outside(document, plan.outside, lines, (*here, "outside"))
        _check_twice(document, queue, plan, seen, (*here, plan.targets[0] if plan.targets else ""))
        seen.append(plan.step(queue))


def must_exist(document: Document, queues: Collection[str], queue: str, *path: str | int) -> None:
    if queue not in queues:
        known = ", ".join(sorted(queues))
        document.fault(f"there is no queue {queue!r}; there are: {known}", *path)


def _check_twice(
    document: Document,
    queue: str,
    plan: OverflowPlan,
    before: Sequence[OverflowStep],
    here: tuple[str | int, ...],
) -> None:
    """A step adds nothing to one that leads to the same under less, or just the same, conditions; but what is announced
    may be announced again later.
    """
    step = plan.step(queue)
    for other in before:
        if plan.announce is not None and step != other:
            continue
        same_state = _state(step) == _state(other)
        sooner = _state(other) == _ANY_STATE and other.after_s <= step.after_s
        if (step.to, step.way) == (other.to, other.way) and (same_state or sooner):
            target = step.to or (step.way.kind if step.way else "")
            document.fault(f"queue {queue!r} overflows into {target!r} twice", *here)


def _state(step: OverflowStep) -> tuple[object, ...]:
    return (step.state, step.waiting_over, step.wait_over_s)


def _check_outside(
    document: Document, number: str, lines: Lines, here: tuple[str | int, ...]
) -> None:
    if number in lines.dids:
        document.fault("is a number of this line: the call would come back to it", *here)
    elif number.startswith("+") and not lines.outside.abroad:
        reason = "is abroad: write `outside: {abroad: true}` to allow it, or give a number inside"
        document.fault(reason, *here)
    elif normalise(number) != number or not _is_whole(number):
        reason = f"{number!r} is not a number that can be dialled: a mobile, or a landline with area code"
        document.fault(reason, *here)


def _is_whole(number: str) -> bool:
    service = number[:3] in ("400", "800") and len(number) == _SERVICE_DIGITS
    return is_mobile(number) or area_code(number) is not None or service or number.startswith("+")
