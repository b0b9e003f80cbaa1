"""A daemon's outbox in a process of its own, to be killed: `python -m tests.orders.outbox_sender URL ENDPOINT CHANNEL`."""

import asyncio
import sys
from datetime import UTC, datetime

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.outbox.outcome import OutboxRules
from crm_core.outbox.ports import Notifier
from crm_core.outbox.store import OutboxStore
from crm_core.outbox.wecom import WeComApp, WeComGroup, WeComPerson
from crm_core.outbox.wording import WordBook
from crm_core.outbox.worker import OutboxWorker
from orders.sales.wording import ORDER_WORDS
from tests.orders.provider_servers import SECRET


def now() -> datetime:
    return datetime.now(UTC)


def notifier(channel: str, endpoint: str) -> Notifier:
    book = WordBook(ORDER_WORDS, "总机商贸")
    if channel == "wecom":
        return WeComPerson(WeComApp("corp", SECRET, 1, endpoint), book, clock=now)
    return WeComGroup(book, endpoint=endpoint)


async def main(url: str, endpoint: str, channel: str) -> None:
    store = OutboxStore(Database(url))
    rules = OutboxRules(look_again_s=0.02)
    ways = (notifier(channel, endpoint),)
    await OutboxWorker(store, ways, Bus(), clock=now, rules=rules).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
