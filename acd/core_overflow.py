"""What waiting brings by itself: overflow steps by time or state, and fewer skills.

Rule: a step is looked at when the caller joins, when its time comes, and from then on whenever the last ready agent, or the last
at work, of a line that the caller is offered to goes; the wait foreseen every few seconds. It is taken once. A state is asked of all these
lines together, so that a step into another queue comes before the way out that follows it.
"""

from collections.abc import Iterable

from acd.core_floor import Floor
from acd.core_lines import LineKey, Waiting, queue_of
from acd.core_types import (
    Caller,
    Decision,
    Diverted,
    Needs,
    OverflowStep,
    Relaxed,
    RelaxStep,
    Widened,
)
from acd.events import Reason

_FORESEEN_AGAIN_S = 15.0


class Overflowing(Floor):
    """The floor, with what comes to callers who wait."""

    def _settled(self, now: float) -> list[Decision]:
        """All decisions, when what they changed has been looked at too."""
        emptied = self._roster.emptied
        while emptied or self._opened:
            while self._opened:
                self._look_anew(self._opened.popitem()[0], now)
            if emptied:
                line, _ = emptied.popitem()
                for call_id in tuple(self._watched.get(line, ())):
                    self._look_anew(call_id, now)
        return self._decided()

    def _look_anew(self, call_id: str, now: float) -> None:
        waiting = self._callers.get(call_id)
        if waiting is not None and not waiting.engaged:
            self._arm(waiting, now)

    def _arm(self, waiting: Waiting, now: float) -> None:
        """Take every step that is due and set the time of the next ones."""
        call_id = waiting.caller.call_id
        while (at := waiting.alone_until) is not None and at <= now and not waiting.engaged:
            self._open_up(waiting, at, now)
        if at is not None:
            self._deadlines.add(at, "alone", call_id)
        for step in tuple(waiting.overflow):
            if not waiting.engaged and self._is_due(waiting, step, now):
                self._take_step(waiting, step, now)
        while (at := waiting.relax_at) is not None and at <= now and not waiting.engaged:
            self._relax(waiting, waiting.caller.relax[waiting.relaxed], now)
        if at is not None:
            self._deadlines.add(at, "relax", call_id)
        self._look_again(waiting, now)

    def _look_again(self, waiting: Waiting, now: float) -> None:
        """At the time of the next step, and when nobody is left in a line for which an earlier one waits."""
        if waiting.caller.call_id not in self._callers:
            return
        joined_at, later = waiting.caller.joined_at, None
        for step in waiting.overflow:
            at = joined_at + step.after_s
            if at <= now:
                self._watch(waiting)
                if step.wait_over_s is None:
                    continue
                at = now + _FORESEEN_AGAIN_S
            later = at if later is None else min(later, at)
        if later is not None and later != waiting.step_at:
            self._deadlines.add(later, "step", waiting.caller.call_id)
        waiting.step_at = later
        self._opened.pop(waiting.caller.call_id, None)

    def _watch(self, waiting: Waiting) -> None:
        for line in waiting.lines:
            queue = queue_of(line)
            if queue is None:
                continue
            for key in (line, self._roster.line(queue, _needed_at_last(waiting.caller))):
                if key not in waiting.watched_in:
                    waiting.watched_in.append(key)
                    self._watched.setdefault(key, {})[waiting.caller.call_id] = None

    def _comfort_at(self, waiting: Waiting, now: float) -> None:
        """Something is being said now: comfort is due when nothing more follows for a while."""
        every = self._rules[waiting.caller.queue].comfort_every_s
        if every:
            waiting.comfort_at = now + every
            self._deadlines.add(waiting.comfort_at, "comfort", waiting.caller.call_id)

    # ---- whether a step holds -----------------------------------------------------------------------

    def _is_due(self, waiting: Waiting, step: OverflowStep, now: float) -> bool:
        if waiting.caller.joined_at + step.after_s > now:
            return False
        if step.state is not None and not self._is_so(waiting, step):
            return False
        return step.wait_over_s is None or self._foreseen_over(waiting, step.wait_over_s, now)

    def _is_so(self, waiting: Waiting, step: OverflowStep) -> bool:
        """Of the queues together. For whom the own salesperson is waited, the state is not asked."""
        if waiting.alone_until is not None:
            return False
        if step.state == "nobody_ready":
            return not any(self._is_ready(key) for key in waiting.lines)
        return not any(self._is_staffed(waiting, key) for key in waiting.lines)

    def _is_ready(self, key: LineKey) -> bool:
        if isinstance(key, int):
            agent = self._roster.find(key)
            return agent is not None and agent.state == "ready"
        return len(self._lines[key].ready) > 0

    def _is_staffed(self, waiting: Waiting, key: LineKey) -> bool:
        """Whether somebody at work may serve the caller there, at the latest with the skills asked for in the end."""
        if isinstance(key, int):
            return self._roster.is_present(key)
        return self._roster.present(queue_of(key) or "", _needed_at_last(waiting.caller)) > 0

    def _foreseen_over(self, waiting: Waiting, seconds: float, now: float) -> bool:
        foreseen = self._estimate_s(waiting, now)
        if foreseen is None:
            return not any(self._is_staffed(waiting, key) for key in waiting.lines)
        return foreseen > seconds

    def _estimate_s(self, waiting: Waiting, now: float) -> float | None:
        estimate = self._outlook.estimate(waiting, now)
        if estimate is None:
            return None
        return estimate * self._outlook.factor(waiting.caller.queue)

    # ---- taking it ----------------------------------------------------------------------------------

    def _take_step(self, waiting: Waiting, step: OverflowStep, now: float) -> None:
        call_id, own = waiting.caller.call_id, waiting.caller.queue
        waiting.overflow.remove(step)
        if step.way is not None and step.way.only_tells:
            self._out.append(Diverted(call_id, own, step.way, tuple(_reasons(step, own))))
            self._comfort_at(waiting, now)
            return
        while waiting.alone_until is not None:
            self._open_up(waiting, now, now)
        why = tuple(_reasons(step, own))
        if step.to is not None:
            if not waiting.caller.held:
                self._out.append(Widened(call_id, own, step.to, why))
            self._extend(waiting, self._roster.line(step.to, waiting.needs), now)
        if step.way is None or waiting.engaged:
            return
        if step.way.leads_out:
            self._unline(waiting)
            waiting.diverted = True
        self._out.append(Diverted(call_id, own, step.way, why))

    def _relax(self, waiting: Waiting, step: RelaxStep, now: float) -> None:
        caller, lined = waiting.caller, waiting.lined
        self._unline(waiting)
        waiting.relaxed += 1
        waiting.needs = step.skills
        waiting.lines = [
            key if (queue := queue_of(key)) is None else self._roster.line(queue, step.skills)
            for key in waiting.lines
        ]
        if not caller.held:
            self._out.append(Relaxed(caller.call_id, caller.queue, step.skills))
        if lined:
            self._place(waiting, now)


def _needed_at_last(caller: Caller) -> Needs:
    """The skills that are asked for in the end."""
    return caller.relax[-1].skills if caller.relax else caller.skills


def _reasons(step: OverflowStep, queue: str) -> Iterable[Reason]:
    """Everything that the step asked for."""
    if step.after_s or (step.state is None and step.wait_over_s is None and not step.waiting_over):
        yield Reason("overflow_time", {"from": queue, "seconds": str(round(step.after_s))})
    if step.state is not None:
        yield Reason(step.state, {"from": queue})
    if step.waiting_over is not None:
        yield Reason("waiting_over", {"from": queue, "places": str(step.waiting_over)})
    if step.wait_over_s is not None:
        yield Reason("wait_over", {"from": queue, "seconds": str(round(step.wait_over_s))})
