"""One test's view of the running stack: its agents, its callers, the board, and the records.

Rule: whatever a test leaves behind (calls, log-ins, call-backs, a dead daemon) is gone when its
workplace closes, so that the next test begins with an idle line. Nobody who gave up in one test may
be called back in the next: for each of them there is a call-back that is closed.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from tests.integration.hearing import Hearing
from tests.integration.site import DID, SHORT
from zongji.demo.agent import AgentRefused, DemoAgent, State
from zongji.demo.callers import CallerReport
from zongji.stack import Stack

_PATIENCE_S = 40.0
_LOOK_AGAIN_S = 0.05
_T = TypeVar("_T")
_CALLED_BACK = """
    INSERT INTO callbacks (number, queue, source, status, closed_at)
    SELECT DISTINCT c.caller, 'north', 'abandoned', 'closed', now() FROM calls c
    WHERE c.outcome = 'abandoned' AND c.caller IS NOT NULL AND NOT EXISTS
        (SELECT FROM callbacks b WHERE b.number = c.caller AND b.closed_at > c.ended_at)
"""

Record = dict[str, Any]
Pop = dict[str, Any]


async def until(look: Callable[[], Awaitable[_T | None]], *, patience_s: float = _PATIENCE_S) -> _T:
    """Look again and again until there is something. Raises TimeoutError."""
    async with asyncio.timeout(patience_s):
        while not (found := await look()):
            await asyncio.sleep(_LOOK_AGAIN_S)
        return found


def pop_in(state: State, stage: str) -> Pop | None:
    """The pop in this state: offered, ringing, talking, ended."""
    return next((pop for pop in state.get("pops", {}).values() if pop["state"] == stage), None)


async def pop_of(agent: DemoAgent, stage: str) -> Pop:
    """Wait for the agent's pop in this state."""
    found = pop_in(await agent.until(lambda state: pop_in(state, stage) is not None), stage)
    assert found is not None
    return found


async def state_of(agent: DemoAgent, *states: str) -> dict[str, Any]:
    """Wait until the agent is in one of the states; all of the agent's view."""
    await agent.until(lambda state: state["me"]["agent"]["state"] in states)
    return agent.agent


async def finish_wrap_up(agent: DemoAgent) -> None:
    """The work after a talk is done. The pop is told a moment after the agent's state, so both are waited for, and what
    talks afterwards is the next call.
    """
    await state_of(agent, "wrap_up")
    await agent.until(lambda state: pop_in(state, "talking") is None)
    await agent.command("finish_wrap_up")


def kinds(record: Record) -> list[str]:
    """What happened in a call, in order."""
    return [step["kind"] for step in record["steps"]]


class Workplace:
    """Agents log in, callers call, the supervisor looks."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._callers = stack.callers()
        self._since = datetime.now(UTC)
        self._agents: dict[str, DemoAgent] = {}
        self._board: DemoAgent | None = None

    async def __aenter__(self) -> Self:
        await self._callers.__aenter__()
        await self.look_at_board()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        async with AsyncExitStack() as closing:
            closing.push_async_exit(self._callers)
            await self._clean()
            for page in (*self._agents.values(), self.board):
                closing.push_async_exit(page)

    @property
    def board(self) -> DemoAgent:
        assert self._board is not None
        return self._board

    async def look_at_board(self) -> DemoAgent:
        """The supervisor's board; a new page when the daemon was started again."""
        self._board = await self._page("supervisor", "board", self._board)
        return self._board

    async def agent(self, login: str, *, phone: str = "", ring_s: float = 0.3) -> DemoAgent:
        """An agent at the desk and ready for calls; `phone` is how the desk phone behaves."""
        await self.set_phone(login, phone or "answer", ring_s=ring_s)
        agent = await self.reopen(login)
        await agent.command("log_in")
        await state_of(agent, "ready", "ringing", "reserved", "talking")
        return agent

    async def reopen(self, login: str) -> DemoAgent:
        """The agent's page, loaded (again)."""
        agent = await self._page(login, "sidebar", self._agents.get(login))
        self._agents[login] = agent
        return agent

    async def set_phone(self, login: str, mode: Any, *, ring_s: float = 0.3, **more: Any) -> None:
        extension = login.replace("agent", "100")
        await self.stack.carrier.set_phone(extension, mode=mode, ring_s=ring_s, **more)

    async def call(
        self, number: str, *keys: str, did: str = DID, pause_s: float = 0.5
    ) -> CallerReport:
        return await self._callers.call(number, did, keys=keys, pause_s=pause_s)

    async def press(self, report: CallerReport, keys: str, *, pause_s: float = 0.5) -> None:
        await self._callers.press(report, keys, pause_s=pause_s)

    async def give_pin(self, number: str, pin: str) -> dict[str, Any]:
        """The customer with this telephone, who is asked for another PIN when using it."""
        (found,) = (await self.board.request("GET", f"/api/customers?q={number}"))["items"]
        await self.board.request("POST", f"/api/customers/{found['id']}/pin", {"pin": pin})
        return cast("dict[str, Any]", found)

    async def fax(self, number: str, sheets: Path, *, did: str = DID) -> CallerReport:
        return await self._callers.fax(number, did, sheets)

    async def call_by_area(self, number: str, *keys: str) -> CallerReport:
        """A call that is soon in the line of the caller's area; `keys` are pressed there."""
        return await self.call(number, "1", *keys, did=SHORT)

    def called(self, number: str) -> tuple[str, ...]:
        """The carrier's channels of the calls that came to this number, of those that are over too."""
        return self._callers.called(number)

    async def consult(self, login: str, colleague: str) -> None:
        """The agent's desk phone, in the mode `consult`, calls a colleague who is to take over."""
        extension, other = (each.replace("agent", "100") for each in (login, colleague))
        await self.set_phone(login, "consult", to=other)
        await self._callers.consult(extension, other)

    async def hang_up(self, report: CallerReport) -> None:
        await self._callers.hang_up(report)

    async def in_line(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many callers stand in the line; first come first."""
        state = await self.board.until(lambda now: len(now.get("waiting", {})) == count)
        return sorted(state["waiting"].values(), key=lambda waiting: waiting["position"])

    async def record(
        self, number: str | None, *, has: Callable[[Record], bool] = lambda _: True
    ) -> Record:
        """This test's call from `number`, as soon as its record satisfies."""

        async def look() -> Record | None:
            for call in (await self.board.request("GET", "/api/calls"))["items"]:
                mine = datetime.fromisoformat(call["started_at"]) >= self._since
                if mine and call["caller"] == number:
                    record = await self.board.request("GET", f"/api/calls/{call['id']}")
                    return record if has(record) else None
            return None

        return await until(look)

    async def queued(self, number: str) -> str:
        """The id of the call from `number` that is going on, once it has come to the line."""
        record = await self.record(
            number,
            has=lambda found: found["call"]["ended_at"] is None and "queued" in kinds(found),
        )
        return str(record["call"]["id"])

    async def ended(self, number: str | None) -> Record:
        """The record of the call once it is over."""
        return await self.record(number, has=lambda record: record["call"]["ended_at"] is not None)

    async def callbacks(self, number: str) -> list[dict[str, Any]]:
        """Open call-backs to the number."""
        found = await self.board.request("GET", "/api/callbacks")
        return [each for each in found["items"] if each["number"] == number]

    async def listen(self, report: CallerReport) -> Hearing:
        """What the caller hears from now on."""
        folder = self.stack.installation.var / "carrier" / "heard"
        folder.mkdir(exist_ok=True)
        stem = folder / report.channel.replace("/", "-")
        hearing = Hearing(self.stack.carrier.console, report.channel, stem)
        await hearing.begin()
        return hearing

    async def prompt(self, name: str, language: str = "zh") -> bytes:
        """A prompt as A-law."""
        return await self.spoken(f"{language}/{name}")

    async def spoken(self, place: str) -> bytes:
        """What lies at this place in the folder of prompts, as A-law."""
        spoken = self.stack.installation.prompts / f"{place}.wav"
        made = self.stack.installation.var / "carrier" / f"{spoken.stem}.alaw"
        await self.stack.carrier.console(f"file convert {spoken} {made}")
        return made.read_bytes()

    async def hears(self, heard: Hearing, *prompts: bytes) -> None:
        """Wait until these prompts, one after the other, are among what was heard."""
        await until(lambda: heard.has(prompts))

    async def channels(self, part: str) -> list[str]:
        """The channels of the `pbx` or the `carrier`: name, state and more, with ! between."""
        process = self.stack.pbx if part == "pbx" else self.stack.carrier
        lines = (await process.console("core show channels concise")).splitlines()
        return [line for line in lines if "!" in line]

    async def phone_talks(self, login: str) -> None:
        """Wait until the agent's desk phone is in a conversation, as Asterisk sees it."""
        device = f"PJSIP/{login.replace('agent', '100')}-"

        async def talks() -> bool:
            channels = [line.split("!") for line in await self.channels("pbx")]
            return any(each[0].startswith(device) and each[4] == "Up" for each in channels)

        await until(talks)

    async def restart_daemon(self) -> None:
        """The daemon again, and the supervisor's page with it."""
        await self.stack.daemon.start()
        await self.look_at_board()

    async def _page(self, login: str, page: str, before: DemoAgent | None) -> DemoAgent:
        if before is not None:
            await before.__aexit__(None, None, None)
        opened = DemoAgent(self.stack.address, login, self.stack.password(login), page=page)
        return await opened.__aenter__()

    async def _clean(self) -> None:
        self.stack.daemon.signal(signal.SIGCONT)
        if self.stack.daemon.pid is None:
            await self.stack.daemon.start()
        for kept in ("phone", "callee"):
            await self.stack.carrier.console(f"database deltree {kept}")
        await self.look_at_board()
        await until(self._nothing_goes_on)
        self.stack.postgres.execute(_CALLED_BACK)
        await until(self._no_callbacks)

    async def _nothing_goes_on(self) -> bool:
        """All of it at once: an agent who comes free is rung for the next call-back."""
        for gone in (self._no_calls, self._all_ended, self._all_logged_out, self._no_callbacks):
            if not await gone():
                return False
        return True

    async def _no_calls(self) -> bool:
        if not await self.channels("pbx") and not await self.channels("carrier"):
            return True
        await self.stack.carrier.console("channel request hangup all")
        return False

    async def _all_ended(self) -> bool:
        calls = (await self.board.request("GET", "/api/calls"))["items"]
        return not self.board.page.state["waiting"] and all(call["ended_at"] for call in calls)

    async def _all_logged_out(self) -> bool:
        at_work = self.board.page.state["agents"]
        for agent in self._agents.values():
            if str(agent.agent["agent_id"]) in at_work:
                with contextlib.suppress(AgentRefused):
                    await agent.command("log_out")
        return not at_work

    async def _no_callbacks(self) -> bool:
        open_ones = (await self.board.request("GET", "/api/callbacks"))["items"]
        for callback in open_ones:
            with contextlib.suppress(AgentRefused):
                await self.board.request("POST", f"/api/callbacks/{callback['id']}/close")
        return not open_ones
