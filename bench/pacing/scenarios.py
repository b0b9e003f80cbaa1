"""The scenarios in which dialling policies are compared.

S10 of the proposal, the replay of real call records, is left out: there are none here.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import pi, sin

from bench.pacing.world import DAY_S, World

_HOUR = 3600.0
_SHOCKS = (0.20, 0.45, 0.15, 0.35)


@dataclass(frozen=True)
class Scenario:
    """`world(seed, day)`; `cold`: every day begins with 100 calls of history; `shocks`: when things change at once."""

    name: str
    world: Callable[[int, int], World]
    agents: int
    cold: bool = False
    shocks: tuple[float, ...] = ()


def twin(agents: int) -> Scenario:
    """The exponential world for which the limit is computed."""
    return _always(f"twin N={agents}", World(agents, exponential=True))


def stationary(agents: int) -> Scenario:
    return _always(f"S1 stationary N={agents}", World(agents))


def changing(agents: int) -> list[Scenario]:
    """S2 to S9."""
    calm = World(agents)
    long_calls = ((2 * _HOUR, 2.5 * _HOUR), (5 * _HOUR, 5.5 * _HOUR))
    breaks = ((2 * _HOUR, 2.25 * _HOUR), (5 * _HOUR, 5.25 * _HOUR))
    down = (3 * _HOUR, 3 * _HOUR + 300)
    callers = 0.3 * agents / (calm.talk_s + calm.wrap_up_s)
    found = [
        _always(
            "S2 slow drift",
            replace(calm, rate=lambda t, _: 0.3 * (1 + 0.35 * sin(2 * pi * t / DAY_S))),
        ),
        _always(
            "S3 shocks",
            replace(calm, rate=lambda t, _: _SHOCKS[int(t / (2 * _HOUR))]),
            *(2 * _HOUR * number for number in (1, 2, 3)),
        ),
        _always(
            "S4 list mix",
            replace(
                calm,
                rate=lambda _, segment: 0.45 if segment == "a" else 0.15,
                mix=lambda t: 0.8 if int(t / (2 * _HOUR)) % 2 else 0.2,
            ),
            *(2 * _HOUR * number for number in (1, 2, 3)),
        ),
        _always(
            "S5 talk doubles",
            replace(calm, handling=lambda t: 2.0 if _within(t, long_calls) else 1.0),
            *(since for since, _ in long_calls),
        ),
        _always("S6 half on break", replace(calm, breaks=breaks), *(since for since, _ in breaks)),
        _always("S7 carrier down", replace(calm, down=(down,)), down[1]),
        _always(
            "S8 blended",
            replace(
                calm,
                inbound=lambda t: (
                    callers * (2.0 if _within(t, ((4 * _HOUR, 4.5 * _HOUR),)) else 1.0)
                ),
            ),
            4 * _HOUR,
        ),
        Scenario(
            "S9 cold start", lambda seed, day: _anything(agents, seed, day), agents, cold=True
        ),
    ]
    return [replace(each, name=f"{each.name} N={agents}") for each in found]


def _always(name: str, world: World, *shocks: float) -> Scenario:
    return Scenario(name, lambda _seed, _day: world, world.agents, shocks=shocks)


def _anything(agents: int, seed: int, day: int) -> World:
    """A campaign of which nothing is known."""
    draw = random.Random(f"{seed} {day} campaign")
    rate = draw.uniform(0.15, 0.6)
    return World(agents, rate=lambda _t, _segment: rate, talk_s=draw.choice((60.0, 120.0, 240.0)))


def _within(t: float, spans: tuple[tuple[float, float], ...]) -> bool:
    return any(since <= t < until for since, until in spans)
