"""Whoever may answer a person's request is reminded of its last day."""

from dataclasses import dataclass
from datetime import UTC, timedelta

import pytest
from sqlalchemy import insert, text

from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.people.holders import holders
from crm_core.people.tables import User
from crm_core.privacy.commands import NewRequest, Refusal
from crm_core.privacy.deadlines import PrivacyDeadlines
from crm_core.privacy.service import PrivacyService
from crm_core.rights import SYSTEM, Principal, Right
from tests.crm_core.crm_core_support import Clock, person
from tests.crm_core.crm_office import Office, furnish


@pytest.fixture(scope="module")
async def office(database: Database) -> Office:
    """With two who may answer requests, one of whom has left."""
    made = await furnish(database)
    async with database.begin() as session:
        for login, active in (("guard1", True), ("guard2", True), ("guard3", False)):
            values = {"login": login, "name": login, "role_code": "admin", "active": active}
            await session.execute(insert(User).values(**values, password_hash="none"))
    return made


@dataclass
class Desk:
    """Requests, and what stands in their to-dos."""

    database: Database
    clock: Clock
    privacy: PrivacyService
    worker: PrivacyDeadlines
    admin: Principal

    async def waiting(self, kind: str = "access") -> int:
        made = await CustomerService(self.database).create(SYSTEM, NewCustomer(name="待答"))
        new = NewRequest(customer_id=made.id, kind=kind, identified_by="本机回拨")
        return (await self.privacy.enter(self.admin, new)).id

    async def guards(self) -> set[int]:
        async with self.database.reading() as connection:
            return set(await connection.scalars(holders(Right.PRIVACY_MANAGE)))

    async def todos(self, request_id: int) -> dict[tuple[str, int], str]:
        """The state of each, by stage and person."""
        async with self.database.reading() as connection:
            rows = await connection.execute(
                text(
                    "SELECT split_part(source_reference, ':', 2), assignee_id, state FROM todos"
                    " WHERE source_kind = 'privacy_request'"
                    " AND split_part(source_reference, ':', 1) = :id"
                ),
                {"id": str(request_id)},
            )
            return {(stage, who): state for stage, who, state in rows}


@pytest.fixture
def desk(database: Database, office: Office) -> Desk:
    clock = Clock()
    return Desk(
        database,
        clock,
        PrivacyService(database, clock=clock),
        PrivacyDeadlines(database, clock=clock, zone=UTC, before=timedelta(days=4)),
        person("admin", office.zhao.user_id),
    )


async def test_whoever_may_answer_is_reminded_before_the_last_day_and_once_it_has_passed(
    desk: Desk,
):
    request_id, who = await desk.waiting(), await desk.guards()
    assert len(who) == 2
    desk.clock.pass_by(days=11, seconds=-1)
    await desk.worker.run_once()
    assert await desk.todos(request_id) == {}
    desk.clock.pass_by(seconds=1)
    await desk.worker.run_once()
    assert await desk.todos(request_id) == {("soon", each): "open" for each in who}
    assert await desk.worker.run_once() == 0
    desk.clock.pass_by(days=4)
    await desk.worker.run_once()
    assert await desk.todos(request_id) == {
        **{("soon", each): "cancelled" for each in who},
        **{("overdue", each): "open" for each in who},
    }
    assert await desk.worker.run_once() == 0


async def test_a_reminder_alarms_at_once_and_is_due_on_the_last_day(desk: Desk):
    request_id = await desk.waiting()
    desk.clock.pass_by(days=12)
    await desk.worker.run_once()
    async with desk.database.reading() as connection:
        row = (
            await connection.execute(
                text(
                    "SELECT t.alarm_at, t.due_at, r.due_at AS last, t.title FROM todos t"
                    " JOIN privacy_requests r ON r.id = :id"
                    " WHERE t.source_kind = 'privacy_request' AND t.source_reference LIKE :which LIMIT 1"
                ),
                {"id": request_id, "which": f"{request_id}:%"},
            )
        ).one()
    assert row.alarm_at <= desk.clock()
    assert row.due_at == row.last
    assert f"{row.last:%Y-%m-%d}" in row.title


@pytest.mark.parametrize("answer", ["data", "refuse"])
async def test_who_answers_a_request_frees_everybody_of_the_reminders(desk: Desk, answer: str):
    request_id = await desk.waiting()
    desk.clock.pass_by(days=16)
    await desk.worker.run_once()
    if answer == "data":
        await desk.privacy.data(desk.admin, request_id)
    else:
        await desk.privacy.refuse(desk.admin, request_id, Refusal(reason="不是本人"))
    assert set((await desk.todos(request_id)).values()) == {"done"}
    desk.clock.pass_by(days=5)
    await desk.worker.run_once()
    assert set((await desk.todos(request_id)).values()) == {"done"}


async def test_who_calls_a_reminder_done_without_answering_is_reminded_when_the_day_has_passed(
    desk: Desk,
):
    request_id = await desk.waiting()
    desk.clock.pass_by(days=12)
    await desk.worker.run_once()
    async with desk.database.begin() as session:
        await session.execute(
            text(
                "UPDATE todos SET state = 'done', closed_at = now()"
                " WHERE source_kind = 'privacy_request'"
            )
        )
    desk.clock.pass_by(days=1)
    assert await desk.worker.run_once() == 0
    desk.clock.pass_by(days=2)
    await desk.worker.run_once()
    stages = {
        stage for (stage, _), state in (await desk.todos(request_id)).items() if state == "open"
    }
    assert stages == {"overdue"}


async def test_an_erased_person_s_reminders_go_with_everything_else(desk: Desk):
    request_id = await desk.waiting("erasure")
    desk.clock.pass_by(days=12)
    await desk.worker.run_once()
    assert await desk.todos(request_id)
    await desk.privacy.erase(desk.admin, request_id)
    assert await desk.todos(request_id) == {}
