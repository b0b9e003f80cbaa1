"""How many calls to begin and which ringing ones to give up.

Rule: pure; the same in the simulator and live. A call is begun as long as the chance that its answer would find nobody is
within the budget's price. Adding one by one until the marginal chance reaches one price is how a Lagrange multiplier divides a
budget; with the price tuned it gives what the optimal policy of the exponential model gives (docs/adr/0024).

Calls for which a free agent waits carry no such chance, unless callers who come in may take that agent. With no price (limit 0,
nothing learnt yet, budget spent) only these are begun: one call for each free agent, which is progressive dialling.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dialer.pacing.budget import Budget
from dialer.pacing.learning import Estimates
from dialer.pacing.prediction import MOMENTS, Prediction, Sum, shortage
from dialer.pacing.reported import Cap, Decision, Floor, Mode, Why

_WINS_BACK = 0.5
_HARDLY = 1e-5  # callers a second


@dataclass(frozen=True, slots=True)
class PacingRules:
    """`ring_least_s`: no call is given up earlier (16 CFR 310.4(b)(4): 15 s). A ringing call is given up when its answer
    would find nobody with a chance over `give_up_risk`, and over the price.
    """

    ring_least_s: float = 15.0
    give_up_risk: float = 0.5


def decide(
    floor: Floor,
    now: float,
    *,
    known: Estimates,
    prediction: Prediction,
    budget: Budget,
    rules: PacingRules,
) -> Decision:
    """`prediction` is of `known`, at most some seconds old."""
    return _Deciding(
        floor, now, known=known, prediction=prediction, budget=budget, rules=rules
    ).decide()


class _Deciding:
    def __init__(
        self,
        floor: Floor,
        now: float,
        *,
        known: Estimates,
        prediction: Prediction,
        budget: Budget,
        rules: PacingRules,
    ) -> None:
        self._floor, self._now, self._rules = floor, now, rules
        self._known, self._prediction, self._budget = known, prediction, budget
        self._idle = sum(agent.state == "idle" for agent in floor.agents)
        self._able = self._idle + sum(
            agent.state != "idle" and not agent.leaves for agent in floor.agents
        )
        late = now + prediction.ahead_s[-1]
        promised = sum(due <= late for due in floor.callbacks_due)
        self._spoken_for = floor.waiting + floor.inbound_waiting + promised
        self._demand = prediction.demand(floor.ringing, floor.hour, now)
        for each, ahead_s in zip(self._demand, prediction.ahead_s, strict=True):
            each.add_rare(known.inbound.rate(now) * ahead_s)
        self._freed = prediction.supply(floor.agents, now)
        self._supply = [each.chances() for each in self._freed]
        self._blended = budget.rules.limit > 0 and known.inbound.rate(now) > _HARDLY
        self._price = budget.price(floor.waiting) if known.known else 0.0

    def decide(self) -> Decision:
        demand = [Sum(each.mean, each.variance) for each in self._demand]
        wanted, risk = self._more(demand)
        n_dial, capped_by = self._capped(wanted)
        cancel = () if n_dial else self._given_up()
        return Decision(n_dial, cancel, self._why(risk, capped_by))

    def _risk(self, demand: Sequence[Sum]) -> float:
        """The chance that an answer which comes on top finds nobody."""
        needed = self._idle - self._spoken_for
        each = [
            shortage(needed, coming, freed)
            for coming, freed in zip(demand, self._supply, strict=True)
        ]
        return sum(each) / len(each)

    def _more(self, demand: Sequence[Sum]) -> tuple[int, float]:
        """Calls to begin, and the risk of the first that is not."""
        if not self._able:
            return 0, 1.0
        floor = self._floor
        surely = max(0, self._idle - self._spoken_for - len(floor.ringing))
        wanted = 0
        for segment in floor.upcoming:
            risk = 0.0
            if wanted >= surely or self._blended:
                risk = self._risk(demand)
                if risk > self._accepted(surely=wanted < surely):
                    return wanted, risk
            rate = self._known.rate.of(segment, floor.hour)
            for each, part in zip(demand, MOMENTS, strict=True):
                each.add(rate * part)
            wanted += 1
        return wanted, self._risk(demand)

    def _accepted(self, *, surely: bool) -> float:
        """The greatest risk of a call; less than none when there is no price. One for which an agent is free now may always
        have half of the limit: it wins back room.
        """
        if surely:
            return max(self._price, _WINS_BACK * self._budget.rules.limit)
        return self._price or -1.0

    def _capped(self, wanted: int) -> tuple[int, Cap | None]:
        """The cap that is named is the tightest of those that held."""
        floor, in_all = self._floor, self._known.carrier.most(self._now)
        caps: list[tuple[int, Cap]] = [(floor.lines_free, "lines"), (floor.starts_left, "starts")]
        if in_all is not None:
            caps.insert(0, (in_all - len(floor.ringing), "carrier"))
        least, cap = min(caps, key=lambda each: each[0])
        if least < wanted:
            return max(0, least), cap
        return wanted, "list" if wanted and wanted == len(floor.upcoming) else None

    def _given_up(self) -> tuple[str, ...]:
        """The oldest first; each is looked at beside the others, without itself."""
        floor, now = self._floor, self._now
        least = max(self._rules.give_up_risk, self._price)
        demand = [Sum(each.mean, each.variance) for each in self._demand]
        old = [each for each in floor.ringing if now - each.started_at >= self._rules.ring_least_s]
        given_up: list[str] = []
        if not old or self._risk(demand) <= least:
            return ()
        for call in sorted(old, key=lambda each: each.started_at):
            chances = self._prediction.answers(call, floor.hour, now)
            for each, chance in zip(demand, chances, strict=True):
                each.add(chance, -1.0)
            if self._risk(demand) <= least:
                break
            given_up.append(call.call_id)
        return tuple(given_up)

    def _mode(self) -> Mode:
        if not self._able:
            return "nobody_there"
        if not self._budget.rules.limit:
            return "limit_is_zero"
        if not self._known.known:
            return "learning"
        return "predictive" if self._price else "budget_spent"

    def _why(self, risk: float, capped_by: Cap | None) -> Why:
        floor, known, ahead_s = self._floor, self._known, self._prediction.ahead_s
        segment = floor.upcoming[0] if floor.upcoming else ""
        kind = next((agent.kind for agent in floor.agents if agent.kind), "")
        return Why(
            mode=self._mode(),
            capped_by=capped_by,
            idle=self._idle,
            ringing=len(floor.ringing),
            spoken_for=self._spoken_for,
            answer_rate=known.rate.of(segment, floor.hour),
            answer_s=known.answer_delay.mean_s,
            talk_s=known.busy(kind).talk.mean_s,
            wrap_up_s=known.busy(kind).wrap_up.mean_s,
            ahead_s=ahead_s[-1],
            free_soon=self._freed[-1].mean,
            answers_soon=self._demand[-1].mean,
            risk=risk,
            accepted=self._price,
            room=self._budget.room(floor.waiting),
            share=self._budget.share(),
            limit=self._budget.rules.limit,
        )
