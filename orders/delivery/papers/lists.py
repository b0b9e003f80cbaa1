"""The warehouse's picking list and the driver's load list, on A4."""

from orders.delivery.papers.content import LoadSheet, LoadStop, Pick, PickingSheet
from orders.delivery.papers.sheet import Sheet
from orders.delivery.papers.tables import Column, Table

A4 = (210.0, 297.0)
_EDGE = 8.0
_INNER = A4[0] - 2 * _EDGE
_BOTTOM = A4[1] - _EDGE
_PICKS = (
    Column("编码", 26),
    Column("品名", 46),
    Column("批次", 26),
    Column("有效期至", 20),
    Column("单位", 10),
    Column("数量", 16, right=True),
    Column("订单×数量", 42),
    Column("√", 8),
)
_MISSING = ("缺货", "冻结或过期")
_STOPS = (
    Column("序", 8),
    Column("订单/运单", 34),
    Column("收货人", 44),
    Column("地址", 48),
    Column("货物", 34),
    Column("应收", 16, right=True),
    Column("签字", 10),
)


def picking(sheet: Sheet, given: PickingSheet, printed: str) -> None:
    """One warehouse's, a row for each batch."""

    def head() -> None:
        sheet.text(_EDGE, 7, 130, 8, f"拣货单 {given.warehouse}", size=16)
        sheet.text(_EDGE + 135, 9, _INNER - 135, 5, printed, size=9, right=True)

    table = Table(_PICKS, _EDGE, 18, _BOTTOM, row_height=9, size=9)
    table.draw(sheet, [_pick(each) for each in given.picks], head)


def load(sheet: Sheet, loaded: LoadSheet) -> None:
    """In the order of visits."""

    def head() -> None:
        sheet.text(_EDGE, 7, 70, 8, f"装车单 {loaded.number}", size=16)
        sheet.text(
            _EDGE + 75, 8, _INNER - 75, 6, f"{loaded.day} {loaded.route}", size=11, right=True
        )
        told = f"车辆 {loaded.plate}  司机 {loaded.driver} {loaded.driver_phone}"
        sheet.text(_EDGE, 16, _INNER, 6, told, size=11)

    table = Table(_STOPS, _EDGE, 24, _BOTTOM - 14, row_height=13, size=8.5)
    y = table.draw(sheet, [_stop(each) for each in loaded.stops], head)
    weight = sum(each.weight_g for each in loaded.stops) / 1000
    cash = sum(each.cash_due for each in loaded.stops)
    told = f"共 {len(loaded.stops)} 单  {weight:.2f} kg  应收 ¥{cash}"
    sheet.text(_EDGE, y + 3, _INNER, 7, told, size=12, right=True)


def _pick(pick: Pick) -> tuple[str, ...]:
    name = f"{pick.name} {pick.specification or ''}".strip()
    expires = pick.expires_on.isoformat() if pick.expires_on else ""
    taken_of = _MISSING if pick.missing else (pick.batch_no or "", expires)
    orders = " ".join(f"{number}×{quantity}" for number, quantity in pick.orders)
    return pick.sku, name, *taken_of, pick.unit, str(pick.quantity), orders, ""


def _stop(stop: LoadStop) -> tuple[str, ...]:
    return (
        str(stop.place),
        f"{stop.order_number} {stop.number}",
        f"{stop.recipient} {stop.phone}",
        stop.line,
        stop.contents,
        str(stop.cash_due) if stop.cash_due else "",
        "",
    )
