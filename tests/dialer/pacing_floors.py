"""Floors and pacers for the tests of pacing."""

from hypothesis import strategies as st

from dialer.pacing.budget import BudgetRules, Counts
from dialer.pacing.decision import PacingRules
from dialer.pacing.pacer import Pacer
from dialer.pacing.reported import Agent, Floor, Ringing

NOW = 10_000.0
OFTEN = ("a",) * 400


def pacer(
    limit: float = 0.03, *, calls: int = 300, answers: int = 400, abandoned: int = 0
) -> Pacer:
    """One that has learnt from so many calls, of which three in ten were answered, and has that day behind it."""
    made = Pacer(BudgetRules(limit=limit), PacingRules())
    for number in range(calls):
        if number % 10 < 3:
            made.known.answered("a", 10, 6 + number % 11)
            made.known.talked("campaign", 30 + number % 200)
            made.known.wrapped_up("campaign", 5 + number % 30)
        else:
            made.known.failed("a", 10, 25)
    for _ in range(answers - abandoned):
        made.budget.served()
    for _ in range(abandoned):
        made.budget.abandoned()
    return made


def floor(idle: int = 0, talking: int = 0, ringing: int = 0, **more: object) -> Floor:
    given: dict[str, object] = {
        "agents": (
            *(Agent("idle", NOW - 5) for _ in range(idle)),
            *(Agent("talking", NOW - 180, "campaign") for _ in range(talking)),
        ),
        "ringing": tuple(Ringing(str(number), NOW - number % 14, "a") for number in range(ringing)),
        "upcoming": OFTEN,
        "hour": 10,
    }
    return Floor(**{**given, **more})  # type: ignore[arg-type]


agents = st.builds(
    Agent,
    st.sampled_from(["idle", "reserved", "talking", "wrap_up"]),
    st.floats(NOW - 2000, NOW + 5),
    st.sampled_from(["campaign", "inbound"]),
    st.booleans(),
)
ringing = st.lists(st.floats(NOW - 40, NOW + 1), max_size=30).map(
    lambda since: tuple(
        Ringing(str(number), at, "ab"[number % 2]) for number, at in enumerate(since)
    )
)
floors = st.builds(
    Floor,
    agents=st.lists(agents, max_size=20),
    ringing=ringing,
    upcoming=st.lists(st.sampled_from(["a", "b"]), max_size=60),
    hour=st.integers(0, 23),
    waiting=st.integers(0, 3),
    inbound_waiting=st.integers(0, 5),
    callbacks_due=st.lists(st.floats(NOW - 10, NOW + 100), max_size=3),
    lines_free=st.integers(0, 40),
    starts_left=st.integers(0, 40),
)
pacers = st.builds(
    pacer,
    st.sampled_from([0.0, 0.01, 0.03, 0.1]),
    calls=st.sampled_from([0, 20, 300]),
    answers=st.sampled_from([0, 40, 400]),
    abandoned=st.sampled_from([0, 3, 30]),
)
__all__ = ["NOW", "Counts", "floor", "floors", "pacer", "pacers"]
