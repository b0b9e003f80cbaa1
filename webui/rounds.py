"""What is done for the pages again and again, without an event asking for it.

Rule: each round is a task of its own, so that a database that does not answer holds up no heartbeat;
a round that fails is logged and comes again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from pydantic import BaseModel

from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.knowledge.questions import KnowledgeQuestions
from crm_core.people.accounts import AccountService
from crm_core.rights import Principal
from crm_core.todos.service import TodoService
from webui.health import Health
from webui.hub import Hub
from webui.live import Live
from webui.ports import Callbacks

log = structlog.get_logger(__name__)

_MOST_CALLBACKS = 1000
_ALARMS_EACH = 50
_QUESTIONS_EACH = 20


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds between two rounds."""

    heartbeat_s: float = 5.0
    board_s: float = 0.2
    stock_s: float = 1.0
    sessions_s: float = 10.0
    callbacks_s: float = 60.0


class Rounds:
    """Heartbeats, the board, stock, the health of the parts, sessions that ended, what waits for people."""

    def __init__(
        self,
        *,
        hub: Hub,
        live: Live,
        health: Health,
        accounts: AccountService,
        callbacks: Callbacks,
        todos: TodoService,
        questions: KnowledgeQuestions,
        database: Database,
        rhythm: Rhythm,
    ) -> None:
        self._hub = hub
        self._live = live
        self._health = health
        self._accounts = accounts
        self._callbacks = callbacks
        self._todos = todos
        self._questions = questions
        self._database = database
        self._rhythm = rhythm
        self._shown = self._parts()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        rhythm = self._rhythm
        rounds: tuple[tuple[float, Callable[[], Awaitable[None]]], ...] = (
            (rhythm.heartbeat_s, self._heartbeat),
            (rhythm.board_s, self._show_board),
            (rhythm.sessions_s, self._close_ended_sessions),
            (rhythm.callbacks_s, self._read_callbacks),
            (rhythm.stock_s, self._tell_stock),
            (rhythm.board_s, self._show_alarms),
            (rhythm.board_s, self._show_questions),
        )
        self._tasks = [asyncio.create_task(_repeat(*each)) for each in rounds]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _heartbeat(self) -> None:
        self._hub.heartbeat()

    async def _show_board(self) -> None:
        parts = self._parts()
        if parts != self._shown:
            self._shown = parts
            self._live.board_is_old = True
            for feed in self._hub.feeds("sidebar"):
                self._hub.refresh(feed)
        if self._live.board_is_old:
            self._live.board_is_old = False
            for feed in self._hub.feeds("board"):
                self._hub.refresh(feed)

    def _parts(self) -> tuple[Mapping[str, BaseModel], ...]:
        """How the parts are, and what is said of that."""
        return self._health.system(), self._health.supervisors_notices()

    async def _tell_stock(self) -> None:
        self._live.tell_stock()

    async def _show_alarms(self) -> None:
        if self._live.alarms_are_old:
            self._live.alarms_are_old = False
            try:
                self._live.show_alarms(await self._todos.raised(_ALARMS_EACH))
            except BaseException:
                self._live.alarms_are_old = True
                raise

    async def _show_questions(self) -> None:
        if self._live.questions_are_old:
            self._live.questions_are_old = False
            try:
                self._live.show_questions(await self._questions.live(_QUESTIONS_EACH))
            except BaseException:
                self._live.questions_are_old = True
                raise

    async def _close_ended_sessions(self) -> None:
        """Also those who may see more or less than before: they come back with what is so now."""
        await self._database.ping()
        held: dict[str, Principal] = {page.token: page.principal for page in self._hub.pages()}
        for token, principal in held.items():
            now = await self._accounts.session(token)
            if now is None or _sight(now) != _sight(principal):
                self._hub.close_session(token)

    async def _read_callbacks(self) -> None:
        """The bus tells of every change; this is for what was so before the daemon began."""
        self._live.mark_alarms()
        self._live.mark_questions()
        self._live.show_callbacks(await self._callbacks.callbacks(limit=_MOST_CALLBACKS))


def _sight(of: Principal) -> tuple[object, ...]:
    return of.rights, of.scope, dict(of.fields)


async def _repeat(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except DatabaseUnavailable:
            log.info("round_waits_for_the_database", round=work.__name__)
        except Exception:
            log.exception("round_failed", round=work.__name__)
        await asyncio.sleep(seconds)
