"""Coupons for everybody who fits: in the background, each once, whoever goes on with it."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from crm_core.benefits import runs
from crm_core.benefits.commands import CouponRunQuery, NewCouponRun
from crm_core.benefits.runs import CouponRuns
from crm_core.benefits.tables import Coupon, CouponRun
from crm_core.customers.criteria import Condition
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.people.tables import Role, User
from crm_core.rights import Scope
from tests.benefits.conftest import BenefitHouse

_words = iter("甲乙丙丁戊己庚辛壬癸")


class Runs:
    def __init__(self, house: BenefitHouse) -> None:
        self.house = house
        self.word = next(_words)
        self.boss = house.office.zhao

    async def people(self, many: int, **more: object) -> list[int]:
        return [
            await self.house.somebody(name=f"群发{self.word}{n}号", **more) for n in range(many)
        ]

    async def begin(self, actor=None, **more: object):
        kind = await self.house.kind()
        where = Condition(field="name", op="contains", value=f"群发{self.word}")
        new = {"kind_code": kind, "conditions": (where,)} | more
        return await self.house.benefits.begin_run(
            actor or self.boss, NewCouponRun.model_validate(new)
        )

    def worker(self, batch: int = 2) -> CouponRuns:
        return CouponRuns(self.house.database, clock=self.house.clock, batch=batch)

    async def holders(self, kind: str) -> list[int]:
        async with self.house.database.reading() as connection:
            found = await connection.scalars(
                select(Coupon.customer_id).where(Coupon.kind_code == kind).order_by(Coupon.id)
            )
            return list(found)


@pytest.fixture
def room(house: BenefitHouse) -> Runs:
    return Runs(house)


async def test_everybody_who_fits_gets_one_and_the_run_says_how_far_it_is(room: Runs):
    people = await room.people(5)
    run = await room.begin(reason="年终回馈")
    assert (run.state, run.total, run.done) == ("running", 5, 0)
    worker = room.worker()
    assert await worker.run_once() == 2
    half = await room.house.benefits.run(room.boss, run.id)
    assert (half.state, half.done, half.issued) == ("running", 2, 2)
    while await worker.run_once():
        pass
    done = await room.house.benefits.run(room.boss, run.id)
    assert (done.state, done.done, done.issued, done.total) == ("done", 5, 5, 5)
    assert await room.holders(run.kind_code) == people
    listed = await room.house.benefits.runs(room.boss, CouponRunQuery(limit=1))
    assert listed == (done,)
    with pytest.raises(Conflict):
        await room.house.benefits.cancel_run(room.boss, run.id)


async def test_of_many_daemons_each_gives_nobody_a_second_one(room: Runs):
    people = await room.people(9)
    run = await room.begin()
    for _ in range(8):
        await asyncio.gather(*(room.worker().run_once() for _ in range(3)))
    assert await room.holders(run.kind_code) == people


async def test_a_batch_that_is_done_again_gives_nobody_a_second_one(room: Runs):
    people = await room.people(3)
    run = await room.begin()
    await room.worker(batch=9).run_once()
    async with room.house.database.begin() as session:
        again = {"state": "running", "ended_at": None, "last_customer": 0, "done": 0, "issued": 0}
        await session.execute(update(CouponRun).where(CouponRun.id == run.id).values(again))
    await room.worker(batch=9).run_once()
    assert await room.holders(run.kind_code) == people
    assert (await room.house.benefits.run(room.boss, run.id)).issued == 0


async def test_a_run_that_is_stopped_issues_no_more(room: Runs):
    people = await room.people(4)
    run = await room.begin()
    await room.worker().run_once()
    stopped = await room.house.benefits.cancel_run(room.boss, run.id)
    assert (stopped.state, stopped.issued) == ("cancelled", 2)
    assert await room.worker().run_once() == 0
    assert await room.holders(run.kind_code) == people[:2]


async def test_too_many_nobody_or_a_kind_that_is_not_issued_are_refused(
    room: Runs, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(Invalid) as refused:
        await room.begin()
    assert refused.value.fields == {"conditions": "nobody"}
    await room.people(3)
    with pytest.raises(Invalid):
        await room.begin(kind_code="no_such")
    monkeypatch.setattr(runs, "MOST", 2)
    with pytest.raises(Invalid) as refused:
        await room.begin()
    assert refused.value.fields == {"conditions": "many"}
    with pytest.raises(Forbidden):
        await room.begin(room.house.office.wang)
    with pytest.raises(NotFound):
        await room.house.benefits.run(room.boss, 999_999)


async def test_only_whom_its_maker_may_see_gets_one(room: Runs):
    await room.people(2, salesperson_id=room.house.office.li.user_id)
    free = await room.people(1)
    narrow = replace(room.boss, scope=Scope.OWN)
    run = await room.begin(narrow)
    assert run.total == 1
    async with room.house.database.begin() as session:
        own = update(Role).where(Role.code == "supervisor")
        await session.execute(own.values(scope="own"))
    await room.worker(batch=9).run_once()
    async with room.house.database.begin() as session:
        await session.execute(update(Role).values(scope="all"))
    assert await room.holders(run.kind_code) == free


async def test_a_run_whose_maker_is_gone_ends_with_the_reason(room: Runs):
    await room.people(1)
    run = await room.begin()
    whose = update(User).where(User.id == room.boss.user_id)
    async with room.house.database.begin() as session:
        await session.execute(whose.values(active=False))
    await room.worker().run_once()
    async with room.house.database.begin() as session:
        await session.execute(whose.values(active=True))
    ended = await room.house.benefits.run(room.boss, run.id)
    assert ended.state == "failed"
    assert ended.error is not None
    assert "cannot log in" in ended.error
    async with room.house.database.reading() as connection:
        going = select(func.count()).where(CouponRun.state == "running")
        assert await connection.scalar(going) == 0
