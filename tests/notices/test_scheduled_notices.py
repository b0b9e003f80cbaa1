"""Notices that wait for their time: to whom they go then, and how they are stopped before."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from crm_core.audit.tables import AuditEntry
from crm_core.errors import Conflict, Invalid
from crm_core.notices.commands import NewNotice, NoticeEdit, NoticeStep, Send
from crm_core.notices.service import NoticeNotDraft
from crm_core.notices.views import NoticeView
from crm_core.people.tables import Role, User
from tests.notices.conftest import ALL, NoticeHouse

NEW = {"title": "涨价通知", "body": "下月起。", "channels": ["email"], "conditions": ALL}


@pytest.fixture(autouse=True)
async def as_before(house: NoticeHouse) -> AsyncIterator[None]:
    """What a test does to the sender is undone."""
    yield
    async with house.database.begin() as session:
        await session.execute(update(Role).where(Role.code == "supervisor").values(scope="all"))
        await session.execute(
            update(User)
            .where(User.id == house.office.zhao.user_id)
            .values(active=True, role_code="supervisor", must_change_password=False)
        )


async def scheduled(house: NoticeHouse, at: datetime | None = None, **more: object) -> NoticeView:
    made = await house.notices.create(house.office.zhao, NewNotice.model_validate(NEW | more))
    at = at or house.clock() + timedelta(hours=1)
    return await house.notices.send(house.office.zhao, made.id, Send(version=1, send_at=at))


async def state(house: NoticeHouse, notice_id: int) -> str:
    return (await house.notices.get(house.office.zhao, notice_id)).state


async def work(house: NoticeHouse) -> None:
    while await house.sender.run_once():
        pass


async def test_it_goes_at_its_time_to_everybody_who_fits_then(house: NoticeHouse):
    await house.dealer("甲", email="jia@example.com")
    waiting = await scheduled(house)
    assert (waiting.state, waiting.sent_at, waiting.version) == ("scheduled", None, 2)
    await work(house)
    assert await house.messages(waiting.id) == []
    await house.dealer("乙", email="yi@example.com")
    house.clock.pass_by(hours=1)
    await work(house)
    assert [each[1] for each in await house.messages(waiting.id)] == [
        "jia@example.com",
        "yi@example.com",
    ]
    sent = await house.notices.get(house.office.zhao, waiting.id)
    assert (sent.state, sent.sent_at, sent.send_at) == ("sent", house.clock(), house.clock())


async def test_it_is_cancelled_before_its_time(house: NoticeHouse):
    await house.dealer("丙", email="bing@example.com")
    waiting = await scheduled(house)
    await house.notices.cancel(house.office.qian, waiting.id, NoticeStep(version=2))
    house.clock.pass_by(hours=2)
    await work(house)
    assert await house.messages(waiting.id) == []
    assert await state(house, waiting.id) == "cancelled"


async def test_it_is_given_another_time_or_sent_at_once_and_not_changed(house: NoticeHouse):
    await house.dealer("丁", email="ding@example.com")
    waiting = await scheduled(house)
    with pytest.raises(NoticeNotDraft):
        await house.notices.edit(
            house.office.zhao, waiting.id, NoticeEdit.model_validate({"version": 2, "title": "新"})
        )
    later = house.clock() + timedelta(hours=5)
    with pytest.raises(Conflict):
        await house.notices.send(house.office.zhao, waiting.id, Send(version=1, send_at=later))
    moved = await house.notices.send(house.office.zhao, waiting.id, Send(version=2, send_at=later))
    house.clock.pass_by(hours=1)
    await work(house)
    assert await state(house, waiting.id) == "scheduled"
    now = await house.notices.send(house.office.zhao, waiting.id, Send(version=moved.version))
    assert (now.state, now.send_at) == ("sending", None)
    await work(house)
    assert len(await house.messages(waiting.id)) == 1


async def test_a_time_that_cannot_be_is_refused_and_the_draft_stays(house: NoticeHouse):
    for at, more in (
        (house.clock(), {}),
        (house.clock() + timedelta(days=3), {"expires_on": date(2026, 3, 3)}),
    ):
        with pytest.raises(Invalid) as refused:
            await scheduled(house, at, **more)
        assert "send_at" in refused.value.fields
    assert (await scheduled(house, expires_on=date(2026, 3, 2))).state == "scheduled"


async def test_it_goes_by_the_rights_that_its_sender_has_then(house: NoticeHouse):
    office = house.office
    await house.dealer("戊", email="wu@example.com", salesperson_id=office.li.user_id)
    await house.dealer("己", email="ji@example.com", salesperson_id=office.zhao.user_id)
    waiting = await scheduled(house)
    async with house.database.begin() as session:
        await session.execute(update(Role).where(Role.code == "supervisor").values(scope="own"))
    house.clock.pass_by(hours=2)
    await work(house)
    assert [each[1] for each in await house.messages(waiting.id)] == ["ji@example.com"]


@pytest.mark.parametrize(
    "change", [{"active": False}, {"role_code": "agent"}, {"must_change_password": True}]
)
async def test_it_is_cancelled_when_its_sender_may_not_send_any_more(
    house: NoticeHouse, change: dict[str, object]
):
    await house.dealer("庚", email="geng@example.com")
    waiting = await scheduled(house)
    async with house.database.begin() as session:
        zhao = User.id == house.office.zhao.user_id
        await session.execute(update(User).where(zhao).values(**change))
    house.clock.pass_by(hours=2)
    await work(house)
    assert await house.messages(waiting.id) == []
    assert await state(house, waiting.id) == "cancelled"
    async with house.database.reading() as connection:
        after = await connection.scalar(
            select(AuditEntry.after)
            .where(AuditEntry.entity == "notice", AuditEntry.entity_id == str(waiting.id))
            .order_by(AuditEntry.id.desc())
            .limit(1)
        )
    assert after["state"] == "cancelled"
    assert after["reason"]


async def test_one_that_nobody_fits_any_more_does_not_hold_up_the_others(house: NoticeHouse):
    await house.dealer("辛", email="xin@example.com")
    nobody = await scheduled(
        house, conditions=[{"field": "name", "op": "contains", "value": "无此人"}]
    )
    other = await scheduled(house)
    house.clock.pass_by(hours=2)
    await work(house)
    assert await state(house, nobody.id) == await state(house, other.id) == "sent"
    assert len(await house.messages(other.id)) == 1


async def test_two_daemons_send_it_once(house: NoticeHouse):
    for n in range(5):
        await house.dealer(f"壬{n}", email=f"ren{n}@example.com")
    waiting = await scheduled(house)
    house.clock.pass_by(hours=2)
    while sum(await asyncio.gather(*(house.sender.run_once() for _ in range(3)))):
        pass
    assert len(await house.messages(waiting.id)) == 5
    counts = await house.notices.counts(house.office.zhao, waiting.id)
    assert counts.recipients == 5
