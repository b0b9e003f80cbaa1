"""Other dialers' rules, written anew from their formulae: progressive, ratios, VICIdial, Issabel, Kamen.

Rule: a policy sees the `Floor` and what it is told, like ours. Sources of the formulae: VICIdial's documents of its levels and
of AST_VDadapt (SVN 3884), Issabel's predictor, US patent 5991393 (Kamen).
"""

from collections import deque
from math import exp
from typing import Literal

from bench.pacing.world import Deaf
from dialer.pacing.reported import Floor, Ringing

_QUARTER, _MINUTE = 12, 48  # steps of 1.25 s
Mode = Literal["ratio", "hard", "average", "tapered"]


def _in(floor: Floor, *states: str) -> int:
    return sum(agent.state in states for agent in floor.agents)


class Progressive(Deaf):
    """One call for each idle agent."""

    every_s = 30.0

    def decide(self, floor: Floor, now: float) -> tuple[int, tuple[str, ...]]:
        del now
        taken = len(floor.ringing) + floor.waiting + floor.inbound_waiting
        return max(0, _in(floor, "idle") - taken), ()


class IdleRatio(Deaf):
    """So many calls for each idle agent."""

    every_s = 30.0

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio

    def decide(self, floor: Floor, now: float) -> tuple[int, tuple[str, ...]]:
        del now
        idle = _in(floor, "idle") - floor.waiting - floor.inbound_waiting
        return max(0, round(self._ratio * idle) - len(floor.ringing)), ()


class Vicidial(Deaf):
    """The level is set every 15 s from samples taken since, the lines are filled every 2.5 s.

    `most`: adaptive_maximum_level; `target`: adaptive_dl_diff_target; drops: 3 % of the day's answers.
    """

    every_s = 1.25
    on_events = False

    def __init__(
        self, mode: Mode, level: float = 1.0, *, most: float = 3.0, target: float = -1.0
    ) -> None:
        self._mode, self._most, self._target = mode, most, target
        self._level = level
        self.new_day(0)

    def new_day(self, day: int) -> None:
        del day
        self._step = -1
        self._samples: deque[tuple[int, int, int]] = deque(maxlen=_QUARTER)
        self._answers = self._drops = 0
        self._shown = (0, 0)
        self._recent: deque[tuple[float, bool]] = deque()

    def abandoned(self, now: float) -> None:
        self._drops += 1
        self._recent.append((now, True))

    def answered(self, call: Ringing, now: float) -> None:
        del call, now
        self._answers += 1

    def failed(self, call: Ringing, now: float, *, congested: bool) -> None:
        del call, congested
        self._recent.append((now, False))

    def met(self, waited_s: float, now: float) -> None:
        del waited_s
        self._recent.append((now, False))

    def decide(self, floor: Floor, now: float) -> tuple[int, tuple[str, ...]]:
        self._step += 1
        if self._mode != "ratio":
            self._samples.append((_in(floor, "idle"), floor.waiting, len(floor.agents)))
            if self._step % _MINUTE == 0:
                self._shown = (self._answers, self._drops)
            if self._step % _QUARTER == 0 and self._step:
                self._set_level(now)
        return (0 if self._step % 2 else self._fill(floor)), ()

    def _fill(self, floor: Floor) -> int:
        ready = _in(floor, "idle")
        talking = [agent for agent in floor.agents if agent.state == "talking"]
        existing = len(floor.ringing) + floor.waiting
        existing += sum(agent.kind != "inbound" for agent in talking)
        if not ready:
            existing += floor.inbound_waiting + sum(agent.kind == "inbound" for agent in talking)
        return max(0, round(self._level * (ready + len(talking))) - existing)

    def _set_level(self, now: float) -> None:
        ready, waiting, total = (
            sum(each) / len(self._samples) for each in zip(*self._samples, strict=True)
        )
        change = (ready - waiting + self._target) / max(1e-9, total)
        level = min(self._most, max(1.0, self._level * (1 + change)))
        while self._recent and self._recent[0][0] < now - 60:
            self._recent.popleft()
        lost = sum(dropped for _, dropped in self._recent)
        if len(self._recent) > 20 and lost > 0.5 * len(self._recent):
            level /= 2
        answers, drops = self._shown
        if answers > 50 and drops > 0.03 * answers:
            level = self._dropping(level, now)
        self._level = max(1.0, level)

    def _dropping(self, level: float, now: float) -> float:
        if self._mode == "hard":
            return 1.0
        if self._mode == "average":
            return level / 2
        hours, minutes = divmod(int(now / 60) + 9 * 60, 60)
        left = 1700 - (hours * 100 + minutes)
        return level * min(1.0, max(0, left) / 1000)


class Issabel(Deaf):
    """Agents who are free or soon will be, less what waits and rings, over the answer rate of half an hour."""

    every_s = 1.0

    def __init__(self) -> None:
        self._ended: deque[tuple[float, bool]] = deque()
        self._handled, self._calls = 0.0, 0
        self._ring_s, self._answers = 0.0, 0

    def new_day(self, day: int) -> None:
        del day
        self._ended.clear()

    def answered(self, call: Ringing, now: float) -> None:
        self._ended.append((now, True))
        self._ring_s += now - call.started_at
        self._answers += 1

    def failed(self, call: Ringing, now: float, *, congested: bool) -> None:
        del call, congested
        self._ended.append((now, False))

    def talked(self, kind: str, seconds: float) -> None:
        del kind
        self._handled += seconds
        self._calls += 1

    def decide(self, floor: Floor, now: float) -> tuple[int, tuple[str, ...]]:
        while self._ended and self._ended[0][0] < now - 1800:
            self._ended.popleft()
        free = _in(floor, "idle") + self._soon(floor, now) - floor.waiting - floor.inbound_waiting
        wanted = free - len(floor.ringing)
        if wanted > 0 and len(self._ended) >= 10:
            rate = sum(answered for _, answered in self._ended) / len(self._ended)
            wanted = round(wanted / max(rate, 0.2))
        return max(0, wanted), ()

    def _soon(self, floor: Floor, now: float) -> int:
        if not self._calls or not self._answers:
            return 0
        mean, ring = max(1.0, self._handled / self._calls), self._ring_s / self._answers
        busy = (agent for agent in floor.agents if agent.state == "talking")
        return sum(1 - exp(-(now - agent.since + ring) / mean) >= 0.97 for agent in busy)


class Kamen(Deaf):
    """Calls at the rate (A - inbound traffic) ÷ (handling time × answer rate), A being the traffic of which Erlang's B loses
    3 %; without feedback, the means learnt as they come.
    """

    every_s = 1.0
    on_events = False

    def __init__(self) -> None:
        self._ended = self._answers = 1.0
        self._handled, self._calls = 140.0, 1.0
        self._owed, self._came, self._first = 0.0, 0, 0.0

    def new_day(self, day: int) -> None:
        del day
        self._owed, self._came = 0.0, 0

    def answered(self, call: Ringing, now: float) -> None:
        del call, now
        self._ended, self._answers = 0.998 * self._ended + 1, 0.998 * self._answers + 1

    def failed(self, call: Ringing, now: float, *, congested: bool) -> None:
        del call, now
        if not congested:
            self._ended, self._answers = 0.998 * self._ended + 1, 0.998 * self._answers

    def talked(self, kind: str, seconds: float) -> None:
        del kind
        self._handled, self._calls = self._handled + seconds, self._calls + 1

    def wrapped_up(self, kind: str, seconds: float) -> None:
        del kind
        self._handled += seconds

    def came_in(self, now: float) -> None:
        del now
        self._came += 1

    def decide(self, floor: Floor, now: float) -> tuple[int, tuple[str, ...]]:
        handling = self._handled / self._calls
        inbound = self._came / max(600.0, now) * handling
        traffic = max(0.0, _traffic(len(floor.agents)) - inbound)
        rate = traffic / (handling * max(0.01, self._answers / self._ended))
        self._owed += rate * self.every_s
        calls = int(self._owed)
        self._owed -= calls
        return calls, ()


_TRAFFICS: dict[int, float] = {}


def _traffic(agents: int, loss: float = 0.03) -> float:
    """Erlangs of which so many agents lose that share."""
    if agents not in _TRAFFICS:
        low, high = 0.0, 2.0 * agents + 1
        for _ in range(40):
            middle = (low + high) / 2
            blocked = 1.0
            for number in range(1, agents + 1):
                blocked = middle * blocked / (number + middle * blocked)
            low, high = (middle, high) if blocked < loss else (low, middle)
        _TRAFFICS[agents] = low
    return _TRAFFICS[agents]
