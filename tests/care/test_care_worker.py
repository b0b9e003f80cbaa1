import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from crm_core.audit.tables import AuditEntry
from crm_core.care.commands import UpcomingQuery
from crm_core.care.facts import celebrations
from crm_core.care.lists import upcoming
from crm_core.care.occasions import Days, Occasion, Span
from crm_core.care.ports import CareSources
from crm_core.care.tables import CareRule
from crm_core.care.worker import CareWorker
from crm_core.customers.merging import MergeService
from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.people.tables import Role
from crm_core.rights import SYSTEM
from crm_core.todos.commands import Close
from crm_core.todos.service import TodoService
from orders.sales.care_source import OrderBeginnings, OrderDeliveries
from tests.care.care_desk import OCCASIONS, SOURCES, Desk, at, born
from tests.todos.refused_todos import refusing

TODAY = date(2026, 3, 2)  # of the clock, which stands at 17:00 in Shanghai


@pytest.fixture
async def desk(database, office, clock):
    made = Desk(database, clock)
    await made.begin_anew()
    return made


async def test_a_birthday_becomes_a_to_do_three_days_before_due_on_the_day(desk, office):
    await desk.customer(
        office.customer_id, birthday=date(1990, 3, 5), salesperson_id=office.wang.user_id
    )
    await desk.customer(office.other_customer_id, birthday=date(1990, 3, 6))
    assert await desk.worker_round() == 1
    (todo,) = await desk.todos()
    assert todo.title == "天津一号店 3月5日生日：送上祝福"
    assert (todo.customer_id, todo.assignee_id) == (office.customer_id, office.wang.user_id)
    assert todo.due_at == at(date(2026, 3, 5), 10)
    assert todo.escalate_at == at(date(2026, 3, 6), 0)
    assert (todo.source_kind, todo.creator_id, todo.kind) == ("care", None, "task")
    assert todo.source_reference == f"birthday:{office.customer_id}:2026-03-05"
    desk.clock.pass_by(hours=7)
    assert await desk.worker_round() == 1
    assert (await desk.references())[1] == f"birthday:{office.other_customer_id}:2026-03-06"


async def test_the_same_occasion_is_told_once_whatever_became_of_the_to_do(desk, office):
    await desk.customer(office.customer_id, birthday=born(TODAY))
    assert await desk.worker_round() == 1
    assert await desk.worker_round() == 0
    (todo,) = await desk.todos()
    service = TodoService(desk.database, clock=desk.clock)
    await service.complete(office.zhao, todo.id, Close(version=1))
    for _ in range(10):
        desk.clock.pass_by(days=1)
        assert await desk.worker_round() == 0
    for _ in range(26):  # looked at every two weeks, the year comes round
        desk.clock.pass_by(days=13, hours=14)
        await desk.worker_round()
    desk.clock.now = datetime(2027, 3, 1, 3, tzinfo=UTC)
    await desk.worker_round()
    assert await desk.references() == [
        f"birthday:{office.customer_id}:2026-03-02",
        f"birthday:{office.customer_id}:2027-03-02",
    ]


async def test_after_a_downtime_the_days_of_the_last_week_are_made_up_for(desk, office):
    await desk.worker_round()
    desk.clock.now = at(date(2026, 3, 20), 9)
    days = {ago: date(2026, 3, 20) - timedelta(days=ago) for ago in (0, 6, 7, 8)}
    made = await desk.new_customers(4)
    for customer_id, day in zip(made, days.values(), strict=True):
        await desk.customer(customer_id, birthday=born(day))
    assert await desk.worker_round() == 3
    told = {reference.rsplit(":")[-1] for reference in await desk.references()}
    assert told == {str(days[ago]) for ago in (0, 6, 7)}
    assert await desk.worker_round() == 0


async def test_a_new_rule_and_a_new_customer_tell_no_old_news(desk, office):
    await desk.customer(office.customer_id, birthday=born(TODAY - timedelta(days=1)))
    assert await desk.worker_round() == 0
    desk.clock.pass_by(days=2)
    await desk.worker_round()
    await desk.customer(office.other_customer_id, birthday=born(TODAY + timedelta(days=1)))
    desk.clock.pass_by(hours=1)
    assert await desk.worker_round() == 0


async def test_whose_birthday_is_known_late_is_told_until_the_day(desk, office):
    await desk.worker_round()
    await desk.customer(office.customer_id, birthday=born(TODAY))
    assert await desk.worker_round() == 1


async def test_who_is_born_on_29_february_celebrates_on_the_28th(desk, office):
    await desk.customer(office.customer_id, birthday=date(2000, 2, 29))
    desk.clock.now = at(date(2027, 2, 25), 8)
    await desk.rule("birthday", active_since=desk.clock())
    assert await desk.worker_round() == 1
    desk.clock.now = at(date(2028, 2, 26), 8)
    assert await desk.worker_round() == 1
    assert [each.due_at for each in await desk.todos()] == [
        at(date(2027, 2, 28), 10),
        at(date(2028, 2, 29), 10),
    ]


async def test_the_year_ends_at_the_company_s_midnight(desk, office):
    await desk.customer(office.customer_id, birthday=date(1980, 1, 1))
    desk.clock.now = datetime(2026, 12, 31, 15, 59, tzinfo=UTC)
    await desk.rule("birthday", days_before=0, active_since=desk.clock())
    assert await desk.worker_round() == 0
    desk.clock.pass_by(minutes=1)
    assert await desk.worker_round() == 1
    (todo,) = await desk.todos()
    assert todo.source_reference == f"birthday:{office.customer_id}:2027-01-01"


async def test_another_time_zone_has_another_day(desk, office):
    await desk.customer(office.customer_id, birthday=born(TODAY))
    await desk.rule("birthday", days_before=0)
    desk.clock.now = datetime(2026, 3, 2, 1, tzinfo=UTC)
    sources = CareSources(zone=ZoneInfo("America/New_York"))
    worker = CareWorker(desk.database, sources, clock=desk.clock)
    assert await worker.run_once() == 0
    desk.clock.pass_by(hours=4)
    assert await worker.run_once() == 1
    (todo,) = await desk.todos()
    assert todo.due_at == datetime(2026, 3, 2, 15, tzinfo=UTC)


async def test_the_day_of_birth_itself_and_days_to_come_are_no_birthdays(desk, office):
    await desk.customer(office.customer_id, birthday=TODAY)
    await desk.customer(office.other_customer_id, birthday=TODAY.replace(year=2090))
    assert await desk.worker_round() == 0


async def test_two_contacts_with_one_birthday_are_two_to_dos(desk, office):
    await desk.rule("birthday", active=False)
    async with desk.database.begin() as session:
        rule = dict(
            (await session.execute(select(CareRule.__table__).limit(1))).mappings().one()
        ) | {
            "code": "contacts",
            "occasion": "contact_birthday",
            "days_before": 1,
            "local_hour": 9,
            "hours_after": None,
            "lead_hours": None,
            "active": True,
            "title_zh": "{customer}的{contact} {years}岁",
        }
        session.add(CareRule(**rule))
    ids = [await desk.contact(office.customer_id, name, born(TODAY)) for name in ("张三", "李四")]
    assert await desk.worker_round() == 2
    assert [each.title for each in await desk.todos()] == [
        "天津一号店的张三 30岁",
        "天津一号店的李四 30岁",
    ]
    prefix = f"contacts:{office.customer_id}:2026-03-02:"
    assert await desk.references() == [f"{prefix}{each}" for each in ids]
    assert await desk.worker_round() == 0


async def test_the_first_order_has_an_anniversary_and_later_ones_have_none(desk, office):
    customer_id, other_id = office.customer_id, office.other_customer_id
    await desk.order(customer_id, placed_at=at(date(2024, 3, 1), 12), status="cancelled")
    await desk.order(customer_id, placed_at=at(date(2024, 3, 2), 0))
    await desk.order(customer_id, placed_at=at(date(2025, 3, 2), 9))
    await desk.order(other_id, placed_at=at(date(2023, 7, 1), 9))
    await desk.order(other_id, placed_at=at(date(2025, 3, 2), 9))
    await desk.order((await desk.new_customers(1))[0], placed_at=at(TODAY, 9))
    assert await desk.worker_round() == 1
    (todo,) = await desk.todos()
    assert todo.title == "天津一号店 合作满2周年（3月2日）：致谢"
    assert todo.source_reference == f"first_order:{customer_id}:2026-03-02"


async def test_a_first_order_just_before_midnight_of_the_company_is_of_the_day_before(desk, office):
    await desk.order(office.customer_id, placed_at=at(date(2025, 3, 3), 0) - timedelta(seconds=1))
    await desk.order(office.other_customer_id, placed_at=at(date(2025, 3, 3), 0))
    assert await desk.worker_round() == 1
    desk.clock.pass_by(hours=7)
    assert await desk.worker_round() == 1


async def test_a_delivery_is_followed_up_within_72_hours(desk, office):
    desk.clock.pass_by(hours=1)
    delivered_at = desk.clock() - timedelta(minutes=30)
    number = await desk.order(office.customer_id, delivered_at=delivered_at)
    assert await desk.worker_round() == 1
    (todo,) = await desk.todos()
    assert (todo.title, todo.kind) == (f"天津一号店 订单{number}已送达：回访", "follow_up")
    assert todo.due_at == delivered_at + timedelta(hours=48)
    assert todo.escalate_at == delivered_at + timedelta(hours=72)
    assert todo.source_reference == f"after_delivery:{number}"
    assert await desk.worker_round() == 0


async def test_deliveries_before_the_rule_and_long_past_ones_are_left_alone(desk, office):
    await desk.order(office.customer_id, delivered_at=desk.clock() - timedelta(seconds=1))
    assert await desk.worker_round() == 0
    await desk.order(office.customer_id, delivered_at=desk.clock() + timedelta(days=1))
    late = await desk.order(office.customer_id, delivered_at=desk.clock() + timedelta(days=4))
    desk.clock.pass_by(days=9)
    assert await desk.worker_round() == 1
    assert await desk.references() == [f"after_delivery:{late}"]


async def test_a_delivery_that_was_saved_late_is_still_found(desk, office):
    desk.clock.pass_by(hours=2)
    await desk.worker_round()
    await desk.order(office.customer_id, delivered_at=desk.clock() - timedelta(minutes=59))
    assert await desk.worker_round() == 1


async def test_what_came_back_needs_no_follow_up(desk, office):
    desk.clock.pass_by(hours=1)
    for status in ("returned", "exchanged", "shipped"):
        await desk.order(office.customer_id, delivered_at=desk.clock(), status=status)
    await desk.order(office.customer_id, delivered_at=desk.clock(), status="settled")
    assert await desk.worker_round() == 1


async def test_only_customers_of_the_rule_s_levels_are_cared_for(desk, office):
    (dealer,) = await desk.new_customers(1, birthday=born(TODAY), level_code="county")
    await desk.customer(office.customer_id, birthday=born(TODAY))
    await desk.rule("birthday", level_codes=["county", "retailer"])
    assert await desk.worker_round() == 1
    assert [each.customer_id for each in await desk.todos()] == [dealer]


async def test_who_was_merged_away_is_left_out_and_nobody_is_told_twice(desk, office):
    kept, dropped = await desk.new_customers(2)
    await desk.customer(dropped, birthday=born(TODAY))
    assert await desk.worker_round() == 1
    await MergeService(desk.database).merge(SYSTEM, (kept, 1), (dropped, 1))
    async with desk.database.reading_entities() as session:
        assert (await session.get(Customer, kept)).birthday == born(TODAY)
    assert await desk.worker_round() == 0


async def test_who_was_erased_is_left_out_and_stops_nobody_else(desk, office):
    orders = {"placed_at": at(date(2025, 3, 2), 9), "status": "settled"}
    (erased,) = await desk.new_customers(1, erased_at=desk.clock(), birthday=born(TODAY))
    await desk.order(erased, **orders)
    await desk.order(office.customer_id, **orders)
    assert await desk.worker_round() == 1
    assert [each.customer_id for each in await desk.todos()] == [office.customer_id]
    async with desk.database.reading() as connection:
        coming = await upcoming(
            connection, SYSTEM, UpcomingQuery(occasion="birthday"), SOURCES, desk.clock()
        )
    assert coming == ()


async def test_one_that_cannot_be_asked_for_stops_no_other_and_is_looked_for_again(desk, office):
    made = await desk.new_customers(3, birthday=born(TODAY))
    await desk.customer(made[0], name="坏店")
    async with refusing(desk.database, "坏店%"):
        assert await desk.worker_round() == 2
    desk.clock.pass_by(hours=1)
    assert await desk.worker_round() == 1
    assert [each.customer_id for each in await desk.todos()] == [*made[1:], made[0]]


async def test_a_rule_that_fails_stops_no_other(desk, office):
    class Broken(OrderDeliveries):
        def between(self, span):
            raise RuntimeError("no orders here")

    await desk.customer(office.customer_id, birthday=born(TODAY))
    sources = CareSources(Broken(), OrderBeginnings())
    assert await CareWorker(desk.database, sources, clock=desk.clock).run_once() == 1


@pytest.mark.parametrize("active", [True, False])
async def test_without_the_salesperson_the_nearest_supervisor_does_it(desk, office, active):
    branch = await desk.unit("华北")
    team = await desk.unit("天津", branch, (branch,))
    await desk.user(office.wang.user_id, unit_id=team, active=active)
    await desk.user(office.qian.user_id, unit_id=branch)
    await desk.customer(
        office.customer_id, birthday=born(TODAY), salesperson_id=office.wang.user_id
    )
    await desk.customer(office.other_customer_id, birthday=born(TODAY))
    assert await desk.worker_round() == 2
    own, nobodys = await desk.todos()
    assert own.assignee_id == (office.wang if active else office.qian).user_id
    assert nobodys.assignee_id == office.zhao.user_id


async def test_a_rule_may_name_the_supervisor_or_a_person(desk, office):
    team = await desk.unit("天津组")
    await desk.user(office.wang.user_id, unit_id=team)
    await desk.user(office.qian.user_id, unit_id=team)
    await desk.customer(
        office.customer_id, birthday=born(TODAY), salesperson_id=office.wang.user_id
    )
    await desk.rule("birthday", assign_to="supervisor")
    await desk.worker_round()
    await desk.rule("birthday", assign_to="user", assignee_id=office.li.user_id)
    await desk.customer(office.other_customer_id, birthday=born(TODAY))
    await desk.worker_round()
    assignees = [each.assignee_id for each in await desk.todos()]
    assert assignees == [office.qian.user_id, office.li.user_id]


async def test_where_nobody_can_do_it_the_others_are_told_all_the_same(desk, office):
    for login in (office.zhao, office.qian):
        await desk.user(login.user_id, active=False)
    await desk.customer(office.customer_id, birthday=born(TODAY))
    await desk.customer(
        office.other_customer_id, birthday=born(TODAY), salesperson_id=office.li.user_id
    )
    assert await desk.worker_round() == 1
    await desk.user(office.zhao.user_id, active=True)
    assert await desk.worker_round() == 1


async def test_a_delivery_that_nobody_can_follow_up_is_not_lost(desk, office):
    for login in (office.zhao, office.qian):
        await desk.user(login.user_id, active=False)
    number = await desk.order(office.customer_id, delivered_at=desk.clock())
    desk.clock.pass_by(hours=1)
    assert await desk.worker_round() == 0
    desk.clock.pass_by(days=2)
    assert await desk.worker_round() == 0
    await desk.user(office.zhao.user_id, active=True)
    assert await desk.worker_round() == 1
    assert await desk.references() == [f"after_delivery:{number}"]


async def test_a_person_who_may_not_see_the_customer_does_not_get_it(desk, office):
    await desk.rule("birthday", assign_to="user", assignee_id=office.li.user_id)
    async with desk.database.begin() as session:
        await session.execute(update(Role).where(Role.code == "agent").values(scope="own"))
    await desk.customer(
        office.customer_id, birthday=born(TODAY), salesperson_id=office.wang.user_id
    )
    assert await desk.worker_round() == 1
    async with desk.database.begin() as session:
        await session.execute(update(Role).values(scope="all"))
    assert [each.assignee_id for each in await desk.todos()] == [office.zhao.user_id]


async def test_the_title_is_in_the_language_of_who_does_it(desk, office):
    await desk.user(office.li.user_id, locale="en")
    await desk.customer(
        office.customer_id,
        name="{order} & Sons",
        birthday=born(TODAY),
        salesperson_id=office.li.user_id,
    )
    await desk.worker_round()
    await desk.customer(office.customer_id, name="天津一号店")
    (todo,) = await desk.todos()
    assert todo.title == "Birthday of {order} & Sons on 2026-03-02: send our wishes"


async def test_two_daemons_never_double_a_to_do(desk, office):
    await desk.new_customers(60, birthday=born(TODAY))
    made = await asyncio.gather(*(desk.worker_round(batch=7) for _ in range(4)))
    assert sum(made) == 60
    assert len(set(await desk.references())) == 60
    async with desk.database.reading_entities() as session:
        told = await session.scalars(
            select(AuditEntry.entity_id).where(AuditEntry.action == "todo.create")
        )
        assert {str(each.id) for each in await desk.todos()} <= set(told)
    assert await desk.worker_round(batch=7) == 0


@pytest.mark.parametrize("batch", [1, 2, 100])
async def test_batches_of_any_size_leave_nobody_out(desk, office, batch):
    made = await desk.new_customers(5, birthday=born(TODAY))
    assert await desk.worker_round(batch=batch) == 5
    assert [each.customer_id for each in await desk.todos()] == made


async def test_a_rule_that_is_switched_off_makes_nothing(desk, office):
    for code in OCCASIONS:
        await desk.rule(code, active=False)
    await desk.customer(office.customer_id, birthday=born(TODAY))
    assert await desk.worker_round() == 0


async def test_the_worker_survives_a_database_that_is_away(clock):
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none", connect_timeout_s=0.2)
    rounds = 0
    enough = asyncio.Event()

    def counting():
        nonlocal rounds
        rounds += 1
        if rounds > 2:
            enough.set()
        return clock()

    worker = CareWorker(nowhere, clock=counting, every_s=0.001)
    with pytest.raises(DatabaseUnavailable):
        await worker.run_once()
    worker.start()
    await asyncio.wait_for(enough.wait(), 10)
    await worker.close()
    await nowhere.close()


async def test_a_worker_that_is_started_works_and_one_that_is_not_closes(desk, office):
    await desk.customer(office.customer_id, birthday=born(TODAY))
    worker = CareWorker(desk.database, SOURCES, clock=desk.clock, every_s=0.001)
    await worker.close()
    worker.start()
    async with asyncio.timeout(10):
        while not await desk.todos():
            await asyncio.sleep(0.005)
    await worker.close()


async def explained(desk, query) -> str:
    async with desk.database.begin() as session:
        await session.execute(text("ANALYZE customers"))
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        compiled = query.compile(dialect=dialect(), compile_kwargs={"render_postcompile": True})
        connection = (await (await session.connection()).get_raw_connection()).driver_connection
        values = [compiled.params[name] for name in compiled.positiontup]
        rows = await connection.fetch(f"EXPLAIN {compiled}", *values)
        return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("occasion", "index"),
    [
        (Occasion.BIRTHDAY, "ix_customers_birthday_day"),
        (Occasion.ANNIVERSARY, "ix_customers_anniversary_day"),
        (Occasion.CONTACT_BIRTHDAY, "ix_customer_contacts_birthday_day"),
    ],
)
async def test_the_days_are_found_by_an_index(desk, office, occasion, index):
    found = celebrations(occasion, Days(TODAY, TODAY + timedelta(days=3)), SOURCES)
    assert index in await explained(desk, select(found))


async def test_first_orders_are_found_by_an_index_among_many(desk, office):
    async with desk.database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO orders (number, key, fingerprint, customer_id, status, total,"
                " credit_held, placed_at) SELECT i, i, '-', :customer_id, 'settled', 0, 0,"
                " timestamptz '2018-01-01' + i * interval '13 hours' FROM generate_series(1, 5000) i"
            ),
            {"customer_id": office.customer_id},
        )
        await session.execute(text("ANALYZE orders"))
    found = celebrations(Occasion.FIRST_ORDER, Days(TODAY, TODAY + timedelta(days=3)), SOURCES)
    assert "ix_orders_placed_at" in await explained(desk, select(found))


async def test_deliveries_are_found_by_an_index(desk, office):
    query = SOURCES.deliveries.between(Span(desk.clock() - timedelta(days=1), desk.clock()))
    assert "ix_order_status_log_delivered" in await explained(desk, query)
