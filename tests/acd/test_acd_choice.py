"""Skills, strategies and ageing: who is chosen, by example and against a model."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.core import AcdCore
from acd.core_types import (
    Ageing,
    Caller,
    Decision,
    Login,
    Offered,
    OverflowStep,
    Preferred,
    QueueRules,
    Relaxed,
    RelaxStep,
    Strategy,
    needs,
)

NOW = 1_000.0


def core_with(
    strategy: Strategy = "longest_idle", *skills: dict[str, int], ageing: Ageing | None = None
) -> AcdCore:
    """Agents 1, 2, 3 … of the queue `line`, each idle a second less than the one before."""
    core = AcdCore((QueueRules("line", strategy=strategy, wrap_up_s=0),), ageing)
    for number, has in enumerate(skills, 1):
        core.log_in(Login(number, f"A{number}", f"80{number}", ("line",), has), NOW + number)
    return core


def offers(decided: list[Decision]) -> list[tuple[str, int]]:
    return [(d.call_id, d.agent_id) for d in decided if isinstance(d, Offered)]


def codes(decided: list[Decision]) -> list[str]:
    return [reason.code for d in decided if isinstance(d, Offered) for reason in d.why]


def join(core: AcdCore, call_id: str, at: float = NOW + 9, **more: object) -> list[Decision]:
    return core.join(Caller(call_id, "line", more.pop("priority", 0), at, **more), at)  # type: ignore[arg-type]


def serve(core: AcdCore, call_id: str, at: float, **more: object) -> int:
    """A call from ringing to its end; who took it."""
    [(_, agent_id)] = offers(join(core, call_id, at, **more))
    core.answered(call_id, at)
    core.hung_up(agent_id, at + 1)
    core.tick(at + 1)
    return agent_id


WINE, EXPERT = needs({"wine": 2}), needs({"wine": 4})


def test_a_caller_is_offered_only_to_agents_who_have_the_skill_at_the_level():
    core = core_with("longest_idle", {}, {"wine": 1}, {"wine": 3})
    decided = join(core, "a", skills=WINE)
    assert (offers(decided), codes(decided)) == ([("a", 3)], ["skills", "longest_idle"])
    assert offers(join(core, "b", skills=WINE)) == []
    assert offers(join(core, "c")) == [("c", 1)]


def test_of_several_skills_all_are_needed():
    core = core_with("longest_idle", {"wine": 5}, {"beer": 5}, {"wine": 2, "beer": 1})
    assert offers(join(core, "a", skills=needs({"wine": 2, "beer": 1}))) == [("a", 3)]


def test_an_agent_passes_over_those_whom_the_agent_cannot_help():
    core = core_with("longest_idle", {})
    serve_first = join(core, "x")
    join(core, "needs", NOW + 10, skills=WINE)
    join(core, "plain", NOW + 11)
    assert offers(serve_first) == [("x", 1)]
    assert [v.position for v in core.callers() if v.caller.call_id == "plain"] == [2]
    core.answered("x", NOW + 12)
    core.hung_up(1, NOW + 13)
    assert offers(core.tick(NOW + 13)) == [("plain", 1)]


def test_the_skills_hold_in_the_queues_into_which_a_caller_overflows():
    core = AcdCore((QueueRules("line", overflow=(OverflowStep(5, "more"),)), QueueRules("more")))
    core.log_in(Login(1, "A", "801", ("more",)), NOW)
    core.log_in(Login(2, "B", "802", ("more",), {"wine": 2}), NOW + 1)
    join(core, "a", NOW + 2, skills=WINE)
    assert offers(core.tick(NOW + 7)) == [("a", 2)]


def test_with_time_a_caller_needs_less():
    core = core_with("longest_idle", {}, {"wine": 1})
    relax = (RelaxStep(30, needs({"wine": 1})), RelaxStep(60, ()))
    for call_id in ("a", "b"):
        assert offers(join(core, call_id, NOW + 9, skills=EXPERT, relax=relax)) == []
    assert core.next_deadline() == NOW + 39
    decided = core.tick(NOW + 39)
    assert Relaxed("a", "line", needs({"wine": 1})) in decided
    assert offers(decided) == [("a", 2)]
    core.answered("a", NOW + 40)
    assert offers(core.tick(NOW + 69)) == [("b", 1)]


def test_what_fell_due_while_it_rang_holds_when_nobody_answers():
    core = core_with("longest_idle", {"wine": 4}, {})
    join(core, "a", NOW + 9, skills=EXPERT, relax=(RelaxStep(5, ()),))
    core.tick(NOW + 20)
    assert offers(core.failed("a", "no_answer", NOW + 25)) == [("a", 2)]


def test_the_own_salesperson_is_asked_whatever_the_skills():
    core = core_with("longest_idle", {}, {"wine": 5})
    decided = join(core, "a", skills=WINE, preferred=(Preferred("salesperson", (1,)),))
    assert (offers(decided), codes(decided)) == ([("a", 1)], ["salesperson"])


def test_an_agent_who_came_back_with_another_skill_serves_what_it_allows():
    core = core_with("longest_idle", {})
    join(core, "a", skills=WINE)
    core.command(1, "log_out", NOW + 10)
    better = Login(1, "A1", "801", ("line",), {"wine": 2})
    assert offers(core.log_in(better, NOW + 11)) == [("a", 1)]


# ---- strategies ------------------------------------------------------------------------------------


def test_round_robin_goes_round_and_leaves_out_who_is_away():
    core = core_with("round_robin", {}, {}, {})
    assert [serve(core, f"a{n}", NOW + 10 + n) for n in range(4)] == [1, 2, 3, 1]
    core.command(2, "break", NOW + 20)
    assert [serve(core, f"b{n}", NOW + 20 + n) for n in range(3)] == [3, 1, 3]
    core.command(2, "ready", NOW + 30)
    assert serve(core, "c", NOW + 31) == 1
    assert serve(core, "d", NOW + 33) == 2
    assert codes(join(core, "e", NOW + 35)) == ["round_robin"]


def test_a_call_that_waited_for_an_agent_counts_as_the_agents_turn():
    core = core_with("round_robin", {}, {})
    for call_id in ("a", "b", "waits"):
        join(core, call_id, NOW + 9)
        core.answered(call_id, NOW + 9)
    core.hung_up(1, NOW + 10)
    assert offers(core.tick(NOW + 10)) == [("waits", 1)]
    core.answered("waits", NOW + 11)
    for agent_id in (1, 2):
        core.hung_up(agent_id, NOW + 12)
    core.tick(NOW + 12)
    assert offers(join(core, "next", NOW + 13)) == [("next", 2)]


def test_by_load_whoever_took_fewest_calls_is_next_then_the_longest_idle():
    core = core_with("least_calls", {}, {})
    assert serve(core, "a", NOW + 10) == 1
    core.log_in(Login(3, "A3", "803", ("line",)), NOW + 12)
    decided = join(core, "b", NOW + 13)
    assert (offers(decided), codes(decided)) == ([("b", 2)], ["least_calls"])
    assert offers(join(core, "c", NOW + 14)) == [("c", 3)]
    assert offers(join(core, "d", NOW + 15)) == [("d", 1)]


def test_by_proficiency_the_best_is_next_then_the_longest_idle():
    core = core_with("proficiency", {"wine": 2}, {"wine": 5}, {"wine": 5, "beer": 5})
    decided = join(core, "a", NOW + 10, skills=WINE)
    assert (offers(decided), codes(decided)) == ([("a", 2)], ["skills", "proficiency"])
    assert offers(join(core, "b", NOW + 11)) == [("b", 1)]


agents = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 1)), min_size=1, max_size=6
)


@pytest.mark.parametrize("strategy", ["longest_idle", "least_calls", "proficiency"])
@given(agents=agents)
def test_the_order_of_agents_is_that_of_the_strategy(
    strategy: Strategy, agents: list[tuple[int, int, int]]
):
    """Of each agent: calls taken, level, and whether another queue comes first."""
    core = AcdCore((QueueRules("line", strategy=strategy, wrap_up_s=0), QueueRules("other")))
    wanted, at = {}, NOW
    for number, (calls, level, second) in enumerate(agents, 1):
        queues = ("other", "line") if second else ("line",)
        has = {"wine": level} if level else {}
        core.log_in(Login(number, "A", f"8{number}", queues, has), at)
        for call in range(calls):
            at += 1
            call_id = f"w{number}-{call}"
            core.join(Caller(call_id, "line", 0, at, (Preferred("salesperson", (number,)),)), at)
            core.answered(call_id, at)
            core.hung_up(number, at)
            core.tick(at)
        keys = {
            "longest_idle": (second, at),
            "least_calls": (second, calls, at),
            "proficiency": (-level, second, at),
        }
        wanted[number] = (*keys[strategy], number)
        at += 1
    able = [number for number in wanted if strategy != "proficiency" or agents[number - 1][1]]
    wine = needs({"wine": 1}) if strategy == "proficiency" else ()
    got = []
    for number in able:
        got += [who for _, who in offers(join(core, f"c{number}", at, skills=wine))]
    assert got == sorted(able, key=wanted.__getitem__)


# ---- ageing ----------------------------------------------------------------------------------------

AGEING = Ageing(every_s=10, by=5)


def test_who_waits_long_enough_goes_before_a_higher_priority():
    core = core_with(ageing=AGEING)
    join(core, "old", NOW)
    join(core, "soon", NOW + 19, priority=10)
    join(core, "late", NOW + 21, priority=10)
    places = {v.caller.call_id: v.position for v in core.callers()}
    assert places == {"soon": 1, "old": 2, "late": 3}


def test_a_place_in_the_agents_order_counts_one_step_of_ageing():
    for earlier_s, first in ((9, "own"), (11, "other")):
        core = AcdCore((QueueRules("line", wrap_up_s=0), QueueRules("other")), AGEING)
        core.log_in(Login(1, "A", "801", ("line", "other")), NOW)
        join(core, "x", NOW)
        core.join(Caller("other", "other", 0, NOW + 1), NOW + 1)
        join(core, "own", NOW + 1 + earlier_s)
        core.answered("x", NOW + 20)
        core.hung_up(1, NOW + 30)
        assert offers(core.tick(NOW + 30)) == [(first, 1)]


def served_before(ageing: Ageing | None, priorities: list[int], gap_s: float) -> int | None:
    """One agent and more callers of higher priority than can be served: after how many of them the
    first caller, of none, gets the agent."""
    core = core_with("longest_idle", {}, ageing=ageing)
    at = NOW + 1
    ringing = deque(offers(join(core, "busy", at)))
    join(core, "plain", at)
    for number, priority in enumerate(priorities):
        at += gap_s
        join(core, f"h{number}", at, priority=priority)
        if number % 2:
            call_id, agent_id = ringing.popleft()
            core.answered(call_id, at)
            core.hung_up(agent_id, at)
            ringing.extend(offers(core.tick(at)))
            if ringing[0][0] == "plain":
                return number // 2
    return None


@given(
    priorities=st.lists(st.integers(1, 100), min_size=300, max_size=300),
    gap_s=st.integers(1, 10),
)
def test_with_ageing_nobody_waits_for_ever_while_others_of_higher_priority_keep_coming(
    priorities: list[int], gap_s: int
):
    waited = served_before(AGEING, priorities, gap_s)
    joined_in_time = 100 * AGEING.every_s / AGEING.by / gap_s
    assert waited is not None
    assert waited <= joined_in_time + 1


def test_without_ageing_they_do():
    assert served_before(None, [1] * 300, 1) is None
