"""What the victims of `tests/victims.py` do: `python -m tests.victim URL`.

It reads jobs from standard input, a line of JSON each. Those of step 0 it does itself; each other in a process forked
for it, which so has everything warm: imports, mappings, statements. The word `armed` in a query tells whoever listens
on the wire that the job begins.
"""

import asyncio
import gc
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.delivery.commands import MakeWaybills, Reports, WaybillIds
from orders.delivery.run_commands import MoveRun, SettleRun
from orders.lines import OrderLine
from orders.payments.commands import StartPayment, StartRefund
from orders.payments.gateway import GatewayService
from orders.payments.sandbox.keys import SandboxKeys
from orders.payments.wechat.client import WechatGateway
from orders.sales.commands import EditOrder, PlaceOrder, SplitOrder
from orders.services import Trade
from orders.settlement.commands import (
    ChangeSettlement,
    NewSettlement,
    NewSettlementPayment,
    ResolveDifference,
)
from orders.settlement.finishing import Finisher
from tests.payments.till import account
from zongji.logs import configure_logging

_ARMED = text("SELECT 'armed', set_config('application_name', 'victim', false)")


async def run(job: dict[str, Any], database: Database) -> None:
    """The database is left without connections."""
    now = datetime.fromisoformat(job["now"])
    trade = Trade.of(database, Bus(), clock=lambda: now, channels=("email", "sms"))
    async with database.reading() as connection:
        await connection.execute(_ARMED)
    content = job.get("content")
    match job["do"]:
        case "place":
            lines = tuple(OrderLine(sku, quantity) for sku, quantity in job["lines"])
            command = PlaceOrder(job["key"], job["customer"], lines, backorder=job["backorder"])
            await trade.orders.place(SYSTEM, command)
        case "edit":
            await trade.changes.edit(SYSTEM, job["order"], EditOrder.model_validate(content))
        case "split":
            await trade.changes.split(SYSTEM, job["order"], SplitOrder.model_validate(content))
        case "move":
            await trade.orders.move(job["order"], job["to"], SYSTEM)
        case "make":
            await trade.waybills.make(SYSTEM, MakeWaybills.model_validate(content))
        case "hand_over":
            await trade.waybills.hand_over(SYSTEM, WaybillIds.model_validate(content))
        case "hear":
            await trade.waybills.report(SYSTEM, Reports.model_validate(content))
        case "depart":
            await trade.runs.depart(SYSTEM, job["run"], MoveRun.model_validate(content))
        case "come_back":
            await trade.runs.settle(SYSTEM, job["run"], SettleRun.model_validate(content))
        case "charge" | "repay":
            await ask_gateway(database, job, now)
        case _:
            await settle(trade, database, job, now)
    await database.close()


async def settle(trade: Trade, database: Database, job: dict[str, Any], now: datetime) -> None:
    settlements, which, content = trade.settlements, job.get("settlement", 0), job.get("content")
    match job["do"]:
        case "draft":
            await settlements.draft(SYSTEM, NewSettlement.model_validate(content))
        case "statement":
            await settlements.take_statement(SYSTEM, which, Path(job["path"]), job["version"])
        case "resolve":
            resolution = ResolveDifference.model_validate(content)
            await settlements.resolve(SYSTEM, job["difference"], resolution)
        case "confirm":
            await settlements.confirm(SYSTEM, which, ChangeSettlement.model_validate(content))
        case "pay":
            await settlements.pay(SYSTEM, which, NewSettlementPayment.model_validate(content))
        case "finish":
            finisher = Finisher(database, Bus(), clock=lambda: now, batch=2)
            while await finisher.finish_some(which) is not None:
                pass
        case unknown:
            raise ValueError(unknown)


async def ask_gateway(database: Database, job: dict[str, Any], now: datetime) -> None:
    keys = SandboxKeys.in_folder(Path(job["keys"]))
    merchant = account(keys, job["endpoint"], "http://127.0.0.1:9/", timeout_s=60.0)
    gateway = WechatGateway(merchant, clock=lambda: now)
    service = GatewayService(database, Bus(), gateway, clock=lambda: now)
    if job["do"] == "charge":
        await service.start(SYSTEM, job["order"], StartPayment(), "killed-key-1")
    else:
        wanted = StartRefund(payment_id=job["payment"], amount="100", words="x")
        await service.refund(SYSTEM, job["order"], wanted, "killed-key-2")


def main() -> None:
    configure_logging(quiet=True)
    database = Database(sys.argv[1], pool_size=1)
    for line in sys.stdin:
        job = json.loads(line)
        if not job["step"]:
            asyncio.run(run(job, database))
            gc.freeze()
            print("0\n0", flush=True)  # noqa: T201
            continue
        pid = os.fork()
        if not pid:
            asyncio.run(run(job, database))
            os._exit(0)
        print(pid, flush=True)  # noqa: T201
        _, status = os.waitpid(pid, 0)
        print("killed" if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
