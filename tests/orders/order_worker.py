"""Orders done in a process that is killed: `python -m tests.orders.order_worker`.

It reads jobs from standard input, a line of JSON each, and does each in a process forked for it, so that the
imports are paid for once. The word `armed` in a query tells whoever listens on the wire that the job begins.
"""

import asyncio
import json
import os
import sys
from datetime import datetime
from typing import Any

from sqlalchemy import text

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.lines import OrderLine
from orders.sales.commands import EditOrder, PlaceOrder, SplitOrder
from orders.services import Trade
from zongji.logs import configure_logging


async def run(job: dict[str, Any]) -> None:
    database = Database(job["url"], pool_size=1)
    now = datetime.fromisoformat(job["now"])
    trade = Trade.of(database, Bus(), clock=lambda: now, channels=("email", "sms"))
    async with database.reading() as connection:
        await connection.execute(text("SELECT 'armed'"))
    match job["do"]:
        case "place":
            lines = tuple(OrderLine(sku, quantity) for sku, quantity in job["lines"])
            command = PlaceOrder(job["key"], job["customer"], lines, backorder=job["backorder"])
            await trade.orders.place(SYSTEM, command)
        case "edit":
            await trade.changes.edit(SYSTEM, job["order"], EditOrder.model_validate(job["content"]))
        case "split":
            await trade.changes.split(
                SYSTEM, job["order"], SplitOrder.model_validate(job["content"])
            )
        case "move":
            await trade.orders.move(job["order"], job["to"], SYSTEM)


def main() -> None:
    configure_logging(quiet=True)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            asyncio.run(run(json.loads(line)))
            os._exit(0)
        print(pid, flush=True)  # noqa: T201
        _, status = os.waitpid(pid, 0)
        print("killed" if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
