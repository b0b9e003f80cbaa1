"""A settlement as a file (Excel): its sums, then every item. Rule: memory does not grow with the items, and
the file is written beside the event loop.
"""

import asyncio
from contextlib import ExitStack
from datetime import tzinfo
from pathlib import Path

from crm_core.db import Database
from crm_core.exchange.files import Rows, table
from crm_core.rights import Actor, Right
from orders.settlement import reading
from orders.settlement.commands import LONGEST_ITEM_PAGE, ItemQuery
from orders.settlement.views import ItemView, SettlementDetail

_HEADERS = ("类别 Kind", "单号 Reference", "时间 Time", "金额 Amount", "对方所报 As told")
_LABELS = {
    "cod": "代收货款 Cash on delivery",
    "freight": "运费 Freight",
    "cod_fee": "代收手续费 Fee",
    "goods": "货款 Goods",
    "goods_returned": "退货 Goods returned",
    "rebate": "返利 Rebate",
}


class SettlementReport:
    """May raise Forbidden, UnknownSettlement and DatabaseUnavailable."""

    def __init__(self, database: Database, *, zone: tzinfo) -> None:
        self._database = database
        self._zone = zone

    async def write(self, actor: Actor, settlement_id: int, path: Path) -> str:
        """Write the file; how it is called."""
        actor.require(Right.SETTLEMENT_VIEW)
        async with self._database.reading() as connection:
            detail = await reading.detail(connection, settlement_id)
            with ExitStack() as stack:
                rows = stack.enter_context(table(path, "xlsx", _HEADERS))
                after = 0
                while True:
                    query = ItemQuery(after=after, limit=LONGEST_ITEM_PAGE)
                    items = await reading.items(connection, settlement_id, query)
                    if not items:
                        break
                    await asyncio.to_thread(self._write, rows, items)
                    after = items[-1].id
                _sums(rows, detail)
                await asyncio.to_thread(stack.close)
        view = detail.settlement
        return f"{view.number}-{view.party_code}-{view.ends}.xlsx"

    def _write(self, rows: Rows, items: tuple[ItemView, ...]) -> None:
        for each in items:
            at = each.at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")
            rows.write((_LABELS[each.kind], each.reference, at, each.amount, each.told))


def _sums(rows: Rows, detail: SettlementDetail) -> None:
    for total in detail.totals:
        rows.write((_LABELS[total.kind], f"合计 Total ({total.items})", None, total.amount, None))
    view = detail.settlement
    rows.write(("应结 Balance", view.number, None, view.balance, None))
    rows.write(("已付 Paid", view.number, None, view.paid, None))
