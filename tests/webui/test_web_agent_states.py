"""Supervisors set agents' states; how long they lasted, and who did it, is told."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import insert, select

from acd.tables import AgentStateChange
from crm_core.audit.tables import AuditEntry
from tests.webui.web_house import House

_STRANGERS = count(4711)
MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)  # of 2 March in Shanghai


async def test_a_supervisor_sets_an_agents_state_and_the_trail_says_so(house: House) -> None:
    agent_id = house.ids["agent"]
    async with house.browser("agent") as agent, house.browser("supervisor") as boss:
        await agent.ask("POST", "/api/agent/state", {"command": "log_in"})
        path = f"/api/agents/{agent_id}/state"
        status, body = await boss.ask("POST", path, {"command": "break", "reason": "training"})
        assert (status, body["agent"]["state"], body["agent"]["reason"]) == (
            200,
            "break",
            "training",
        )
        status, _ = await boss.ask("POST", path, {"command": "break", "reason": "golf"})
        assert status == 422
        status, _ = await boss.ask("POST", path, {"command": "finish_wrap_up"})
        assert status == 409
        status, _ = await agent.ask("POST", path, {"command": "ready"})
        assert status == 403
        await boss.ask("POST", path, {"command": "log_out"})
    async with house.services.database.begin() as session:
        entries = await session.scalars(
            select(AuditEntry).where(
                AuditEntry.action == "agent.state", AuditEntry.entity_id == str(agent_id)
            )
        )
        assert [each.after["command"] for each in entries] == ["break", "log_out"]


@pytest.fixture
async def states(house: House) -> int:
    """An agent of whom nobody knows but the log: at work over midnight, a break that a supervisor gave, logged out."""
    agent_id, boss = next(_STRANGERS), house.ids["supervisor"]
    rows = [
        (MIDNIGHT - timedelta(hours=1), "ready", None, agent_id),
        (MIDNIGHT + timedelta(hours=1), "break", "meal", boss),
        (MIDNIGHT + timedelta(hours=1, minutes=30), "ready", None, agent_id),
        (MIDNIGHT + timedelta(hours=2), "offline", None, None),
    ]
    same = {"agent_id": agent_id, "name": "夜班", "extension": "8999", "queues": []}
    async with house.services.database.begin() as session:
        await session.execute(
            insert(AgentStateChange),
            [
                same | {"seq": seq, "since": since, "state": state, "reason": reason, "by_id": by}
                for seq, (since, state, reason, by) in enumerate(rows, 1)
            ],
        )
    return agent_id


async def test_times_are_told_by_agent_day_state_and_reason(house: House, states: int) -> None:
    async with house.browser("supervisor") as boss:
        path = f"/api/agents/times?first=2026-03-01&last=2026-03-02&agent_id={states}"
        _, body = await boss.ask("GET", path)
    told = ("day", "state", "reason", "seconds", "times")
    found = [tuple(line[each] for each in told) for line in body["lines"]]
    assert found == [
        ("2026-03-01", "ready", None, 3600.0, 1),
        ("2026-03-02", "break", "meal", 1800.0, 1),
        ("2026-03-02", "ready", None, 5400.0, 1),
    ]


async def test_the_log_says_who_did_it(house: House, states: int) -> None:
    async with house.browser("supervisor") as boss:
        _, body = await boss.ask("GET", f"/api/agents/{states}/states?first=2026-03-02")
    assert [(e["state"], e["by_id"]) for e in body["entries"]] == [
        ("break", house.ids["supervisor"]),
        ("ready", states),
        ("offline", None),
    ]
