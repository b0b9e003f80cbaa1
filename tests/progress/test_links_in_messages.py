"""Messages about orders carry the link, and nothing in the database does."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from crm_core.outbox.email import EmailNotifier, MailServer
from crm_core.outbox.store import OutboxStore
from crm_core.outbox.wording import WordBook
from crm_core.outbox.worker import OutboxWorker
from crm_core.rights import SYSTEM
from orders.progress import links
from orders.progress.errors import LinkNotValid
from orders.sales.wording import ORDER_WORDS
from tests.delivery.depot import Depot
from tests.orders.order_shop import LINKS
from tests.orders.provider_servers import MailServer as Mailbox


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with Mailbox() as opened:
        yield opened


async def test_the_link_in_a_letter_opens_the_order_that_it_tells_of(
    depot: Depot, mailbox: Mailbox
):
    shop = depot.shop
    await depot.order(status="placed")
    worker = OutboxWorker(
        OutboxStore(shop.database),
        (
            EmailNotifier(
                MailServer("127.0.0.1", mailbox.port, "orders@shop.example"),
                words=WordBook(ORDER_WORDS, "总机商贸"),
                clock=shop.clock,
            ),
        ),
        shop.bus,
        clock=shop.clock,
        beside=links.beside(LINKS),
    )
    assert await worker.run_once() == 1
    (letter,) = mailbox.box.accepted
    (line,) = [each for each in letter.get_content().splitlines() if "/o/" in each]
    token = line.partition("https://shop.example/o/")[2].strip()
    view = await depot.trade.progress.show(token, "192.0.2.1")
    assert view.number in letter["Subject"]
    assert await shop.scalar("SELECT count(*) FROM outbox WHERE params::text LIKE '%/o/%'") == 0


async def test_a_letter_that_was_queued_before_a_revocation_opens_nothing(depot: Depot):
    order_id = await depot.order(status="placed")
    queued_at = depot.shop.clock()
    depot.shop.clock.pass_by(timedelta(seconds=5))
    await depot.trade.progress.revoke(SYSTEM, order_id)
    said = links.beside(LINKS)("order", order_id, "email", queued_at)
    with pytest.raises(LinkNotValid):
        await depot.trade.progress.show(said["link_token"], "192.0.2.1")
