"""Work done by processes that are killed at a step, each step in its turn.

A step is a statement that goes over the wire to PostgreSQL. The process dies before it hears the answer; so it is
also dead before the next statement, and every place where it can die is tried.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import make_url

from crm_core.db import Database
from tests.orders.order_shop import NOW
from tests.proxy import Proxy

ROOT = Path(__file__).resolve().parents[1]
# PostgreSQL's protocol 3: Execute, Query, CopyDone. Whatever else is sent has nothing done.
_DOING = b"EQc"
_NEVER = 2**31
_LEFT_OVER = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name = 'victim' AND datname = current_database()"
)


class KillingProxy(Proxy):
    """Kills `victim` at its `step`-th statement after the word `armed`."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.arm(0)

    def arm(self, step: int) -> None:
        self.step, self.victim = step, 0
        self._count: int | None = None

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server = writer.get_extra_info("peername")[1] == self._target
        try:
            while data := await reader.read(65_536):
                hit = to_server and self._is_the_step(data)
                writer.write(data)
                await writer.drain()
                if hit:
                    await self._kill()
        finally:
            writer.close()

    async def _kill(self) -> None:
        while not self.victim:  # its number is on its way
            await asyncio.sleep(0.001)
        os.kill(self.victim, signal.SIGKILL)

    def _is_the_step(self, data: bytes) -> bool:
        if self._count is None:
            self._count = -1 if b"armed" in data else None  # it is executed next
        elif has_something_done(data):
            self._count += 1
            return 0 < self._count == self.step
        return False


def has_something_done(data: bytes) -> bool:
    """Whether one of the messages of a client makes PostgreSQL do something."""
    at = 0
    while at < len(data):
        if data[at] in _DOING:
            return True
        at += 1 + int.from_bytes(data[at + 1 : at + 5])
    return False


class Victims:
    """Does jobs (`tests/victim.py`) in processes that die at a step."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        proxy: KillingProxy,
        database: Database,
    ) -> None:
        self._process, self._proxy, self._database = process, proxy, database

    async def do(self, step: int, **job: Any) -> bool:
        """False when the job came to its end in fewer steps; at step 0 it does. PostgreSQL has let go of the dead."""
        await self._begin(step, job)
        ended = await self._hear()
        assert ended in (b"killed", b"0"), ended
        await self._let_go()
        return ended == b"killed"

    async def kill_when(self, happened: Callable[[], bool], **job: Any) -> None:
        """A job that does not end by itself."""
        pid = await self._begin(_NEVER, job)
        async with asyncio.timeout(60):
            while not happened():
                await asyncio.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        assert await self._hear() == b"killed"
        await self._let_go()

    async def _begin(self, step: int, job: dict[str, Any]) -> int:
        self._proxy.arm(step)
        assert self._process.stdin is not None
        said = {"step": step, "now": NOW} | job
        self._process.stdin.write(json.dumps(said, default=str).encode() + b"\n")
        self._proxy.victim = int(await self._hear())
        return self._proxy.victim

    async def _hear(self) -> bytes:
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).strip()

    async def _let_go(self) -> None:
        async with asyncio.timeout(30):
            while await self._left_over():
                await asyncio.sleep(0.005)

    async def _left_over(self) -> int:
        async with self._database.reading() as connection:
            return int(await connection.scalar(_LEFT_OVER) or 0)


class EachStep:
    """A scenario done again and again: unharmed at first, then each of its jobs dies one step later each time, until
    it ends by itself. `died` says how often it did not.
    """

    def __init__(self, victims: Victims, *, first: int = 0) -> None:
        self._victims = victims
        self.step = first
        self.died: dict[str, int] = {}
        self._ended: set[str] = set()

    def again(self) -> bool:
        """False when every job has come to its end."""
        self.step += bool(self.died)
        return self.step <= 1 or self._ended != set(self.died)

    async def kill(self, do: str, **job: Any) -> None:
        """Whoever asks for the same once more does not know whether it was done."""
        self.died.setdefault(do, 0)
        if do in self._ended:
            return
        if await self._victims.do(self.step, do=do, **job):
            self.died[do] += 1
        elif self.step:
            self._ended.add(do)


@asynccontextmanager
async def open_victims(database: Database) -> AsyncIterator[Victims]:
    """They work on this database, by a wire of their own."""
    direct = make_url(database._engine.url).set(drivername="postgresql")
    async with KillingProxy(direct.port or 0) as proxy:
        url = direct.set(port=proxy.port).render_as_string(hide_password=False)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.victim", url, cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        yield Victims(process, proxy, database)
        process.kill()
        await process.wait()
