import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.rights import Right
from orders.connections.delivery_store import DeliveryStore
from orders.connections.errors import NotInThisState
from orders.connections.events import WebhookPaused
from orders.connections.outgoing import NoAnswer, Outgoing
from orders.connections.retrying import RetryRules
from orders.connections.webhook_views import ChangedWebhook, NewWebhook
from orders.sales.flow import Status
from tests.connections.desk import LOOPBACK, open_desk
from tests.connections.neighbours import Receiver


@pytest.fixture(scope="module")
async def desk(database, tmp_path_factory):
    opened = await open_desk(database, tmp_path_factory.mktemp("desk"))
    yield opened
    await opened.used.outgoing.close()


@contextlib.asynccontextmanager
async def listening(desk, *kinds: str):
    async with Receiver(now=desk.shop.clock).open() as receiver:
        hook = await desk.webhook(receiver.url, *(kinds or ("order.placed", "order.moved")))
        receiver.key = hook.secret
        yield receiver, hook.webhook.id
        await change(desk, hook.webhook.id, active=False)


async def change(desk, webhook_id: int, **more) -> None:
    (now,) = [each for each in await desk.used.webhooks.all(desk.owner) if each.id == webhook_id]
    values = {"version": now.version, "name": now.name, "url": now.url, "kinds": now.kinds}
    values["active"] = now.active
    await desk.used.webhooks.change(desk.owner, webhook_id, ChangedWebhook(**values | more))


async def placed(desk, *statuses: str):
    sku = await desk.shop.product(on_hand=10)
    order = (await desk.shop.place((sku, 1))).order
    if statuses:
        await desk.shop.move(order.id, *statuses)
    await desk.sequencer.run_once()
    return order


async def round_of(desk, rules: RetryRules | None = None) -> int:
    return await desk.deliverer(rules).run_once()


async def test_an_event_arrives_signed_once_and_as_the_api_shows_it(desk):
    async with listening(desk) as (receiver, hook):
        order = await placed(desk)
        assert await round_of(desk) == 1
        assert await round_of(desk) == 0
        ((kind, told),) = receiver.asked
        assert (kind, told["data"]["number"], told["format"]) == ("order.placed", order.number, 1)
        assert receiver.ids == [told["id"]]
        (delivery,) = await desk.deliveries(hook)
        assert (delivery.state, delivery.status, delivery.attempts) == ("sent", 204, 1)


async def test_the_secret_is_kept_encrypted_and_shown_once(desk):
    hook = await desk.webhook("https://a.example/")
    kept = await desk.shop.scalar("SELECT secret FROM webhooks WHERE id = :id", id=hook.webhook.id)
    assert hook.secret not in kept
    assert not hasattr(hook.webhook, "secret")
    trail = await desk.shop.scalar("SELECT string_agg(after::text, '') FROM audit_log")
    assert hook.secret not in trail


async def test_of_one_order_nothing_is_overtaken_while_another_s_events_go_on(desk):
    async with listening(desk) as (receiver, hook):
        first = await placed(desk, Status.REVIEWED)
        receiver.faults.extend([400])
        await round_of(desk)
        second = await placed(desk)
        await round_of(desk)
        assert [told["data"]["number"] for _, told in receiver.asked] == [second.number]
        desk.later(seconds=11)
        await round_of(desk)
        await round_of(desk)
        mine = [told["type"] for _, told in receiver.asked if told["data"]["id"] == first.id]
        assert mine == ["order.placed", "order.moved"]
        assert {each.state for each in await desk.deliveries(hook)} == {"sent"}


async def test_a_receiver_that_was_down_for_a_day_hears_everything_in_order(desk):
    async with listening(desk) as (receiver, hook):
        order = await placed(desk, Status.REVIEWED, Status.PICKING)
        receiver.faults.extend([503] * 500)
        for _ in range(24 * 2):
            await round_of(desk)
            desk.later(minutes=30)
        assert 20 < 500 - len(receiver.faults) < 50
        receiver.faults.clear()
        assert receiver.asked == []
        for _ in range(5):
            desk.later(hours=1)
            await round_of(desk)
        assert [told["change"]["to_status"] for _, told in receiver.asked] == [
            "placed",
            "reviewed",
            "picking",
        ]
        assert receiver.state[f"order {order.id}"][1]["status"] == "picking"
        (shown,) = [each for each in await desk.used.webhooks.all(desk.owner) if each.id == hook]
        assert (shown.failing_since, shown.paused_reason, shown.waiting) == (None, None, 0)


async def test_a_receiver_that_stays_away_is_paused_with_an_alarm_and_loses_nothing(desk):
    async with listening(desk) as (receiver, hook):
        await placed(desk)
        receiver.faults.extend([500] * 500)
        heard = []
        stop = desk.shop.bus.subscribe(heard.append, WebhookPaused)
        for _ in range(20):
            await round_of(desk)
            desk.later(hours=4)
        stop()
        assert [(each.webhook_id, each.reason) for each in heard] == [(hook, "failing")]
        todo = await desk.shop.scalar(
            "SELECT count(*) FROM todos WHERE source_kind = 'webhook_paused' AND assignee_id = :id",
            id=desk.owner.user_id,
        )
        assert todo == 1
        await placed(desk)
        assert await round_of(desk) == 0
        receiver.faults.clear()
        await desk.used.webhooks.resume(desk.owner, hook)
        await round_of(desk)
        assert len(receiver.asked) == 2


async def test_one_that_says_it_is_gone_is_asked_no_more(desk):
    async with listening(desk) as (receiver, hook):
        await placed(desk)
        receiver.faults.append(410)
        await round_of(desk)
        desk.later(days=1)
        assert await round_of(desk) == 0
        (shown,) = [each for each in await desk.used.webhooks.all(desk.owner) if each.id == hook]
        assert shown.paused_reason == "gone"


async def test_what_the_receiver_asks_for_in_retry_after_is_kept_within_an_hour(desk):
    async with listening(desk) as (receiver, _):
        await placed(desk)
        receiver.faults.append(429)
        receiver.retry_after = "1800"
        await round_of(desk)
        desk.later(minutes=29)
        assert await round_of(desk) == 0
        desk.later(minutes=2)
        assert await round_of(desk) == 1
    assert RetryRules().asked("999999999999") == timedelta(hours=1)
    assert RetryRules().asked("Wed, 21 Oct 2026 07:28:00 GMT") == timedelta(0)


async def test_one_that_failed_for_good_is_seen_and_sent_again_by_a_person(desk):
    async with listening(desk) as (receiver, hook):
        await placed(desk)
        receiver.faults.extend([400, 400])
        for _ in range(3):
            await round_of(desk, RetryRules(attempts=2))
            desk.later(hours=1)
        (failed,) = await desk.deliveries(hook, "failed")
        assert (failed.status, failed.reason) == (400, "answered 400")
        await desk.used.webhooks.send_again(desk.owner, failed.id)
        with pytest.raises(NotInThisState):
            await desk.used.webhooks.send_again(desk.owner, failed.id)
        await round_of(desk)
        assert len(receiver.asked) == 1
        assert (await desk.deliveries(hook))[0].state == "sent"


async def test_killed_between_sending_and_saying_so_it_is_sent_again_with_the_same_id(
    desk, monkeypatch
):
    async with listening(desk) as (receiver, hook):
        await placed(desk)

        async def die(*_):
            raise asyncio.CancelledError

        with monkeypatch.context() as killed:
            killed.setattr(DeliveryStore, "settle", die)
            with pytest.raises(asyncio.CancelledError):
                await round_of(desk)
        assert await round_of(desk) == 0
        desk.later(seconds=61)
        assert await round_of(desk) == 1
        assert len(receiver.ids) == 2
        assert len(set(receiver.ids)) == 1
        assert [each.state for each in await desk.deliveries(hook)] == ["sent"]


@pytest.mark.parametrize("fault", ["slow", "lost"])
async def test_a_lost_answer_is_a_failure_and_comes_again(desk, fault):
    async with listening(desk) as (receiver, hook):
        await placed(desk)
        receiver.faults.append(fault)
        await round_of(desk)
        assert (await desk.deliveries(hook))[0].state == "pending"
        desk.later(seconds=11)
        await round_of(desk)
        assert (await desk.deliveries(hook))[0].state == "sent"


async def test_after_a_rotation_both_secrets_verify_for_a_day(desk):
    async with listening(desk) as (receiver, hook):
        new = await desk.used.webhooks.rotate(desk.owner, hook)
        assert new.secret != receiver.key
        await placed(desk)
        await round_of(desk)
        assert (len(receiver.ids), receiver.refused) == (1, 0)
        desk.later(days=1)
        await placed(desk)
        await round_of(desk)
        assert receiver.refused == 1
        receiver.key = new.secret
        desk.later(minutes=1)
        await round_of(desk)
        assert len(receiver.ids) == 2


async def test_a_ping_tells_nothing_and_its_result_is_only_a_status(desk):
    async with listening(desk) as (receiver, hook):
        ping = await desk.used.webhooks.ping(desk.owner, hook)
        await round_of(desk)
        assert receiver.asked == [("ping", {"id": f"ping_{ping}", "type": "ping"})]
        (delivery,) = await desk.deliveries(hook)
        assert (delivery.state, delivery.status, delivery.reason) == ("sent", 204, None)


async def test_it_is_told_no_more_than_its_owner_may_see_at_that_moment(desk):
    async with listening(desk) as (receiver, hook):
        await placed(desk)
        async with desk.database.begin() as session:
            await session.execute(
                text("UPDATE webhooks SET rights = '{customer.view}' WHERE id = :id"), {"id": hook}
            )
        await round_of(desk)
        assert receiver.asked == []
        assert [each.state for each in await desk.deliveries(hook)] == ["skipped"]


async def test_when_its_owner_leaves_it_is_paused(desk):
    async with listening(desk) as (receiver, hook):
        await placed(desk)
        active = text("UPDATE users SET active = :active WHERE id = :id")
        async with desk.database.begin() as session:
            await session.execute(active, {"active": False, "id": desk.owner.user_id})
        await round_of(desk)
        async with desk.database.begin() as session:
            await session.execute(active, {"active": True, "id": desk.owner.user_id})
        assert receiver.asked == []
        (shown,) = [each for each in await desk.used.webhooks.all(desk.owner) if each.id == hook]
        assert (shown.paused_reason, shown.waiting) == ("owner_gone", 1)


async def test_who_may_not_manage_connections_or_see_the_events_cannot_make_one(desk):
    new = NewWebhook(name="x", url="https://a.example/", kinds=frozenset({"order.placed"}))
    for rights in ({Right.ORDER_VIEW}, {Right.CONNECTION_MANAGE}):
        with pytest.raises(Forbidden):
            await desk.used.webhooks.add(replace(desk.owner, rights=frozenset(rights)), new)


async def test_two_of_one_name_and_an_edit_of_an_older_version_are_refused(desk):
    first = await desk.webhook("https://a.example/")
    new = NewWebhook(
        name=first.webhook.name, url="https://b.example/", kinds=frozenset({"order.placed"})
    )
    with pytest.raises(Conflict):
        await desk.used.webhooks.add(desk.owner, new)
    await change(desk, first.webhook.id, active=False)
    with pytest.raises(Conflict):
        await change(desk, first.webhook.id, version=1)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "https://",
        "https:///x",
        "javascript:alert(1)",
        "https://user:pw@a.example/",
        "https://a.example/#x",
        "https://a.example:99999/",
        "//a.example/",
        "https://[::1",
        "not a url",
    ],
)
async def test_what_is_no_url_is_refused(desk, url):
    with pytest.raises(Invalid):
        await desk.webhook(url)


async def test_redirects_are_not_followed_not_even_to_where_we_may_call(desk):
    class Redirecting(Receiver):
        async def answer(self, request):
            from aiohttp import web

            self.asked.append(("asked", request.path))
            raise web.HTTPFound(f"{self.url}/elsewhere")

    async with Redirecting(now=desk.shop.clock).open() as receiver:
        hook = await desk.webhook(receiver.url, "order.placed")
        await placed(desk)
        await round_of(desk)
        assert receiver.asked == [("asked", "/")]
        assert (await desk.deliveries(hook.webhook.id))[0].status == 302
        await change(desk, hook.webhook.id, active=False)


REFUSED = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://127.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://2130706433:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://0.0.0.0:{port}/",
    "https://127.0.0.1:{port}/",
    "https://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "https://[fd00::1]/",
    "https://[64:ff9b::7f00:1]/",
]


@pytest.mark.parametrize("url", REFUSED)
async def test_an_address_that_is_not_on_the_internet_is_not_connected_to(desk, url):
    async with Receiver(now=desk.shop.clock).open() as receiver:
        outgoing = Outgoing()
        with pytest.raises(NoAnswer) as refused:
            await outgoing.ask("POST", url.format(port=receiver.url.rpartition(":")[2]))
        await outgoing.close()
        assert refused.value.refused
        assert receiver.asked == []


async def test_a_name_that_leads_elsewhere_at_the_second_look_is_checked_where_it_is_connected(
    desk, monkeypatch
):
    """DNS rebinding: what a name led to when the webhook was entered counts for nothing."""
    looked_up = []

    async def rebound(_loop, host, port, **_):
        import socket

        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async with Receiver(now=desk.shop.clock).open() as receiver:
        port = receiver.url.rpartition(":")[2]
        monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", rebound, raising=False)
        for scheme in ("http", "https"):
            outgoing = Outgoing()
            with pytest.raises(NoAnswer) as refused:
                await outgoing.ask("POST", f"{scheme}://public.example:{port}/")
            await outgoing.close()
            assert refused.value.refused
        allowing = Outgoing(LOOPBACK)
        assert (await allowing.ask("POST", f"http://public.example:{port}/")).status == 400
        await allowing.close()
        assert looked_up


def test_the_waits_grow_to_an_hour_and_reach_over_more_than_a_day():
    rules = RetryRules()
    waits = [rules.wait(attempt) for attempt in range(1, rules.attempts)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=10)
    assert waits[-1] == timedelta(hours=1)
    assert sum(waits, timedelta(0)) > timedelta(hours=30)


@pytest.mark.parametrize("days", [1, -1])
async def test_a_clock_that_is_set_by_a_day_loses_and_delays_no_event(desk, days):
    clock = desk.shop.clock
    async with listening(desk) as (receiver, _):
        receiver.now = clock.truth
        first = await placed(desk, Status.REVIEWED)
        receiver.faults.append(503)
        await round_of(desk)
        clock.set_by(timedelta(days=days))
        second = await placed(desk)
        await round_of(desk)
        assert (receiver.ids, receiver.refused > 0) == ([], True)
        clock.set_by(clock.truth() - clock())
        for _ in range(4):
            desk.later(hours=1)
            await round_of(desk)
        told = [(told["type"], told["data"]["id"]) for _, told in receiver.asked]
        assert sorted(told) == sorted(
            [("order.placed", first.id), ("order.moved", first.id), ("order.placed", second.id)]
        )
        assert len(receiver.ids) == len(set(receiver.ids))


async def test_a_receiver_is_asked_at_once_when_the_clock_was_set_back(desk):
    async with listening(desk) as (receiver, _):
        await placed(desk)
        receiver.faults.append(503)
        await round_of(desk)
        desk.shop.clock.set_by(timedelta(days=-1))
        assert await round_of(desk) == 1
        assert await round_of(desk) == 0
        assert len(receiver.ids) == 1
        desk.shop.clock.set_by(timedelta(days=1))


async def test_a_delivery_that_a_dead_daemon_held_is_taken_after_its_lease_when_the_clock_was_set_back(
    desk,
):
    rules = RetryRules()
    async with listening(desk) as (receiver, _):
        await placed(desk)
        await DeliveryStore(desk.database).claim(desk.shop.clock(), rules, 10)
        desk.shop.clock.set_by(timedelta(days=-1))
        assert await round_of(desk) == 0
        desk.later(seconds=rules.lease.total_seconds() + 1)
        assert await round_of(desk) == 1
        assert len(receiver.ids) == 1
        desk.shop.clock.set_by(timedelta(days=1))
