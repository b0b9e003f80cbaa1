"""Starting where the daemon before us stopped.

Rule: the local journal is asked first, for it needs no server; the database only where the journal
knows nothing. Who was being rung or reserved is ready again: that call's coroutine is gone.
"""

from collections.abc import Iterable
from typing import cast

import structlog

from acd.core_agents import COMMANDS, MOVES
from acd.core_types import AgentNow, Login
from acd.desk import Desk
from acd.errors import ExtensionTaken
from acd.events import AgentState
from acd.floor_clock import FloorClock
from acd.journal import Recovered
from acd.records import CallBook
from acd.rows import AgentStateRow, CallRow, StepRow, only
from acd.store import AcdStore
from crm_core.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_INTERRUPTED = ("ringing", "reserved")


async def restore(
    recovered: Recovered, store: AcdStore, desk: Desk, book: CallBook, queues: Iterable[str]
) -> None:
    """Put agents and open calls back as they were."""
    states = only(AgentStateRow, recovered.rows)
    calls = only(CallRow, recovered.rows)
    if not states and not calls:
        try:
            states, calls = await store.agent_states(), await store.open_calls()
        except DatabaseUnavailable:
            log.warning("start_without_memory")
    book.recover(calls, only(StepRow, recovered.rows))
    known = set(queues)
    for row in {row.agent_id: row for row in states}.values():
        desk.latest[row.agent_id] = row
        if row.state == "offline" or row.state not in MOVES:
            continue
        try:
            desk.core.restore(_agent(row, known, desk.time))
        except ExtensionTaken:
            log.warning("agent_not_restored", agent_id=row.agent_id, extension=row.extension)
    log.info("restored", agents=len(desk.core.agents()), calls=len(book.open()))


def _agent(row: AgentStateRow, queues: set[str], time: FloorClock) -> AgentNow:
    since = time.of(row.since)
    wraps_up = row.wrap_up_until - row.since if row.wrap_up_until else None
    interrupted = row.state in _INTERRUPTED
    state = "ready" if interrupted else row.state
    return AgentNow(
        login=Login(
            agent_id=row.agent_id,
            name=row.name,
            extension=row.extension,
            queues=tuple(queue for queue in row.queues if queue in queues),
            skills=row.skills or {},
        ),
        state=cast("AgentState", state),
        reason=row.reason,
        call_id=None if interrupted else row.call_id,
        since=since,
        wrap_up_until=since + wraps_up.total_seconds() if wraps_up else None,
        pending=row.pending if row.pending in COMMANDS else None,
        calls=row.calls or 0,
        pending_reason=row.pending_reason,
    )
