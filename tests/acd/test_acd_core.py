"""The core by example: what a supervisor would expect of the line."""

import pytest

from acd.core import AcdCore
from acd.core_floor import OFFER_GRACE_S, RESERVATION_S
from acd.core_types import (
    AnnouncementDue,
    Caller,
    Decision,
    Login,
    Offered,
    OfferLapsed,
    OverflowStep,
    PassedOver,
    Preferred,
    QueueRules,
    Widened,
)
from acd.errors import ExtensionTaken, NotAllowedNow, UnknownAgent, UnknownQueue

NOW = 1_000.0
NORTH = QueueRules("north", preferred_wait_s=20, overflow=(OverflowStep(30, "east"),))
EAST = QueueRules("east", wrap_up_s=None, announce_every_s=30)


def core_with(*logins: tuple[int, str]) -> AcdCore:
    core = AcdCore((NORTH, EAST))
    for agent_id, queues in logins:
        core.log_in(Login(agent_id, f"A{agent_id}", f"80{agent_id}", tuple(queues.split())), NOW)
    return core


def caller(call_id: str, *, queue: str = "north", at: float = NOW, **more: object) -> Caller:
    return Caller(call_id, queue, more.pop("priority", 0), at, **more)  # type: ignore[arg-type]


def own(*agents: int) -> tuple[Preferred, ...]:
    """A salesperson with deputies, all of them together."""
    first, *others = agents
    deputies = (Preferred("deputy", tuple(others)),) if others else ()
    return (Preferred("salesperson", (first,)), *deputies)


def busy(core: AcdCore, *agents: int) -> None:
    """They are kept for calls that are being dialled."""
    for agent_id in agents:
        core.reserve(f"d{agent_id}", NOW, queue="north", agent_id=agent_id)


def offers(decided: list[Decision]) -> list[tuple[str, int]]:
    return [(d.call_id, d.agent_id) for d in decided if isinstance(d, Offered)]


def state(core: AcdCore, agent_id: int) -> tuple[str, str | None]:
    agent = core.agent(agent_id)
    assert agent is not None
    return agent.state, agent.reason


def talk(core: AcdCore, call_id: str, at: float = NOW) -> None:
    core.join(caller(call_id, at=at), at)
    core.answered(call_id, at)


def test_the_agent_who_has_been_idle_longest_is_chosen():
    core = core_with((1, "north"))
    core.log_in(Login(2, "B", "900", ("north",)), NOW - 50)
    assert offers(core.join(caller("a"), NOW)) == [("a", 2)]


def test_an_agent_whose_first_queue_it_is_comes_before_one_who_only_helps_out():
    core = core_with((1, "east north"), (2, "north"))
    assert offers(core.join(caller("a"), NOW + 9)) == [("a", 2)]


def test_a_free_agent_serves_the_own_first_queue_before_the_second_one():
    core = core_with((1, "east north"))
    talk(core, "x")
    core.join(caller("n", at=NOW), NOW)
    core.join(caller("e", queue="east", at=NOW + 5), NOW + 5)
    core.hung_up(1, NOW + 10)
    assert offers(core.command(1, "finish_wrap_up", NOW + 11)) == [("e", 1)]


def test_priority_counts_before_the_order_of_the_agents_queues():
    core = core_with((1, "east north"))
    talk(core, "x")
    core.join(caller("e", queue="east"), NOW)
    core.join(caller("vip", priority=50, at=NOW + 5), NOW + 5)
    core.hung_up(1, NOW + 10)
    assert offers(core.command(1, "finish_wrap_up", NOW + 11)) == [("vip", 1)]


def test_a_higher_priority_goes_ahead_and_a_resumed_caller_keeps_the_place():
    core = core_with()
    core.join(caller("plain"), NOW)
    core.join(caller("vip", priority=50, at=NOW + 1), NOW + 1)
    core.join(caller("resumed", at=NOW - 60), NOW + 2)
    places = {v.caller.call_id: v.position for v in core.callers()}
    assert places == {"vip": 1, "resumed": 2, "plain": 3}


def test_the_own_salesperson_is_waited_for_and_then_everybody_is_asked():
    core = core_with((1, "north"), (2, "north"))
    talk(core, "x")
    occupied = 1 if state(core, 1)[0] == "talking" else 2
    assert offers(core.join(caller("mine", preferred=own(occupied)), NOW)) == []
    assert core.next_deadline() == NOW + 20
    assert offers(core.tick(NOW + 20)) == [("mine", 3 - occupied)]


def test_a_salesperson_who_goes_on_break_is_waited_for_no_longer():
    core = core_with((1, ""), (2, "north"))
    core.reserve("d", NOW, queue="north", agent_id=1)
    core.join(caller("mine", preferred=own(1)), NOW)
    core.command(1, "break", NOW + 1, "lunch")
    assert offers(core.release("d", NOW + 2)) == [("mine", 2)]
    assert state(core, 1) == ("break", "lunch")


def test_a_deputy_is_asked_when_the_salesperson_is_away():
    core = core_with((2, "east"), (3, "north"))
    decided = core.join(caller("mine", preferred=own(1, 2)), NOW)
    assert offers(decided) == [("mine", 2)]
    offer = next(d for d in decided if isinstance(d, Offered))
    assert [(why.code, why.params) for why in offer.why] == [("deputy", {"agent": "A2"})]
    assert offer.others == (PassedOver(1, "away"), PassedOver(3, "later"))


def test_deputies_are_asked_after_the_salesperson_was_waited_for_and_then_the_queue():
    core = core_with((1, ""), (2, ""), (3, ""), (4, "north"))
    busy(core, 1, 2, 3)
    assert offers(core.join(caller("mine", preferred=own(1, 2, 3)), NOW)) == []
    assert core.next_deadline() == NOW + 20
    assert offers(core.tick(NOW + 20)) == []
    assert core.next_deadline() == NOW + 30  # overflows, whoever is asked
    assert offers(core.release("d3", NOW + 21)) == [("mine", 3)]


def test_without_anybody_of_them_the_queue_follows_at_once():
    core = core_with((1, ""), (2, ""), (4, "north"))
    busy(core, 1, 2)
    core.join(caller("mine", preferred=own(1, 2), overflow=()), NOW)
    core.tick(NOW + 20)
    assert core.next_deadline() == NOW + 40
    assert offers(core.tick(NOW + 40)) == [("mine", 4)]


def test_a_salesperson_who_comes_back_is_asked_though_deputies_are_waited_for():
    core = core_with((2, ""), (4, "north"))
    busy(core, 2)
    assert offers(core.join(caller("mine", preferred=own(1, 2)), NOW)) == []
    decided = core.log_in(Login(1, "A1", "801", ()), NOW + 5)
    assert offers(decided) == [("mine", 1)]


def test_when_the_last_deputy_goes_on_break_the_queue_is_asked():
    core = core_with((1, ""), (2, ""), (4, "north"))
    busy(core, 1, 2)
    core.join(caller("mine", preferred=own(1, 2)), NOW)
    core.command(1, "break", NOW + 1, "lunch")
    assert offers(core.release("d1", NOW + 1)) == []
    core.command(2, "break", NOW + 2, "lunch")
    assert offers(core.release("d2", NOW + 2)) == [("mine", 4)]


def test_a_deputy_who_does_not_answer_leaves_the_caller_to_the_next_one():
    core = core_with((2, ""), (3, ""), (4, "north"))
    busy(core, 3)
    assert offers(core.join(caller("mine", preferred=own(1, 2, 3)), NOW)) == [("mine", 2)]
    assert offers(core.failed("mine", "no_answer", NOW + 10)) == []
    assert offers(core.release("d3", NOW + 12)) == [("mine", 3)]


def test_a_resumed_caller_is_not_kept_from_the_queue_once_more():
    core = core_with((1, ""), (2, ""), (4, "north"))
    busy(core, 1, 2)
    assert offers(core.join(caller("mine", at=NOW - 40, preferred=own(1, 2)), NOW)) == [("mine", 4)]


def test_an_offer_says_who_lacked_the_skills_and_who_came_behind():
    core = AcdCore((NORTH, EAST))
    for agent_id, skills in ((1, {"wine": 2}), (2, {"wine": 3}), (3, {})):
        login = Login(agent_id, f"A{agent_id}", f"80{agent_id}", ("north",), skills)
        core.log_in(login, NOW + agent_id)
    decided = core.join(caller("a", skills=(("wine", 2),)), NOW + 9)
    offer = next(d for d in decided if isinstance(d, Offered))
    assert offer.agent_id == 1
    assert offer.others == (PassedOver(2, "later"), PassedOver(3, "skills"))


def test_a_caller_overflows_by_time_and_the_reason_says_so():
    core = core_with((1, "east"))
    core.join(caller("a"), NOW)
    decided = core.tick(NOW + 30)
    widened = next(d for d in decided if isinstance(d, Widened))
    assert (widened.from_queue, widened.to_queue) == ("north", "east")
    offer = next(d for d in decided if isinstance(d, Offered))
    assert [reason.code for reason in offer.why] == ["overflow_time", "longest_idle"]


def test_who_does_not_answer_is_out_and_the_caller_is_next_again():
    core = core_with((1, "north"))
    core.join(caller("a"), NOW)
    core.join(caller("b", at=NOW + 1), NOW + 1)
    core.failed("a", "no_answer", NOW + 20)
    assert state(core, 1) == ("unavailable", "no_answer")
    assert core.waiting("a").position == 1
    assert offers(core.command(1, "ready", NOW + 25)) == [("a", 1)]


def test_an_agent_stays_ready_when_the_caller_gives_up_while_the_phone_rings():
    core = core_with((1, "north"))
    core.join(caller("a"), NOW)
    core.leave("a", NOW + 3)
    assert state(core, 1) == ("ready", None)
    assert core.line("north").waiting == 0


def test_an_offer_whose_outcome_is_never_told_lapses_and_loses_nobody():
    core = core_with((1, "north"))
    core.join(caller("a"), NOW)
    due = NOW + NORTH.ring_s + OFFER_GRACE_S
    decided = core.tick(due)
    assert OfferLapsed("a", 1) in decided
    assert core.waiting("a").offered_to is None
    assert state(core, 1) == ("unavailable", "no_outcome")


def test_while_nobody_tells_who_picked_up_no_offer_lapses():
    core = core_with((1, "north"), (2, "north"))
    core.join(caller("a"), NOW)
    core.blind = True
    due = NOW + NORTH.ring_s + OFFER_GRACE_S
    assert core.tick(due) == []
    assert state(core, 1)[0] == "ringing"
    core.blind = False
    assert OfferLapsed("a", 1) in core.tick(due + OFFER_GRACE_S)
    assert offers(core.tick(due + OFFER_GRACE_S)) == []


def test_a_break_asked_for_while_talking_begins_after_the_wrap_up():
    core = core_with((1, "north"))
    talk(core, "a")
    core.command(1, "break", NOW + 5, "lunch")
    assert core.allowed(1) == ("ready", "log_out")
    core.hung_up(1, NOW + 10)
    assert state(core, 1)[0] == "wrap_up"
    core.tick(NOW + 25)
    assert state(core, 1) == ("break", "lunch")


def test_a_wish_can_be_taken_back():
    core = core_with((1, "north"))
    talk(core, "a")
    core.command(1, "log_out", NOW + 5)
    core.command(1, "ready", NOW + 6)
    core.hung_up(1, NOW + 10)
    core.tick(NOW + 25)
    assert state(core, 1) == ("ready", None)


def test_wrap_up_without_a_limit_lasts_until_the_agent_is_done():
    core = core_with((1, "east"))
    core.join(caller("a", queue="east"), NOW)
    core.answered("a", NOW)
    core.hung_up(1, NOW + 10)
    core.tick(NOW + 10_000)
    assert state(core, 1)[0] == "wrap_up"
    core.command(1, "finish_wrap_up", NOW + 10_000)
    assert state(core, 1)[0] == "ready"


def test_a_dialled_call_reaches_the_agent_reserved_for_it_ahead_of_everybody():
    core = core_with((1, "north"))
    core.reserve("out", NOW, queue="north")
    core.join(caller("a"), NOW)
    assert offers(core.join(caller("out", priority=99), NOW + 8)) == [("out", 1)]


def test_a_reservation_that_is_never_used_ends_by_itself():
    core = core_with((1, "north"))
    core.reserve("out", NOW, queue="north")
    core.tick(NOW + RESERVATION_S)
    assert state(core, 1) == ("ready", None)


def test_nobody_is_reserved_where_nobody_is_ready():
    core = core_with((1, "north"))
    assert core.reserve("x", NOW, queue="east") == []
    assert core.reserve("x", NOW, queue="north", agent_id=7) == []


def test_a_lost_telephone_takes_the_agent_out_and_brings_back_only_whom_it_took():
    core = core_with((1, "north"), (2, "north"))
    core.command(2, "break", NOW, "lunch")
    for agent_id in (1, 2):
        core.phone_is(agent_id, reachable=False, now=NOW)
    assert state(core, 1) == ("unavailable", "phone_unreachable")
    for agent_id in (1, 2):
        core.phone_is(agent_id, reachable=True, now=NOW)
    assert (state(core, 1)[0], state(core, 2)[0]) == ("ready", "break")


def test_the_caller_is_told_place_and_estimate_at_intervals():
    core = core_with()
    core.join(caller("a", queue="east"), NOW)
    assert core.tick(NOW + 30) == [AnnouncementDue("a", 1, None)]
    assert core.next_deadline() == NOW + 60


def test_the_estimate_grows_with_the_place_and_shrinks_with_the_staff():
    core = core_with((1, "north"), (2, "north"))
    talk(core, "x")
    talk(core, "y")
    core.join(caller("a"), NOW)
    core.join(caller("b", at=NOW + 1), NOW + 1)
    first, second = core.estimate_s("a", NOW + 1), core.estimate_s("b", NOW + 1)
    assert 0 < first < second
    core.log_in(Login(3, "C", "803", ("north",)), NOW + 1)
    core.failed("a", "no_answer", NOW + 1)
    assert core.estimate_s("b", NOW + 1) == pytest.approx(second)
    core.command(3, "ready", NOW + 1)
    assert core.estimate_s("b", NOW + 1) < second


def test_a_telephone_found_in_a_call_makes_its_agent_busy():
    core = core_with((1, "north"))
    core.found_talking(1, "elsewhere", NOW)
    assert core.agent(1).call_id == "elsewhere"
    assert offers(core.join(caller("a"), NOW)) == []


def test_a_reserved_agent_whose_telephone_is_found_in_a_call_is_not_held_any_more():
    core = core_with((1, "north"), (2, "north"))
    core.reserve("out", NOW, queue="north", agent_id=1)
    core.found_talking(1, "elsewhere", NOW)
    assert (state(core, 1)[0], core.agent(1).call_id) == ("talking", "elsewhere")
    core.release("out", NOW)
    assert state(core, 1)[0] == "talking"
    assert offers(core.join(caller("out", priority=99), NOW)) == [("out", 2)]


def test_refusals_have_codes():
    core = core_with((1, "north"))
    with pytest.raises(ExtensionTaken):
        core.log_in(Login(2, "B", "801", ("north",)), NOW)
    with pytest.raises(UnknownQueue):
        core.log_in(Login(3, "C", "803", ("nowhere",)), NOW)
    with pytest.raises(UnknownAgent):
        core.command(9, "break", NOW)
    with pytest.raises(NotAllowedNow, match="possible now: break, log_out"):
        core.command(1, "finish_wrap_up", NOW)


def test_a_new_plan_has_new_queues_and_keeps_who_waits_in_old_ones():
    core = core_with((1, "north"))
    core.command(1, "break", NOW)
    core.join(caller("a"), NOW)

    core.adopt((EAST, QueueRules("south")))

    core.log_in(Login(2, "A2", "802", ("south",)), NOW)
    assert offers(core.join(caller("b", queue="south"), NOW)) == [("b", 2)]
    assert offers(core.command(1, "ready", NOW)) == [("a", 1)]


def test_new_rules_hold_for_the_next_caller():
    core = core_with((1, "north"), (2, "east"))
    core.command(1, "break", NOW)

    core.adopt((QueueRules("north", overflow=(OverflowStep(5, "east"),)), EAST))

    core.join(caller("a"), NOW)
    assert offers(core.tick(NOW + 5)) == [("a", 2)]
