"""Many simulated callers at a steady rate, and what became of them."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from zongji.cli.progress import console
from zongji.demo.callers import CallerReport, Callers
from zongji.installation import Installation


async def crowd(
    installation: Installation,
    number: str,
    did: str,
    keys: Sequence[str],
    *,
    talk: float,
    count: int,
    rate: float,
) -> None:
    """Call `count` times, `rate` a second, and print how each call went."""
    port = installation.carrier_ports.manager_port
    async with Callers(port, installation.secrets["carrier"]) as callers:
        reports: list[CallerReport] = []
        for index in range(count):
            reports.append(await callers.call(number, did, keys=keys, talk_s=talk))
            if index + 1 < count:
                await asyncio.sleep(1 / rate)
        for report in reports:
            await report.over.wait()
    outcomes = Counter("answered" if r.answered_at else f"cause {r.cause}" for r in reports)
    for outcome, times in outcomes.most_common():
        console.print(f"{times} × {outcome}")
