import asyncio
import itertools
import random
from datetime import timedelta
from decimal import Decimal

import pytest

from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.errors import Conflict
from crm_core.rights import SYSTEM
from orders.connections import entering
from orders.connections.connection_views import NewCode
from orders.connections.connectors.qimen import mapping
from orders.connections.errors import NotInThisState, SignatureRefused, UnknownConnection
from orders.connections.papers import OutsideOrder
from orders.connections.ports import Signed
from orders.errors import EditNotAllowed
from orders.sales.commands import SplitOrder
from orders.sales.flow import Status
from orders.sales.views import OrderView
from tests.connections.desk import SHOP, open_desk, paper
from tests.connections.neighbours import QimenRouter, signed_query
from tests.crm_core.crm_office import required_field

CREATE, CANCEL = "taobao.qimen.deliveryorder.create", "taobao.qimen.order.cancel"


@pytest.fixture(scope="module")
async def desk(database, tmp_path_factory):
    opened = await open_desk(database, tmp_path_factory.mktemp("desk"))
    yield opened
    await opened.used.outgoing.close()


@pytest.fixture(scope="module")
async def shop(desk):
    return await desk.connection("qimen", SHOP)


async def sent(desk, shop: int, order: OutsideOrder, *, later_s: int = 0) -> bytes:
    at = desk.shop.clock() + timedelta(seconds=later_s)
    method = CANCEL if order.cancelled else CREATE
    return await desk.comes(shop, method, mapping.write(order), at=at)


async def test_an_outside_order_enters_as_ours(desk, shop):
    sku = await desk.shop.product(on_hand=10, price="12.50", barcode="6900000000017")
    order = paper("TB1", 1, ("6900000000017", 2), address="友谊路5号", note="快", total="25.00")
    assert b"success" in await sent(desk, shop, order)
    await desk.work()
    (took,) = await desk.papers(shop, q="TB1")
    assert (took.state, took.code, took.flags) == ("done", "placed", ())
    view = await desk.shop.service.get(SYSTEM, took.order_id)
    assert (view.status, view.total, view.address) == ("placed", Decimal("25.00"), "友谊路5号")
    assert view.note == "旗舰店 TB1 快"
    assert [(line.sku, line.quantity) for line in view.lines] == [(sku, 2)]
    assert view.customer_name == "王五"
    assert await desk.shop.balance(sku) == (10, 2)
    assert [each.id for each in await desk.papers(shop, q=view.number)] == [took.id]


async def test_a_buyer_of_whom_the_business_asks_more_waits_for_a_person(desk, shop):
    sku = await desk.shop.product(on_hand=10)
    new = {"phone": "13700137044", "buyer_code": "n44"}
    async with required_field(desk.shop.database) as code:
        await sent(desk, shop, paper("TB44", 1, (sku, 1), **new))
        await desk.work()
        (took,) = await desk.papers(shop, q="TB44")
        assert (took.state, took.code) == ("refused", "buyer_not_entered")
        assert f"custom.{code}: this field must be filled in" in took.reason
        made = NewCustomer(
            name="补录",
            phones=("13700137044",),
            level_code="retail",
            price_policy_code="plain",
            credit_limit=Decimal(1000),
            custom={code: "冀A1"},
        )
        known = await CustomerService(desk.shop.database).create(SYSTEM, made)
        await desk.used.papers.retry(desk.owner, took.id)
        await desk.work()
        (took,) = await desk.papers(shop, q="TB44")
        assert took.state == "done"
        order = await desk.shop.service.get(SYSTEM, took.order_id)
        assert order.customer_id == known.id


async def test_a_buyer_is_known_again_by_code_and_by_number(desk, shop):
    sku = await desk.shop.product(on_hand=10)
    await sent(desk, shop, paper("TB2", 1, (sku, 1), buyer_code="n2", phone="13700137002"))
    await sent(desk, shop, paper("TB3", 1, (sku, 1), buyer_code="n2", phone=None))
    await sent(desk, shop, paper("TB4", 1, (sku, 1), buyer_code="other", phone="137-0013-7002"))
    await desk.work()
    owners = [
        (
            await desk.shop.service.get(SYSTEM, (await desk.papers(shop, q=number))[0].order_id)
        ).customer_id
        for number in ("TB2", "TB3", "TB4")
    ]
    assert len(set(owners)) == 1


async def test_the_shop_s_price_is_agreed_and_named_in_every_line(desk):
    shop = await desk.connection("qimen", SHOP | {"prices": "shop"})
    sku = await desk.shop.product(on_hand=10, price="12.50")
    order = OutsideOrder(
        number="TB10",
        version=1,
        lines=[{"code": sku, "quantity": 3, "price": "9.90"}],
        phone="13700137010",
        total="29.70",
        paid=True,
    )
    await sent(desk, shop, order)
    await desk.work()
    (took,) = await desk.papers(shop)
    view = await desk.shop.service.get(SYSTEM, took.order_id)
    assert (view.total, view.lines[0].unit_price) == (Decimal("29.70"), Decimal("9.90"))
    assert "quoted" in [why.code for why in view.lines[0].why]


@pytest.mark.parametrize(("tolerance", "state"), [("0", "refused"), ("1.00", "done")])
async def test_a_total_that_differs_is_flagged_or_waits_for_a_person(desk, tolerance, state):
    shop = await desk.connection("qimen", SHOP | {"tolerance": tolerance})
    sku = await desk.shop.product(on_hand=10, price="10.00")
    await sent(desk, shop, paper(f"TB20{state}", 1, (sku, 1), total="9.50"))
    await desk.work()
    (took,) = await desk.papers(shop)
    assert took.state == state
    if state == "done":
        assert took.flags == ({"code": "price_differs", "theirs": "9.50", "ours": "10.00"},)
    else:
        assert (took.code, await desk.shop.balance(sku)) == ("price_differs", (10, 0))


async def test_what_cannot_be_mapped_waits_with_its_reason_is_mended_and_tried_again(desk, shop):
    sku = await desk.shop.product(on_hand=10)
    await sent(desk, shop, paper("TB30", 1, (sku, 1), ("THEIR-1", 1), ("THEIR-2", 1)))
    await desk.work()
    (took,) = await desk.papers(shop, q="TB30")
    assert (took.state, took.code) == ("refused", "unknown_product")
    assert "THEIR-1, THEIR-2" in took.reason
    assert await desk.shop.balance(sku) == (10, 0)
    for code in ("THEIR-1", "THEIR-2"):
        await desk.used.connections.set_code(desk.owner, shop, NewCode(theirs=code, sku=sku))
    await desk.used.papers.retry(desk.owner, took.id)
    await desk.work()
    (mended,) = await desk.papers(shop, q="TB30")
    assert (mended.id, mended.state) == (took.id, "done")
    assert await desk.shop.balance(sku) == (10, 3)
    with pytest.raises(NotInThisState):
        await desk.used.papers.retry(desk.owner, took.id)


async def test_a_code_may_mean_a_pack(desk, shop):
    from crm_core.rights import SYSTEM
    from orders.catalogue.commands import NewProduct

    sku = "PACKED-1"
    pack = {"unit": "箱", "factor": 12}
    await desk.shop.trade.catalogue.add(
        SYSTEM,
        NewProduct(
            sku=sku, name_zh="酒", name_en="Wine", unit="瓶", list_price=Decimal(10), packs=[pack]
        ),
    )
    await desk.shop.receive(sku, 100)
    code = NewCode(theirs="BOX", sku=sku, unit="箱")
    await desk.used.connections.set_code(desk.owner, shop, code)
    await sent(desk, shop, paper("TB40", 1, ("BOX", 2)))
    await desk.work()
    assert await desk.shop.balance(sku) == (100, 24)


async def test_too_little_stock_is_a_refusal_that_can_be_tried_again(desk, shop):
    sku = await desk.shop.product(on_hand=1)
    await sent(desk, shop, paper("TB50", 1, (sku, 2)))
    await desk.work()
    (took,) = await desk.papers(shop, q="TB50")
    assert (took.state, took.code) == ("refused", "out_of_stock")
    await desk.shop.receive(sku, 5)
    await desk.used.papers.retry(desk.owner, took.id)
    await desk.work()
    assert await desk.shop.balance(sku) == (6, 2)


async def test_the_same_request_again_is_answered_and_does_nothing(desk, shop):
    sku = await desk.shop.product(on_hand=10)
    order = paper("TB60", 1, (sku, 1))
    for _ in range(3):
        assert b"success" in await sent(desk, shop, order)
        await desk.work()
    desk.later(seconds=5)
    await sent(desk, shop, order)
    await desk.work()
    assert await desk.orders_of("TB60") == [("placed", 1)]
    states = [each.code for each in await desk.papers(shop, q="TB60")]
    assert states == ["placed", "nothing_new"]


async def test_a_cancellation_is_the_end_also_when_it_comes_first(desk, shop):
    sku = await desk.shop.product(on_hand=10)
    await sent(desk, shop, paper("TB70", 1, (sku, 1)))
    await desk.work()
    await sent(desk, shop, OutsideOrder(number="TB70", version=1, lines=(), cancelled=True))
    await desk.work()
    await sent(desk, shop, OutsideOrder(number="TB71", version=1, lines=(), cancelled=True))
    await desk.work()
    await sent(desk, shop, paper("TB71", 1, (sku, 1)), later_s=60)
    await desk.work()
    assert await desk.orders_of("TB70") == [("cancelled", 1)]
    assert await desk.orders_of("TB71") == []
    assert await desk.shop.balance(sku) == (10, 0)


async def test_a_change_that_comes_when_goods_are_on_their_way_is_for_a_person(desk, shop):
    sku = await desk.shop.product(on_hand=10)
    await sent(desk, shop, paper("TB80", 1, (sku, 1)))
    await desk.work()
    (took,) = await desk.papers(shop, q="TB80")
    await desk.shop.move(took.order_id, Status.REVIEWED, Status.PICKING, Status.SHIPPED)
    await sent(desk, shop, paper("TB80", 1, (sku, 5)), later_s=10)
    await sent(
        desk, shop, OutsideOrder(number="TB80", version=1, lines=(), cancelled=True), later_s=20
    )
    await desk.work()
    assert [each.code for each in await desk.papers(shop, q="TB80")] == [
        "placed",
        "under_way",
        "under_way",
    ]
    (_, change, _) = await desk.papers(shop, q="TB80")
    assert (await desk.used.papers.drop(desk.owner, change.id)).state == "ignored"


async def split_off(desk, order_id: int, *, backorder: bool = False):
    order = await desk.shop.service.get(SYSTEM, order_id)
    lines = [{"line_no": 1, "quantity": 1}]
    wanted = {"version": order.version, "lines": lines, "backorder": backorder}
    return await desk.shop.trade.changes.split(SYSTEM, order_id, SplitOrder.model_validate(wanted))


def cancellation(number: str) -> OutsideOrder:
    return OutsideOrder(number=number, version=1, lines=(), cancelled=True)


@pytest.mark.parametrize("backorder", [False, True])
async def test_what_was_split_off_ends_with_its_order(desk, shop, backorder):
    sku = await desk.shop.product(on_hand=10)
    number = f"TB81{int(backorder)}"
    await sent(desk, shop, paper(number, 1, (sku, 3)))
    await desk.work()
    (took,) = await desk.papers(shop, q=number)
    part = await split_off(desk, took.order_id, backorder=backorder)
    await sent(desk, shop, paper(number, 1, (sku, 4)), later_s=10)
    await desk.work()
    assert await desk.orders_of(number) == [("cancelled", 2), ("cancelled", 1), ("placed", 4)]
    (*_, newer) = await desk.papers(shop, q=number)
    await desk.shop.move(newer.order_id, Status.REVIEWED, Status.PICKING)
    second = await split_off(desk, newer.order_id, backorder=backorder)
    for _ in range(2):
        await sent(desk, shop, cancellation(number), later_s=20)
        await desk.work()
    ends = [await desk.shop.service.get(SYSTEM, each) for each in (part.id, second.id)]
    assert {each.status for each in ends} == {"cancelled"}
    assert await desk.shop.balance(sku) == (10, 0)
    await desk.shop.assert_ledger_adds_up()


async def test_a_part_that_is_on_its_way_leaves_the_whole_for_a_person(desk, shop):
    sku = await desk.shop.product(on_hand=10)
    await sent(desk, shop, paper("TB83", 1, (sku, 3)))
    await desk.work()
    (took,) = await desk.papers(shop, q="TB83")
    part = await split_off(desk, took.order_id)
    await desk.shop.move(part.id, Status.REVIEWED, Status.PICKING, Status.SHIPPED)
    await sent(desk, shop, paper("TB83", 1, (sku, 5)), later_s=10)
    await sent(desk, shop, cancellation("TB83"), later_s=20)
    await desk.work()
    codes = [each.code for each in await desk.papers(shop, q="TB83")]
    assert codes == ["placed", "under_way", "under_way"]
    assert await desk.orders_of("TB83") == [("placed", 2), ("shipped", 1)]


async def test_who_splits_a_part_while_it_is_cancelled_waits_and_one_of_them_is_done(desk, shop):
    sku = await desk.shop.product(on_hand=100)
    numbers = [f"TB84{each}" for each in range(6)]
    parts = []
    for number in numbers:
        await sent(desk, shop, paper(number, 1, (sku, 6)))
        await desk.work()
        (took,) = await desk.papers(shop, q=number)
        order = await desk.shop.service.get(SYSTEM, took.order_id)
        wanted = {"version": order.version, "lines": [{"line_no": 1, "quantity": 3}]}
        split = SplitOrder.model_validate(wanted)
        parts.append(await desk.shop.trade.changes.split(SYSTEM, order.id, split))
        await sent(desk, shop, cancellation(number), later_s=10)
    answers = await asyncio.gather(
        *(split_off(desk, part.id) for part in parts), desk.work(), return_exceptions=True
    )
    await desk.work()
    assert {type(each) for each in answers} <= {OrderView, EditNotAllowed, type(None)}
    for number in numbers:
        assert {status for status, _ in await desk.orders_of(number)} == {"cancelled"}
    assert await desk.shop.balance(sku) == (100, 0)


def stream(sku: str, number: str, *, cancelled: bool) -> list[tuple[OutsideOrder, int]]:
    """Papers about one order, with the seconds after which each was made."""
    made = [(paper(number, 1, (sku, quantity)), quantity * 10) for quantity in (1, 2, 3)]
    made.append((paper(number, 1, (sku, 3), paid=True), 40))
    if cancelled:
        made.append((OutsideOrder(number=number, version=1, lines=(), cancelled=True), 50))
    return made


async def split_what_can_be(desk, shop: int, number: str) -> None:
    """The newest of its orders loses a part."""
    orders = [each.order_id for each in await desk.papers(shop, q=number) if each.order_id]
    if not orders:
        return
    order = await desk.shop.service.get(SYSTEM, max(orders))
    if order.status == "placed" and order.lines[0].quantity > 1:
        await split_off(desk, order.id)


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("cancelled", [False, True])
async def test_every_order_of_the_papers_with_doubles_leads_to_the_same_state(
    desk, shop, cancelled, split
):
    sku = await desk.shop.product(on_hand=10_000)
    chance, ends = random.Random(7), set()
    ways = list(itertools.permutations(range(4 + cancelled)))
    for place, way in enumerate(chance.sample(ways, 12)):
        number = f"ST{int(cancelled)}{int(split)}-{place:03d}"
        papers = stream(sku, number, cancelled=cancelled)
        doubled = [*way, *chance.choices(way, k=3)]
        for each in doubled:
            await sent(desk, shop, papers[each][0], later_s=papers[each][1])
            if chance.random() < 0.7:
                await desk.work()
                if split:
                    await split_what_can_be(desk, shop, number)
        await desk.work()
        live = [each for each in await desk.orders_of(number) if each[0] != "cancelled"]
        ends.add(sum(quantity for _, quantity in live))
    assert ends == ({0} if cancelled else {3})
    await desk.shop.assert_ledger_adds_up()


async def test_killed_between_the_order_and_the_commit_nothing_is_left_and_it_enters_once(
    desk, shop, monkeypatch
):
    sku = await desk.shop.product(on_hand=10)
    await sent(desk, shop, paper("TB90", 1, (sku, 1)))

    real = entering.Entering.enter

    async def die(*given):
        await real(*given)
        raise asyncio.CancelledError

    with monkeypatch.context() as killed:
        killed.setattr(entering.Entering, "enter", die)
        with pytest.raises(asyncio.CancelledError):
            await desk.worker().run_once()
    assert await desk.shop.balance(sku) == (10, 0)
    desk.later(seconds=61)
    await desk.work()
    assert await desk.orders_of("TB90") == [("placed", 1)]


async def test_two_workers_at_once_enter_each_order_once(desk, shop):
    sku = await desk.shop.product(on_hand=100)
    for number in range(10):
        await sent(desk, shop, paper(f"TW{number}", 1, (sku, 1)))
    workers = [desk.worker() for _ in range(4)]
    for _ in range(5):
        await asyncio.gather(*(each.run_once() for each in workers))
    assert await desk.shop.balance(sku) == (100, 10)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sign": "0" * 32},
        {"sign": ""},
        {"app_key": "other"},
        {"method": "order.cancel"},
        {"customerId": "other"},
    ],
)
async def test_a_request_whose_signature_is_not_right_leaves_nothing(desk, shop, wrong):
    body = mapping.write(paper("TBX", 1, ("A", 1)))
    given = signed_query(CREATE, body, desk.shop.clock()) | wrong
    with pytest.raises(SignatureRefused):
        await desk.used.receiver.receive(await desk.code_of(shop), Signed(given, body))
    assert await desk.papers(shop, q="TBX") == ()


@pytest.mark.parametrize("skew", [-3600, -601, 601, 3600])
async def test_a_signed_request_of_another_time_is_refused(desk, shop, skew):
    with pytest.raises(SignatureRefused):
        await sent(desk, shop, paper("TBY", 1, ("A", 1)), later_s=skew)


async def test_what_is_no_paper_is_answered_with_a_failure_and_not_kept(desk, shop):
    reply = await desk.comes(shop, CREATE, b"<request/>")
    assert b"failure" in reply
    assert b"success" in await sent(desk, shop, paper("TBZ", 1, ("A", 1)))


async def test_a_connection_that_takes_no_papers_is_not_there(desk):
    settings = {
        "url": "https://erp.example/k3cloud",
        "database": "d",
        "username": "u",
        "organisation": "1",
    }
    erp = await desk.connection("kingdee", settings, {"app_id": "a", "app_secret": "b"})
    with pytest.raises(UnknownConnection):
        await sent(desk, erp, paper("TB1", 1, ("A", 1)))
    with pytest.raises(UnknownConnection):
        await desk.used.receiver.receive("nothing", Signed({}, b""))


async def test_what_left_our_house_is_confirmed_to_the_shop_once(desk):
    async with QimenRouter().open() as router:
        shop = await desk.connection("qimen", SHOP | {"url": router.url}, None, "shipped")
        sku = await desk.shop.product(on_hand=10)
        await sent(desk, shop, paper("TB99", 1, (sku, 1)))
        await desk.work()
        (took,) = await desk.papers(shop)
        router.faults.extend([503, "lost"])
        router.answers.append(("failure", "isp.service-error", "稍后"))
        await desk.shop.move(took.order_id, Status.REVIEWED, Status.PICKING, Status.SHIPPED)
        for _ in range(6):
            await desk.work()
            desk.later(hours=1)
        assert list(router.confirmed.values()) == ["TB99"]
        assert [(each.direction, each.state) for each in await desk.papers(shop)] == [
            ("in", "done"),
            ("out", "done"),
        ]


async def test_an_edit_of_an_older_version_is_refused(desk, shop):
    from orders.connections.connection_views import ChangedConnection

    change = ChangedConnection(version=99, name="x", settings=SHOP)
    with pytest.raises(Conflict):
        await desk.used.connections.change(desk.owner, shop, change)


async def test_after_postgresql_was_restarted_papers_and_events_go_on_where_they_were(
    tmp_path_factory,
):
    from crm_core.db import Base, Database
    from crm_core.errors import DatabaseUnavailable
    from tests.ports import free_port
    from zongji.platform.postgres import EmbeddedPostgres

    folder = tmp_path_factory.mktemp("pg-own")
    folder.chmod(0o755)
    server = EmbeddedPostgres.prepare(folder / "server", port=free_port())
    settings = {"fsync": "off"}
    server.start(settings=settings)
    database = Database(server.url())
    async with database.begin() as session:
        await session.run_sync(lambda each: Base.metadata.create_all(each.connection()))
    desk = await open_desk(database, folder)
    shop = await desk.connection("qimen", SHOP)
    sku = await desk.shop.product(on_hand=10)
    await sent(desk, shop, paper("PG1", 1, (sku, 1)))
    await asyncio.to_thread(server.stop, mode="immediate")
    for worker in (desk.worker(), desk.sequencer, desk.deliverer()):
        with pytest.raises(DatabaseUnavailable):
            await worker.run_once()
    with pytest.raises(DatabaseUnavailable):
        await sent(desk, shop, paper("PG2", 1, (sku, 1)))
    await asyncio.to_thread(server.start, settings=settings)
    await sent(desk, shop, paper("PG2", 1, (sku, 1)))
    await desk.work()
    assert await desk.orders_of("PG1") == [("placed", 1)]
    assert await desk.orders_of("PG2") == [("placed", 1)]
    assert await desk.shop.scalar("SELECT count(*) FROM integration_queue") == 0
    told = "SELECT count(*) FROM integration_events WHERE kind = 'order.placed'"
    assert await desk.shop.scalar(told) == 2
    await database.close()
    await desk.used.outgoing.close()
    await asyncio.to_thread(server.stop)
