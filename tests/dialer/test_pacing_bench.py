"""The benchmark's world with small figures: the computed limit, who is met by whom, and that policies meet the same people."""

import pytest

from bench.pacing.limit import occupancy_limit
from bench.pacing.measuring import run
from bench.pacing.ours import Ours
from bench.pacing.peers import IdleRatio, Issabel, Kamen, Progressive, Vicidial
from bench.pacing.scenarios import changing, stationary, twin
from bench.pacing.world import Day, Deaf, World

SHORT_S = 3600.0


@pytest.fixture(autouse=True)
def _an_hour_is_a_day(monkeypatch):
    for module in ("world", "measuring", "scenarios"):
        monkeypatch.setattr(f"bench.pacing.{module}.DAY_S", SHORT_S)


@pytest.mark.parametrize(
    ("agents", "rate", "occupancy"),
    [(2, 0.3, 0.803), (5, 0.3, 0.831), (5, 0.5, 0.872), (10, 0.3, 0.863)],
)
def test_the_limit_is_that_of_value_iteration(agents, rate, occupancy):
    assert occupancy_limit(agents, rate) == pytest.approx(occupancy, abs=0.005)


def test_a_tighter_limit_and_a_longer_ring_leave_agents_less_busy():
    assert occupancy_limit(5, 0.3, limit=0.01) == pytest.approx(0.803, abs=0.005)
    assert occupancy_limit(5, 0.3, ring_s=20) == pytest.approx(0.769, abs=0.005)


def test_progressive_leaves_nobody_alone_and_is_as_busy_as_reckoned():
    found = run(twin(10), Progressive, seed=1, days=6)
    assert found.abandoned == 0
    assert found.occupancy == pytest.approx(140 / (140 + 12 / 0.3), abs=0.02)


def test_policies_meet_the_same_people():
    class Noting(Deaf):
        def __init__(self, ratio):
            self._inner, self.rang = IdleRatio(ratio), {}

        def decide(self, floor, now):
            return self._inner.decide(floor, now)

        def answered(self, call, now):
            self.rang.setdefault(round(now - call.started_at, 6), True)

    few, many = Noting(1.0), Noting(3.0)
    for policy in (few, many):
        Day(World(4), policy, 1, 0).run()
    assert len(set(few.rang) & set(many.rang)) > 0.9 * len(few.rang)


@pytest.mark.parametrize(
    "make",
    [
        Ours, Progressive, Issabel, Kamen, lambda: IdleRatio(2),
        lambda: Vicidial("ratio", 1.5), lambda: Vicidial("hard"), lambda: Vicidial("tapered"),
    ],
)  # fmt: skip
def test_the_same_seed_gives_the_same_days(make):
    assert _without_cpu(run(stationary(5), make, 3, 2)) == _without_cpu(
        run(stationary(5), make, 3, 2)
    )


@pytest.mark.parametrize("scenario", changing(6), ids=lambda each: each.name)
def test_ours_keeps_agents_busier_than_one_call_each_in_every_scenario(scenario):
    """Also where callers come in; but there one call each abandons too many, and what it reaches counts for nothing."""
    ours, plain = (run(scenario, make, 5, 3) for make in (Ours, Progressive))
    assert ours.days_over == 0
    assert ours.occupancy > plain.occupancy or plain.days_over > 0


def _without_cpu(found):
    return {name: getattr(found, name) for name in found.__slots__ if name != "cpu_us"}
