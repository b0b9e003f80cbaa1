"""A surge: 2,000 callers within ten seconds for 50 agents, through the whole way (SIPp, Asterisk, FastAGI, the daemon),
and what became of each.

All settings are the shipped ones; the daemon goes before Asterisk when both want the processor (`bench/apart.py`).

Rule: every caller must be found answered, or promised a call-back; whoever is neither is unaccounted for, also one whom
Asterisk or the daemon turned away without a record. Callers have patience for 20 to 60 seconds; agents talk for three.
What is promised is dialled meanwhile. A caller's memory is that of the daemon at the most who waited, less that before.
"""

import asyncio
import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import aiohttp

from bench.apart import daemon_first
from bench.calls import agents_come
from bench.exchange import AGENTS, ZONGJI, Exchange, exchange
from zongji.demo.agent import AgentRefused

CALLERS, WITHIN_S, STAFF = 2_000, 10, AGENTS[:50]
_PATIENCE_S = 60
_SETTLED_S = 60.0
_LOOK_S = 0.25
_FOUND = f"""
    SELECT count(DISTINCT c.caller), count(DISTINCT c.caller) FILTER (WHERE c.answered_at IS NOT NULL),
        count(DISTINCT c.caller) FILTER (WHERE c.answered_at IS NOT NULL OR b.id IS NOT NULL),
        count(*) FILTER (WHERE c.ended_at IS NULL)
    FROM calls c LEFT JOIN callbacks b ON b.number = c.caller
    WHERE c.direction = 'inbound' AND c.did = '{ZONGJI}'
"""


def main() -> None:
    asyncio.run(_measure())


async def _measure() -> None:
    async with exchange(phone="surge_phone", customers=CALLERS, agents=STAFF) as parts:
        await parts.daemon.start()
        await _come(parts)
        with _callees(parts), daemon_first(parts.daemon.pid, parts.pbx.pid):
            seen = await _surge(parts)
            called, answered, accounted = await _settled(parts)
    print(f"{CALLERS:,} callers: {called:,} with a record, {answered:,} answered")
    print(
        f"BENCH surge unaccounted={CALLERS - accounted} kb_per_caller={seen.kb_per_caller:.1f} "
        f"max_block_ms={seen.block_ms:.0f} answered={answered} most_waiting={seen.waiting} "
        f"most_held={seen.held} unseen={seen.unseen}"
    )


async def _come(parts: Exchange) -> None:
    """The agents; the daemon's first moments may be too busy to let them in."""
    async with asyncio.timeout(_SETTLED_S):
        while True:
            try:
                await agents_come(parts, "log_in", STAFF)
            except AgentRefused as refused:
                if refused.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
                await asyncio.sleep(1)
            else:
                return


class _Seen:
    """What the daemon was seen to be like: at the most; `unseen` is how often it did not answer."""

    def __init__(self, before_kb: int) -> None:
        self._before_kb = before_kb
        self.block_ms = 0.0
        self.unseen = 0
        self.waiting = self.held = 0
        self.kb = before_kb

    @property
    def kb_per_caller(self) -> float:
        return (self.kb - self._before_kb) / max(1, self.waiting)

    async def look(self, parts: Exchange, http: aiohttp.ClientSession) -> None:
        async with http.get(f"{parts.address}/metrics") as answer:
            text = await answer.text()
        self.waiting = max(self.waiting, round(_sum(text, "zongji_waiting")))
        self.held = max(self.held, round(_sum(text, "zongji_held")))
        self.block_ms = max(self.block_ms, 1000 * _sum(text, "zongji_loop_blocked_seconds"))
        self.kb = max(self.kb, _resident_kb(parts.daemon.pid))


async def _surge(parts: Exchange) -> _Seen:
    """From the first caller until the last has gone."""
    seen = _Seen(_resident_kb(parts.daemon.pid))
    pbx = f"{parts.installation.pbx_address}:{parts.installation.ports.sip}"
    command = parts.sipp(
        "surge_caller",
        parts.installation.carrier_address,
        *("-s", ZONGJI, "-inf", str(parts.numbers), "-m", str(CALLERS)),
        *("-r", str(CALLERS // WITHIN_S), "-l", "20000", "-timeout", "150", pbx),
    )
    callers = asyncio.create_task(parts.run(command))
    async with aiohttp.ClientSession() as http:
        while not callers.done():
            try:
                await seen.look(parts, http)
            except (aiohttp.ClientError, OSError, TimeoutError):
                seen.unseen += 1
            await asyncio.wait([callers], timeout=_LOOK_S)
    await callers
    return seen


async def _settled(parts: Exchange) -> tuple[int, int, int]:
    """Callers with a record, answered, answered or promised a call-back; once no call is open."""
    found = (0, 0, 0, 0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SETTLED_S):
            while found[0] == 0 or found[3] or found[2] < CALLERS:
                said = await asyncio.to_thread(parts.postgres.execute, _FOUND)
                first, second, third, fourth = map(int, said.strip().split("|"))
                found = (first, second, third, fourth)
                await asyncio.sleep(1)
    return found[:3]


@contextlib.contextmanager
def _callees(parts: Exchange) -> Iterator[None]:
    """Whoever is called back answers."""
    where = ("-p", str(parts.installation.ports.carrier_sip), "-l", "20000")
    process = subprocess.Popen(
        parts.sipp("phone", parts.installation.carrier_address, *where),
        cwd=parts.installation.var,
        env=os.environ | {"TZ": "UTC", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _sum(text: str, name: str) -> float:
    """Over all labels of a metric."""
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+-]+)$", text, re.MULTILINE)
    return sum(map(float, found))


def _resident_kb(pid: int | None) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+([0-9]+)", status)[0])


if __name__ == "__main__":
    main()
