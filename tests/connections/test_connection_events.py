import contextlib
import itertools
import random

import pytest
from sqlalchemy import text

from crm_core.errors import Forbidden
from crm_core.rights import SYSTEM, Right
from orders.connections import triggers
from orders.connections.feed import EventFeed, EventQuery, envelope
from orders.connections.purging import ConnectionPurge
from orders.sales.flow import Status
from tests.connections.desk import open_desk
from tests.connections.neighbours import Receiver
from tests.databases import database_at


@pytest.fixture(scope="module")
async def desk(database, tmp_path_factory):
    opened = await open_desk(database, tmp_path_factory.mktemp("desk"))
    yield opened
    await opened.used.outgoing.close()


@pytest.fixture
def feed(desk):
    return EventFeed(desk.database, desk.describe)


async def number(desk) -> None:
    while await desk.sequencer.run_once():
        pass


async def last(desk) -> int:
    await number(desk)
    return await desk.shop.scalar("SELECT coalesce(max(id), 0) FROM integration_events")


async def test_an_order_placed_and_moved_is_told_in_its_order_with_its_predecessor(desk, feed):
    start, sku = await last(desk), await desk.shop.product(on_hand=10)
    order = (await desk.shop.place((sku, 2))).order
    await desk.shop.move(order.id, Status.REVIEWED, Status.PICKING)
    await number(desk)
    page = await feed.after(desk.owner, EventQuery(after=start))
    told = [each for each in page.items if each.event.subject == "order"]
    assert [(each.event.kind, each.event.to_status) for each in told] == [
        ("order.placed", "placed"),
        ("order.moved", "reviewed"),
        ("order.moved", "picking"),
    ]
    assert [each.event.previous for each in told] == [None, told[0].event.id, told[1].event.id]
    assert {each.data["status"] for each in told} == {"picking"}
    assert told[0].data["number"] == order.number
    assert page.last == max(each.event.id for each in page.items)
    assert (await feed.after(desk.owner, EventQuery(after=page.last))).items == ()


async def test_stock_that_changed_often_is_told_once_with_its_balance(desk, feed):
    sku = await desk.shop.product(on_hand=10)
    start = await last(desk)
    for _ in range(3):
        await desk.shop.receive(sku, 5)
    await number(desk)
    (told,) = (await feed.after(desk.owner, EventQuery(after=start))).items
    assert (told.event.kind, told.data) == (
        "stock.changed",
        {"sku": sku, "on_hand": 25, "reserved": 0, "available": 25},
    )


async def test_a_change_that_was_rolled_back_is_never_told(desk):
    start = await last(desk)
    with contextlib.suppress(ZeroDivisionError):
        async with desk.database.begin() as session:
            await session.execute(
                text("UPDATE customers SET version = version + 1 WHERE id = :id"),
                {"id": desk.shop.dealer},
            )
            raise ZeroDivisionError
    assert await last(desk) == start


async def test_a_change_that_commits_late_gets_a_number_after_those_before_it(desk):
    """Numbers are given by the sequencer, so nobody who has read up to one misses what comes later."""
    start = await last(desk)
    async with desk.database.begin() as slow:
        statement = text("UPDATE customers SET version = version + 1 WHERE id = :id")
        await slow.execute(statement, {"id": desk.shop.dealer})
        async with desk.database.begin() as quick:
            await quick.execute(statement, {"id": desk.shop.plain})
        seen = await last(desk)
        assert seen > start
    assert await last(desk) > seen


async def test_credit_taken_by_orders_is_no_change_of_the_customer(desk, feed):
    sku = await desk.shop.product(on_hand=10)
    start = await last(desk)
    await desk.shop.place((sku, 1))
    await number(desk)
    kinds = {
        each.event.kind for each in (await feed.after(desk.owner, EventQuery(after=start))).items
    }
    assert kinds == {"order.placed", "stock.changed"}


async def test_whoever_lacks_a_right_is_not_told_and_without_any_is_refused(desk, feed):
    from dataclasses import replace

    sku = await desk.shop.product(on_hand=10)
    start = await last(desk)
    await desk.shop.place((sku, 1))
    await number(desk)
    sees_customers = replace(desk.owner, rights=frozenset({Right.CUSTOMER_VIEW}))
    assert (await feed.after(sees_customers, EventQuery(after=start))).items == ()
    with pytest.raises(Forbidden):
        await feed.after(replace(desk.owner, rights=frozenset()), EventQuery())


async def test_hidden_fields_are_not_told(desk, feed):
    from dataclasses import replace

    from crm_core.customers.fields import NewCustomer
    from crm_core.customers.service import enter
    from crm_core.rights import Access

    start = await last(desk)
    async with desk.database.begin() as session:
        await enter(
            session,
            SYSTEM,
            NewCustomer(
                name="隐形", level_code="retail", price_policy_code="plain", note="not for all"
            ),
        )
    await number(desk)
    blind = replace(desk.owner, fields={"customer.note": Access.HIDDEN})
    (seen,) = (await feed.after(desk.owner, EventQuery(after=start))).items
    (unseen,) = (await feed.after(blind, EventQuery(after=start))).items
    assert (seen.data["note"], unseen.data["note"]) == ("not for all", None)


@pytest.mark.parametrize("seed", range(20))
async def test_any_order_and_repetition_of_the_stream_leads_to_the_same_state(desk, feed, seed):
    page = await feed.after(desk.owner, EventQuery(limit=100))
    stream = [envelope(each.event, each.data) for each in page.items]
    assert len(stream) > 5
    chance = random.Random(seed)
    shuffled = [*stream, *chance.choices(stream, k=len(stream))]
    chance.shuffle(shuffled)
    straight, crooked = Receiver(), Receiver()
    for told in stream:
        straight.take(told)
    for told in shuffled:
        crooked.take(told)
    assert straight.state == crooked.state


async def test_old_events_go_and_those_that_wait_stay(desk):
    hook = await desk.webhook("https://nobody.example/", "stock.changed")
    sku = await desk.shop.product(on_hand=1)
    await number(desk)
    desk.later(days=500)
    purge = ConnectionPurge(desk.database, clock=desk.shop.clock)
    await purge.run_once()
    left = await desk.shop.scalar("SELECT count(*) FROM integration_events")
    waiting = await desk.deliveries(hook.webhook.id)
    assert left == len({each.event_id for each in waiting}) == 1
    assert waiting[0].subject_key == sku


async def test_the_migration_makes_the_triggers_of_the_code(pg_server, desk):
    import importlib
    import secrets

    from crm_core import schema

    importlib.import_module("orders.tables")
    name = f"triggers_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    await schema.upgrade(pg_server.url(name))
    migrated = database_at(pg_server.url(name))
    wanted = text("""
        SELECT t.tgname, pg_get_triggerdef(t.oid), pg_get_functiondef(t.tgfoid) FROM pg_trigger t
        WHERE t.tgname LIKE 'integration_%' ORDER BY t.tgname""")
    found = []
    for each in (migrated, desk.database):
        async with each.reading() as connection:
            found.append([tuple(row) for row in await connection.execute(wanted)])
    await migrated.close()
    assert found[0] == found[1]
    assert len(found[0]) == sum("CREATE OR REPLACE TRIGGER" in each for each in triggers.ALL)
    assert list(itertools.chain(*found))
