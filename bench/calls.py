"""Callers to agents through the whole way (FastAGI, the customer looked up, the ACD, recording, record written)
beside Asterisk's own Queue() with the same agents, as it comes and with autofill, and beside Dial() to a random one of
them, which is the limit: calls answered within half a second, per second, at rising rates.

Rule: each way's figure is its best rate, the median of the rounds; the peers record too, but look nothing up,
write no record and tell nobody.
"""

import asyncio
import contextlib
import statistics
from collections.abc import Sequence
from typing import Any

from bench.exchange import AGENTS, DIAL, QUEUE, ZONGJI, Exchange, Step, exchange
from zongji.demo.agent import AgentRefused

RATES = (60, 80, 100, 120, 140, 160, 180, 200, 220)
SECONDS, ROUNDS = 6.0, 2
_FALLEN_BEHIND = 0.7
_AUTOFILL = {"Queue()": False, "autofill": True}
_WAYS = {"Queue()": QUEUE, "autofill": QUEUE, "Dial()": DIAL, "Zongji": ZONGJI}


def main() -> None:
    asyncio.run(_measure())


async def _measure() -> None:
    rounds: dict[str, list[list[Step]]] = {way: [] for way in _WAYS}
    async with exchange() as parts:
        for turn in range(ROUNDS):
            for way, did in _WAYS.items():
                if way in _AUTOFILL:
                    await parts.set_autofill(on=_AUTOFILL[way])
                if way == "Zongji":
                    await parts.daemon.start()
                    await agents_come(parts, "ready" if turn else "log_in")
                rounds[way].append(await rise(parts, way, did, RATES, SECONDS))
            await parts.daemon.stop()
    best = {
        way: [max(steps, key=lambda step: step.per_second) for steps in measured]
        for way, measured in rounds.items()
    }
    cps = {way: statistics.median(s.per_second for s in steps) for way, steps in best.items()}
    cpu = statistics.median(sum(step.cpu_ms) for step in best["Zongji"])
    print(
        f"BENCH calls ratio={cps['Zongji'] / cps['Queue()']:.2f} "
        f"dial_ratio={cps['Zongji'] / cps['Dial()']:.2f} cps={cps['Zongji']:.0f} "
        f"queue_cps={cps['Queue()']:.0f} cpu_ms_per_call={cpu:.1f} "
        f"autofill_ratio={cps['Zongji'] / cps['autofill']:.2f}"
    )


async def agents_come(parts: Exchange, command: str, extensions: Sequence[int] = AGENTS) -> None:
    """They stay logged in when the daemon starts again; who was out for a telephone not answered is back."""
    for extension in extensions:
        agent = parts.agent(extension)
        await agent.sign_in()
        with contextlib.suppress(AgentRefused):
            await agent.command(command)
        await agent.close()


async def rise(
    parts: Exchange,
    way: str,
    did: str,
    rates: Sequence[int],
    seconds: float,
    **callers: Any,
) -> list[Step]:
    """Higher and higher rates, until the way has fallen behind; `callers` say what callers do, as for `Exchange.callers`."""
    steps: list[Step] = []
    print(f"{way:10} calls/s  answered   in time  CPU ms/call: Asterisk  daemon  PostgreSQL")
    for rate in rates:
        step = await parts.callers(did, rate, seconds, **callers)
        steps.append(step)
        asterisk, daemon, postgres = step.cpu_ms
        print(
            f"{step.rate:18} {step.answered:9} {step.in_time:9}"
            f" {asterisk:22.1f} {daemon:7.1f} {postgres:11.1f}",
            flush=True,
        )
        if step.per_second < _FALLEN_BEHIND * max(each.per_second for each in steps):
            break
    return steps
