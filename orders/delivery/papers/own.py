"""Own drivers: the delivery note with lines, amounts, cash and signature, on A5 or A4."""

from orders.delivery.papers.content import Goods, Parcel, Sender, in_words
from orders.delivery.papers.sheet import Sheet
from orders.delivery.papers.tables import Column, Table

A5, A4 = (148.0, 210.0), (210.0, 297.0)
_EDGE = 8.0
_FOOT = 40.0
_TOP = 54.0


def draw(sheet: Sheet, parcel: Parcel, sender: Sender) -> None:
    inner = sheet.width - 2 * _EDGE
    bottom = sheet.height - _EDGE
    table = Table(_columns(inner), _EDGE, _TOP, bottom, row_height=7.5, size=8.5)
    rows = [_row(place, each) for place, each in enumerate(parcel.goods, 1)]
    y = table.draw(sheet, rows, lambda: _head(sheet, parcel, sender))
    if y + _FOOT > bottom:
        sheet.next_page()
        _head(sheet, parcel, sender)
        y = _TOP
    _foot(sheet, y + 2, parcel)


def _columns(inner: float) -> tuple[Column, ...]:
    fixed = (
        Column("序", 8),
        Column("单位", 11),
        Column("数量", 15, right=True),
        Column("单价", 20, right=True),
        Column("金额", 24, right=True),
    )
    name = Column("品名", inner - sum(each.width for each in fixed))
    return fixed[0], name, *fixed[1:]


def _row(place: int, goods: Goods) -> tuple[str, ...]:
    name = f"{goods.name} {goods.specification or ''}".strip()
    return (
        str(place),
        f"{name} ({goods.sku})",
        goods.unit,
        str(goods.quantity),
        str(goods.unit_price),
        str(goods.line_total),
    )


def _head(sheet: Sheet, parcel: Parcel, sender: Sender) -> None:
    inner = sheet.width - 2 * _EDGE
    sheet.text(_EDGE, 7, inner - 62, 8, f"{sender.name} 送货单", size=15)
    sheet.barcode(sheet.width - _EDGE - 60, 6, 60, 9, parcel.number)
    sheet.text(sheet.width - _EDGE - 60, 15.5, 60, 4, parcel.number, size=9, middle=True)
    sheet.text(_EDGE, 16, inner - 62, 5, f"订单 {parcel.order_number}", size=10)
    sheet.text(_EDGE, 22, inner * 0.6, 7, f"收货人: {parcel.recipient}", size=11)
    sheet.text(_EDGE + inner * 0.6, 22, inner * 0.4, 7, parcel.phone, size=11, right=True)
    sheet.text(_EDGE, 30, inner, 13, f"地址: {parcel.line}", size=10)
    sheet.text(_EDGE, 44, inner, 9, f"备注: {parcel.note}" if parcel.note else "", size=9)


def _foot(sheet: Sheet, y: float, parcel: Parcel) -> None:
    inner = sheet.width - 2 * _EDGE
    if parcel.discount:
        sheet.text(_EDGE, y, inner, 5, f"优惠 -{parcel.discount}", size=9, right=True)
    told = f"合计 ¥{parcel.total}  {in_words(parcel.total)}"
    sheet.text(_EDGE, y + 5, inner, 6, told, size=11, right=True)
    due = f"应收现金 ¥{parcel.cod_amount}" if parcel.cod_amount else "货款无需代收"
    sheet.text(_EDGE, y + 12, inner, 7, due, size=13, right=True)
    sheet.text(_EDGE, y + 12, inner * 0.5, 5, f"重量 {parcel.kilograms}", size=9)
    for x, label in ((_EDGE, "送货人签字:"), (_EDGE + inner / 2, "收货人签字:")):
        sheet.text(x, y + 22, inner / 2, 5, label, size=9)
        sheet.line(x + 22, y + 28, x + inner / 2 - 4, y + 28)
    day = f"{parcel.printed_at:%Y-%m-%d %H:%M}"
    sheet.text(_EDGE, y + 31, inner, 4, day, size=8, right=True)
