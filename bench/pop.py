"""From the INVITE to the agent's telephone until the pop is on that agent's page: 20 calls a second, 100 agents
with open pages. Less than nothing: the pop was there first.

Rule: both ends are outside the product: SIPp's trace of when a telephone received its INVITE, and a websocket
client's time of the first message with the call's pop. They are matched by the caller's number.
"""

import asyncio
import re
import statistics
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from bench.exchange import AGENTS, ZONGJI, exchange
from zongji.demo.agent import DemoAgent

RATE, SECONDS = 20, 30.0
_RECEIVED = re.compile(
    r"^-+ (\d{4}-\d\d-\d\d)[T\t ](\d\d:\d\d:\d\d\.\d+)[^\n]*\n"
    r"UDP message received[^\n]*\n\s*INVITE .*?^From:[^\n]*<sip:(\d+)@",
    re.MULTILINE | re.DOTALL,
)


def main() -> None:
    asyncio.run(_measure())


class _Page:
    """An agent's page, and when each call's pop, and then its customer, was first on it."""

    def __init__(self, agent: DemoAgent) -> None:
        self.popped: dict[str, float] = {}
        self.known: dict[str, tuple[str, float]] = {}
        self._agent = agent
        agent.on_message = self._look

    def _look(self, heard: float) -> None:
        for call_id, pop in self._agent.pops.items():
            self.popped.setdefault(call_id, heard)
            if pop["customer"]:
                self.known.setdefault(call_id, (pop["customer"]["name"], heard))


async def _measure() -> None:
    async with exchange(trace=True) as parts, AsyncExitStack() as open_pages:
        await parts.daemon.start()
        pages = [await _come(open_pages, parts.agent(extension)) for extension in AGENTS]
        step = await parts.callers(ZONGJI, RATE, SECONDS)
        rung = _invites(parts.messages.read_text(encoding="utf-8"))
    pops, customers = [], []
    for page in pages:
        for call_id, (name, known) in page.known.items():
            pops.append(1000 * (page.popped[call_id] - rung[name]))
            customers.append(1000 * (known - rung[name]))
    print(f"{'ms after the INVITE':>20} {'least':>7} {'median':>7} {'99 %':>7} {'most':>7}")
    for what, waits in (("pop", pops), ("with the customer", customers)):
        figures = (min(waits), statistics.median(waits), _percentile(waits, 99), max(waits))
        print(f"{what:>20} " + " ".join(f"{figure:7.1f}" for figure in figures))
    print(
        f"BENCH pop median_ms={statistics.median(pops):.1f} p99_ms={_percentile(pops, 99):.1f} "
        f"lost={step.called - len(pops)}"
    )


async def _come(open_pages: AsyncExitStack, agent: DemoAgent) -> _Page:
    await open_pages.enter_async_context(agent)
    await agent.command("log_in")
    return _Page(agent)


def _invites(trace: str) -> dict[str, float]:
    """When a telephone received the INVITE of each caller (POSIX seconds)."""
    return {
        number: datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC).timestamp()
        for day, time, number in reversed(_RECEIVED.findall(trace))
    }


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
