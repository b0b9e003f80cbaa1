"""Callers to agents through the whole way (FastAGI, the customer looked up, the ACD, recording, record written)
beside Asterisk's own Queue() with the same agents, and beside Dial() to a random one of them, which is the
limit: calls answered within half a second, per second, at rising rates.

Rule: each way's figure is its best rate, the median of the rounds; the peers do not record and look nothing up.
"""

import asyncio
import statistics
from collections.abc import Sequence

from bench.exchange import AGENTS, DIAL, QUEUE, ZONGJI, Exchange, Step, exchange

RATES = (40, 60, 80, 100, 120, 140, 160, 180, 200, 220)
SECONDS, ROUNDS = 6.0, 2
_FALLEN_BEHIND = 0.7
_WAYS = {"Queue()": QUEUE, "Dial()": DIAL, "Zongji": ZONGJI}


def main() -> None:
    asyncio.run(_measure())


async def _measure() -> None:
    rounds: dict[str, list[list[Step]]] = {way: [] for way in _WAYS}
    async with exchange(wrap_up_s=0) as parts:
        for turn in range(ROUNDS):
            for way, did in _WAYS.items():
                if way == "Zongji":
                    await parts.daemon.start()
                if way == "Zongji" and turn == 0:
                    await _agents_come(parts)
                rounds[way].append(await _rise(parts, way, did))
            await parts.daemon.stop()
    best = {
        way: [max(steps, key=lambda step: step.per_second) for steps in measured]
        for way, measured in rounds.items()
    }
    cps = {way: statistics.median(s.per_second for s in steps) for way, steps in best.items()}
    cpu = statistics.median(step.cpu_ms_per_call for step in best["Zongji"])
    print(
        f"BENCH calls ratio={cps['Zongji'] / cps['Queue()']:.2f} "
        f"dial_ratio={cps['Zongji'] / cps['Dial()']:.2f} cps={cps['Zongji']:.0f} "
        f"queue_cps={cps['Queue()']:.0f} cpu_ms_per_call={cpu:.1f}"
    )


async def _agents_come(parts: Exchange) -> None:
    """They stay when the daemon starts again."""
    for extension in AGENTS:
        agent = parts.agent(extension)
        await agent.sign_in()
        await agent.command("log_in")
        await agent.close()


async def _rise(parts: Exchange, way: str, did: str) -> Sequence[Step]:
    """Higher and higher rates, until the way has fallen behind."""
    steps: list[Step] = []
    print(
        f"{way:8} {'calls/s':>8} {'answered':>9} {'in 0.5 s':>9} {'per s':>7} {'CPU ms/call':>12}"
    )
    for rate in RATES:
        step = await parts.callers(did, rate, SECONDS)
        steps.append(step)
        print(
            f"{'':8} {step.rate:8} {step.answered:9} {step.in_time:9} {step.per_second:7.1f}"
            f" {step.cpu_ms_per_call:12.1f}",
            flush=True,
        )
        if step.per_second < _FALLEN_BEHIND * max(each.per_second for each in steps):
            break
    return steps
