"""Whatever callers, agents and the clock do, the core keeps its promises."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from acd.core import AcdCore
from acd.core_agents import AWAY, MOVES
from acd.core_choice import caller_rank, meets
from acd.core_types import (
    Ageing,
    AgentMoved,
    Caller,
    Decision,
    Diverted,
    Login,
    Needs,
    Offered,
    OverflowStep,
    Preferred,
    QueueRules,
    Relaxed,
    RelaxStep,
    TurnCame,
    Way,
    Widened,
    needs,
)

QUEUES = ("north", "east", "retail")
RULES = (
    QueueRules(
        "north", wrap_up_s=15, overflow=(OverflowStep(30, "east"), OverflowStep(60, "retail"))
    ),
    QueueRules(
        "east",
        wrap_up_s=None,
        announce_every_s=20,
        overflow=(OverflowStep(40, "north"),),
        strategy="proficiency",
    ),
    QueueRules(
        "retail",
        wrap_up_s=0,
        ring_s=10,
        strategy="round_robin",
        overflow=(
            OverflowStep(0, "east", state="nobody_there"),
            OverflowStep(0, way=Way("callback"), state="nobody_ready"),
            OverflowStep(0, way=Way("voicemail", "retail"), state="nobody_there"),
            OverflowStep(35, way=Way("outside", "13800138000")),
        ),
    ),
)
queues = st.sampled_from(QUEUES)
agents = st.integers(1, 4)
skills = st.dictionaries(st.sampled_from(["wine", "cantonese"]), st.integers(1, 3), max_size=2)


class AcdMachine(RuleBasedStateMachine):
    """A model beside the core: who is where, and where each waiting caller may be served."""

    ageing: Ageing | None = None

    def __init__(self) -> None:
        super().__init__()
        self.core = AcdCore(RULES, self.ageing)
        self.now = 1_000_000.0
        self.calls = 0
        self.waiting: dict[str, Caller] = {}
        self.open_to: dict[str, set[str]] = {}
        self.needs: dict[str, Needs] = {}
        self.ringing: dict[str, int] = {}
        self.talking: dict[str, int] = {}
        self.reserved: dict[str, int] = {}
        self.states: dict[int, str] = {}
        self.turns: set[str] = set()
        self.away: set[str] = set()
        self.ways: set[tuple[str, str]] = set()
        self.lost: set[int] = set()

    def hear(self, decided: list[Decision]) -> None:
        for decision in decided:
            if isinstance(decision, Offered):
                assert decision.call_id not in self.away
            if isinstance(decision, AgentMoved):
                agent = decision.now
                assert decision.before == self.states.get(agent.agent_id, "offline")
                if agent.state != decision.before:
                    assert agent.state in MOVES[decision.before].values() or agent.state in AWAY
                self.states[agent.agent_id] = agent.state
            elif isinstance(decision, Offered):
                assert decision.call_id in self.waiting
                assert decision.agent_id not in self.ringing.values()
                assert decision.agent_id not in self.talking.values()
                self.check_skills(decision)
                self.ringing[decision.call_id] = decision.agent_id
                self.check_order(decision)
            elif isinstance(decision, TurnCame):
                assert self.waiting[decision.call_id].held
                assert decision.call_id not in self.turns
                assert decision.agent_id not in self.talking.values()
                assert decision.agent_id not in self.ringing.values()
                self.check_order(decision)
                self.turns.add(decision.call_id)
                self.reserved[decision.call_id] = decision.agent_id
                self.gone(decision.call_id)
            elif isinstance(decision, Widened):
                self.open_to[decision.call_id].add(decision.to_queue)
            elif isinstance(decision, Diverted):
                self.hear_of_way(decision)
            elif isinstance(decision, Relaxed):
                self.needs[decision.call_id] = decision.skills

    def hear_of_way(self, diverted: Diverted) -> None:
        """Each way is gone once, and never while a telephone rings for the caller."""
        call_id, way = diverted.call_id, diverted.way
        assert (call_id, way.kind) not in self.ways
        assert call_id not in self.ringing
        assert call_id not in self.away
        self.ways.add((call_id, way.kind))
        if way.leads_out:
            self.away.add(call_id)

    def able(self, agent_id: int, call_id: str) -> bool:
        agent = self.core.agent(agent_id)
        assert agent is not None
        return meets(agent.login.skills, self.needs[call_id])

    def check_skills(self, offer: Offered) -> None:
        """Only preferred agents, or who was reserved for the call, may lack what is needed."""
        if self.waiting[offer.call_id].prefers(offer.agent_id) is None:
            reserved = any(reason.code == "reserved" for reason in offer.why)
            assert reserved or self.able(offer.agent_id, offer.call_id)

    def check_order(self, offer: Offered | TurnCame) -> None:
        """Nobody of the caller's own queue who could be served by this agent was passed over."""
        chosen = self.waiting[offer.call_id]
        agent = self.core.agent(offer.agent_id)
        assert agent is not None
        if chosen.preferred or chosen.queue not in agent.login.queues:
            return
        for call_id, other in self.waiting.items():
            out = call_id in self.ringing or call_id in self.away
            if out or other.queue != chosen.queue or other.preferred:
                continue
            assert not self.able(offer.agent_id, call_id) or self.order(chosen) <= self.order(other)

    def order(self, caller: Caller) -> tuple[float, float]:
        return (caller_rank(caller, self.ageing), caller.since)

    def asked(self, caller: Caller) -> list[int]:
        """At least these: until there is a group of whom somebody is at work."""
        asked: list[int] = []
        for group in caller.preferred:
            asked += group.agents
            if any(self.states.get(each, "offline") not in AWAY for each in group.agents):
                break
        return asked

    def start(self, caller: Caller) -> None:
        self.waiting[caller.call_id] = caller
        self.open_to[caller.call_id] = {caller.queue}
        self.needs[caller.call_id] = caller.skills
        self.hear(self.core.join(caller, self.now))

    def gone(self, call_id: str) -> None:
        del self.waiting[call_id], self.open_to[call_id], self.needs[call_id]
        self.ringing.pop(call_id, None)
        self.away.discard(call_id)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def a_way_leads_nowhere(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.away)))
        self.away.remove(call_id)
        self.hear(self.core.returned(call_id, self.now))

    @rule(agent=agents, own=st.lists(queues, min_size=1, unique=True), skills=skills)
    def log_in(self, agent: int, own: list[str], skills: dict[str, int]) -> None:
        if self.states.get(agent, "offline") == "offline":
            self.lost.discard(agent)
            login = Login(agent, f"agent {agent}", f"80{agent:02}", tuple(own), skills)
            self.hear(self.core.log_in(login, self.now))

    @rule(agent=agents, pick=st.randoms(use_true_random=False))
    def press_an_allowed_button(self, agent: int, pick: object) -> None:
        allowed = self.core.allowed(agent)
        if self.core.agent(agent) is not None and allowed:
            self.hear(self.core.command(agent, pick.choice(allowed), self.now, "lunch"))  # type: ignore[attr-defined]

    @rule(
        queue=queues,
        priority=st.integers(0, 2),
        preferred=st.lists(st.lists(agents, min_size=1, max_size=2, unique=True), max_size=2),
        age=st.integers(0, 50),
        kept=st.none() | st.integers(0, 500),
        skills=skills,
        held=st.booleans(),
    )
    def a_caller_joins_or_a_place_is_held(
        self,
        *,
        queue: str,
        priority: int,
        preferred: list[list[int]],
        age: int,
        kept: int | None,
        skills: dict[str, int],
        held: bool,
    ) -> None:
        self.calls += 1
        less = {skill: level - 1 for skill, level in skills.items() if level > 1}
        self.start(
            Caller(
                f"c{self.calls:04}",
                queue,
                priority,
                self.now - age,
                tuple(Preferred("deputy", tuple(group)) for group in preferred),
                skills=needs(skills),
                relax=(RelaxStep(25, needs(less)), RelaxStep(70, ())) if skills else (),
                place_at=None if kept is None else self.now - age - kept,
                held=held,
                only_preferred=held and bool(preferred) and priority > 0,
            )
        )

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def a_caller_hangs_up(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.waiting)))
        agent = self.ringing.get(call_id)
        held = self.waiting[call_id].held
        self.gone(call_id)
        self.hear((self.core.release if held else self.core.leave)(call_id, self.now))
        if agent is not None:
            assert self.states[agent] != "talking"
            assert self.states[agent] != "unavailable" or agent in self.lost

    @precondition(lambda self: self.ringing)
    @rule(data=st.data(), reason=st.sampled_from(["no_answer", "busy"]))
    def an_agent_does_not_answer(self, data: st.DataObject, reason: str) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.ringing)))
        agent = self.ringing.pop(call_id)
        self.hear(self.core.failed(call_id, reason, self.now))
        assert self.states[agent] in AWAY
        assert self.core.waiting(call_id) is not None

    @precondition(lambda self: self.ringing)
    @rule(data=st.data())
    def an_agent_answers(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.ringing)))
        self.talking[call_id] = self.ringing[call_id]
        self.gone(call_id)
        self.hear(self.core.answered(call_id, self.now))
        assert self.states[self.talking[call_id]] == "talking"

    @precondition(lambda self: self.talking)
    @rule(data=st.data())
    def a_conversation_ends(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.talking)))
        self.hear(self.core.hung_up(self.talking.pop(call_id), self.now, call_id))

    @rule(queue=queues)
    def the_dialler_reserves(self, queue: str) -> None:
        self.calls += 1
        call_id = f"d{self.calls:04}"
        decided = self.core.reserve(call_id, self.now, queue=queue)
        self.hear(decided)
        if decided:
            agent = next(agent for agent in self.core.agents() if agent.call_id == call_id)
            self.reserved[call_id] = agent.agent_id

    @precondition(lambda self: self.reserved)
    @rule(data=st.data(), answered=st.booleans())
    def a_dialled_number_answers_or_not(self, data: st.DataObject, answered: bool) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.reserved)))
        agent = self.reserved.pop(call_id)
        if answered:
            self.start(Caller(call_id, "north", 99, self.now))
            assert self.ringing[call_id] == agent
        else:
            self.hear(self.core.release(call_id, self.now))
            released = self.core.agent(agent)
            assert released is not None
            assert released.call_id != call_id

    @rule(agent=agents, reachable=st.booleans())
    def a_telephone_comes_or_goes(self, agent: int, reachable: bool) -> None:
        if self.core.agent(agent) is not None:
            (self.lost.discard if reachable else self.lost.add)(agent)
        self.hear(self.core.phone_is(agent, reachable=reachable, now=self.now))

    @rule(seconds=st.integers(1, 25))
    def time_passes(self, seconds: int) -> None:
        """Short steps, answered within the ringing time: lapses are tested by example."""
        if self.ringing or self.reserved:
            return
        end = self.now + seconds
        while (due := self.core.next_deadline()) is not None and due <= end:
            assert due >= self.now - 60
            self.now = max(self.now, due)
            before = self.core.next_deadline()
            self.hear(self.core.tick(self.now))
            after = self.core.next_deadline()
            assert after is None or after > self.now or after != before
            if self.ringing:
                return
        self.now = end

    @invariant()
    def nobody_is_ready_at_a_telephone_that_is_away(self) -> None:
        assert all(self.states[agent] != "ready" for agent in self.lost)

    @invariant()
    def no_caller_is_lost(self) -> None:
        assert {view.caller.call_id for view in self.core.callers()} == set(self.waiting)

    @invariant()
    def no_way_that_nobody_is_left_for_is_missed(self) -> None:
        """In the end these callers need no skill, so that anybody at work may serve them."""
        for call_id, caller in self.waiting.items():
            elsewhere = call_id in self.ringing or call_id in self.away
            if caller.queue != "retail" or caller.held or caller.preferred or elsewhere:
                continue
            assert (call_id, "callback") in self.ways
            assert (call_id, "voicemail") in self.ways or any(
                self.states[agent.agent_id] not in AWAY
                and self.open_to[call_id].intersection(agent.login.queues)
                for agent in self.core.agents()
            )

    @invariant()
    def no_agent_has_two_calls(self) -> None:
        busy = [*self.ringing.values(), *self.talking.values(), *self.reserved.values()]
        assert len(busy) == len(set(busy))
        for call_id, agent_id in {**self.ringing, **self.talking}.items():
            agent = self.core.agent(agent_id)
            assert agent is not None
            assert agent.call_id == call_id

    @invariant()
    def no_ready_agent_is_idle_while_an_eligible_caller_waits(self) -> None:
        ready = [agent for agent in self.core.agents() if agent.state == "ready"]
        for call_id, caller in self.waiting.items():
            if call_id in self.ringing or call_id in self.away:
                continue
            asked = self.asked(caller)
            assert not set(asked) & {agent.agent_id for agent in ready}
            gone = all(self.states.get(each, "offline") in AWAY for each in asked)
            if gone and not caller.only_preferred:
                for agent in ready:
                    unable = not self.able(agent.agent_id, call_id)
                    assert unable or not self.open_to[call_id] & set(agent.login.queues)

    @invariant()
    def nobody_waits_where_nobody_is_when_a_step_leads_out(self) -> None:
        present = [agent for agent in self.core.agents() if agent.state not in AWAY]
        for call_id, caller in self.waiting.items():
            settled = caller.held or call_id in self.ringing or call_id in self.away
            if caller.queue != "retail" or settled:
                continue
            serving = [each for each in present if self.open_to[call_id] & set(each.login.queues)]
            mine = set(self.asked(caller)) & {agent.agent_id for agent in present}
            assert serving or mine or (call_id, "voicemail") in self.ways

    @invariant()
    def the_counts_of_each_queue_are_right(self) -> None:
        for queue in QUEUES:
            line = self.core.line(queue)
            here = [caller for caller in self.waiting.values() if caller.queue == queue]
            own = [caller for caller in here if not caller.held]
            serving = [agent for agent in self.core.agents() if queue in agent.login.queues]
            assert line.waiting == len(own)
            assert line.held == len(here) - len(own)
            assert line.longest_since == min((c.joined_at for c in own), default=None)
            assert line.ready == sum(agent.state == "ready" for agent in serving)
            assert line.busy == sum(agent.state not in (*AWAY, "ready") for agent in serving)


class AgeingMachine(AcdMachine):
    """The same, while priorities grow with the wait."""

    ageing = Ageing(every_s=20, by=1)


TestAgeing = AgeingMachine.TestCase
TestAgeing.settings = settings(max_examples=75, stateful_step_count=40, deadline=None)
TestAcd = AcdMachine.TestCase
TestAcd.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_every_state_can_be_reached_from_the_start_and_left_again():
    reached, todo = {"offline"}, ["offline"]
    while todo:
        for state in MOVES[todo.pop()].values():
            if state not in reached:
                reached.add(state)
                todo.append(state)
    assert reached == set(MOVES)
    assert all(set(moves.values()) - {state} for state, moves in MOVES.items())
