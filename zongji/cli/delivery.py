"""Many orders sorted to couriers at once."""

from collections import Counter

import typer

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.fields import LONGEST_PAGE
from crm_core.rights import SYSTEM
from crm_core.services import Crm
from orders.delivery.commands import MOST_AT_ONCE, MakeWaybills, UnsortedQuery
from orders.delivery.service import WaybillService
from orders.delivery.views import UnsortedView
from orders.services import Trade
from zongji import settings
from zongji.cli.progress import bar, console
from zongji.core import connected, now

app = typer.Typer()


@app.callback()
def delivery() -> None:
    """Delivery: orders sorted to couriers."""


@app.command()
def sort() -> None:
    """Give every order that is being picked a waybill of the courier that suits it."""

    async def work(database: Database, _: Crm) -> Counter[str]:
        zone = settings.load().zone
        return await _sort(Trade.of(database, Bus(), clock=now, zone=zone).waybills)

    done = connected(work)
    console.print(f"{done.pop('', 0)} waybills made")
    for code, many in done.most_common():
        console.print(f"  {many} without: {code}", markup=False)


async def _sort(waybills: WaybillService) -> Counter[str]:
    """How many got a waybill (under no name), and how many did not for each reason."""
    done: Counter[str] = Counter()
    ids = await _waiting(waybills)
    with bar() as shown:
        task = shown.add_task("sorting", total=len(ids))
        for begin in range(0, len(ids), MOST_AT_ONCE):
            wanted = MakeWaybills(order_ids=ids[begin : begin + MOST_AT_ONCE])
            for each in await waybills.make(SYSTEM, wanted, lambda *_: shown.advance(task)):
                done[each.code or ""] += 1
    return done


async def _waiting(waybills: WaybillService) -> tuple[int, ...]:
    """The ids of the orders."""
    found: list[int] = []
    page: tuple[UnsortedView, ...] | None = None
    while page is None or page:
        query = UnsortedQuery(after=found[-1] if found else None, limit=LONGEST_PAGE)
        page = await waybills.unsorted(SYSTEM, query)
        found += [each.order_id for each in page]
    return tuple(found)
