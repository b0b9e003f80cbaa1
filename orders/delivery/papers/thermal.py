"""The parts that thermal labels of 100 mm have in common: barcode, two addresses, contents, cash, signature."""

from orders.delivery.papers.content import Parcel, Sender
from orders.delivery.papers.sheet import Sheet

WIDTH = 100.0
EDGE = 3.0
INNER = WIDTH - 2 * EDGE
_ICON = 9.0


def barcode(sheet: Sheet, y: float, parcel: Parcel) -> None:
    """17 mm with the number under it."""
    sheet.barcode(EDGE, y, INNER, 12, parcel.number)
    sheet.text(EDGE, y + 12.5, INNER, 4.5, parcel.number, size=11, middle=True)


def recipient(sheet: Sheet, y: float, height: float, parcel: Parcel) -> None:
    """Name and telephone large, under them the whole address."""
    _icon(sheet, y, height, "收")
    x, width = EDGE + _ICON + 1, INNER - _ICON - 2
    sheet.text(x, y + 1, width * 0.6, 9.5, parcel.recipient, size=13)
    sheet.text(x + width * 0.6, y + 1, width * 0.4, 7, parcel.phone, size=12, right=True)
    sheet.text(x, y + 11, width, height - 11.5, parcel.line, size=12)


def sender(sheet: Sheet, y: float, height: float, given: Sender) -> None:
    _icon(sheet, y, height, "寄")
    x, width = EDGE + _ICON + 1, INNER - _ICON - 2
    sheet.text(x, y + 1, width * 0.6, 4, given.name, size=8)
    sheet.text(x + width * 0.6, y + 1, width * 0.4, 4, given.phone, size=8, right=True)
    sheet.text(x, y + 5, width, height - 6, given.address, size=8)


def contents(sheet: Sheet, y: float, height: float, parcel: Parcel) -> None:
    sheet.frame(EDGE, y, INNER, height)
    told = f"订单 {parcel.order_number}  {parcel.kilograms}"
    sheet.text(EDGE + 1, y + 1, INNER - 2, 4, told, size=8)
    sheet.text(EDGE + 1, y + 5, INNER - 2, height - 6, f"内件: {parcel.contents}", size=8)


def cash(sheet: Sheet, y: float, parcel: Parcel) -> None:
    """12 mm; empty when nothing is to be collected."""
    if not parcel.cod_amount:
        return
    sheet.frame(EDGE, y, INNER, 11)
    sheet.text(EDGE + 1, y + 1.5, 28, 8, "代收货款", size=15)
    sheet.text(EDGE + 30, y + 1.5, INNER - 31, 8, f"¥{parcel.cod_amount}", size=18, right=True)


def signature(sheet: Sheet, y: float, height: float, parcel: Parcel) -> None:
    sheet.frame(EDGE, y, INNER, height)
    sheet.text(EDGE + 1, y + 1, 40, 4, "签收人/签收时间:", size=7.5)
    day = f"{parcel.printed_at:%Y-%m-%d %H:%M}"
    sheet.text(EDGE + 1, y + height - 4.5, INNER - 2, 3.5, f"打印 {day}", size=6.5, right=True)


def _icon(sheet: Sheet, y: float, height: float, sign: str) -> None:
    sheet.frame(EDGE, y, INNER, height)
    sheet.line(EDGE + _ICON, y, EDGE + _ICON, y + height)
    sheet.text(EDGE, y + height / 2 - 3.5, _ICON, 7, sign, size=16, middle=True)
