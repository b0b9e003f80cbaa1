"""Whatever callers, agents and the clock do, the core keeps its promises."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from acd.core import AcdCore
from acd.core_agents import AWAY, MOVES
from acd.core_types import (
    AgentMoved,
    Caller,
    Decision,
    Login,
    Offered,
    OverflowStep,
    QueueRules,
    Widened,
)

QUEUES = ("north", "east", "retail")
RULES = (
    QueueRules(
        "north", wrap_up_s=15, overflow=(OverflowStep(30, "east"), OverflowStep(60, "retail"))
    ),
    QueueRules("east", wrap_up_s=None, announce_every_s=20, overflow=(OverflowStep(40, "north"),)),
    QueueRules("retail", wrap_up_s=0, ring_s=10),
)
queues = st.sampled_from(QUEUES)
agents = st.integers(1, 4)


class AcdMachine(RuleBasedStateMachine):
    """A model beside the core: who is where, and where each waiting caller may be served."""

    def __init__(self) -> None:
        super().__init__()
        self.core = AcdCore(RULES)
        self.now = 1_000_000.0
        self.calls = 0
        self.waiting: dict[str, Caller] = {}
        self.open_to: dict[str, set[str]] = {}
        self.ringing: dict[str, int] = {}
        self.talking: dict[str, int] = {}
        self.reserved: dict[str, int] = {}
        self.states: dict[int, str] = {}

    def hear(self, decided: list[Decision]) -> None:
        for decision in decided:
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
                self.ringing[decision.call_id] = decision.agent_id
                self.check_order(decision)
            elif isinstance(decision, Widened):
                self.open_to[decision.call_id].add(decision.to_queue)

    def check_order(self, offer: Offered) -> None:
        """Nobody of the caller's own queue who could be served by this agent was passed over."""
        chosen = self.waiting[offer.call_id]
        agent = self.core.agent(offer.agent_id)
        assert agent is not None
        if chosen.preferred_agent is not None or chosen.queue not in agent.login.queues:
            return
        for call_id, other in self.waiting.items():
            if call_id in self.ringing or other.queue != chosen.queue or other.preferred_agent:
                continue
            assert (-chosen.priority, chosen.joined_at) <= (-other.priority, other.joined_at)

    def start(self, caller: Caller) -> None:
        self.waiting[caller.call_id] = caller
        self.open_to[caller.call_id] = {caller.queue}
        self.hear(self.core.join(caller, self.now))

    def gone(self, call_id: str) -> None:
        del self.waiting[call_id], self.open_to[call_id]
        self.ringing.pop(call_id, None)

    @rule(agent=agents, own=st.lists(queues, min_size=1, unique=True))
    def log_in(self, agent: int, own: list[str]) -> None:
        if self.states.get(agent, "offline") == "offline":
            login = Login(agent, f"agent {agent}", f"80{agent:02}", tuple(own))
            self.hear(self.core.log_in(login, self.now))

    @rule(agent=agents, pick=st.randoms(use_true_random=False))
    def press_an_allowed_button(self, agent: int, pick: object) -> None:
        allowed = self.core.allowed(agent)
        if self.core.agent(agent) is not None and allowed:
            self.hear(self.core.command(agent, pick.choice(allowed), self.now, "lunch"))  # type: ignore[attr-defined]

    @rule(
        queue=queues,
        priority=st.integers(0, 2),
        preferred=st.none() | agents,
        age=st.integers(0, 50),
    )
    def a_caller_joins(self, queue: str, priority: int, preferred: int | None, age: int) -> None:
        self.calls += 1
        self.start(Caller(f"c{self.calls:04}", queue, priority, self.now - age, preferred))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def a_caller_hangs_up(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.waiting)))
        agent = self.ringing.get(call_id)
        self.gone(call_id)
        self.hear(self.core.leave(call_id, self.now))
        if agent is not None:
            assert self.states[agent] not in ("unavailable", "talking")

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
            assert self.states[agent] != "reserved"

    @rule(agent=agents, reachable=st.booleans())
    def a_telephone_comes_or_goes(self, agent: int, reachable: bool) -> None:
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
    def no_caller_is_lost(self) -> None:
        assert {view.caller.call_id for view in self.core.callers()} == set(self.waiting)

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
            if call_id in self.ringing:
                continue
            wanted = caller.preferred_agent
            assert wanted not in {agent.agent_id for agent in ready}
            if wanted is None or self.states.get(wanted, "offline") in AWAY:
                for agent in ready:
                    assert not self.open_to[call_id] & set(agent.login.queues)

    @invariant()
    def the_counts_of_each_queue_are_right(self) -> None:
        for queue in QUEUES:
            line = self.core.line(queue)
            own = [caller for caller in self.waiting.values() if caller.queue == queue]
            serving = [agent for agent in self.core.agents() if queue in agent.login.queues]
            assert line.waiting == len(own)
            assert line.longest_since == min((c.joined_at for c in own), default=None)
            assert line.ready == sum(agent.state == "ready" for agent in serving)
            assert line.busy == sum(agent.state not in (*AWAY, "ready") for agent in serving)


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
