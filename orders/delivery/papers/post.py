"""China Post: the parcel form (国内包裹详情单), 230×127 mm, addressee on the left, sender and contents on the right."""

from orders.delivery.papers.content import Parcel, Sender, in_words
from orders.delivery.papers.sheet import Sheet

SIZE = (230.0, 127.0)
_EDGE, _HALF = 8.0, 112.0
_LABEL = 20.0

_Box = tuple[float, float, float, float]


def draw(sheet: Sheet, parcel: Parcel, sender: Sender) -> None:
    sheet.text(_EDGE, 6, 90, 8, "国内包裹详情单", size=16)
    sheet.barcode(130, 5, 92, 11, parcel.number)
    sheet.text(130, 16.5, 92, 4.5, parcel.number, size=11, middle=True)
    sheet.frame(_EDGE, 23, sheet.width - 2 * _EDGE, 96)
    sheet.line(_HALF, 23, _HALF, 119)
    _addressee(sheet, parcel)
    _sender(sheet, sender)
    _contents(sheet, parcel)


def _addressee(sheet: Sheet, parcel: Parcel) -> None:
    width = _HALF - _EDGE - _LABEL - 2
    for y, height, label, value, size in (
        (25.0, 9.0, "收件人", parcel.recipient, 14),
        (35.0, 8.0, "电话", parcel.phone, 12),
        (44.0, 8.0, "省", parcel.province, 12),
        (53.0, 8.0, "市/区县", f"{parcel.city} {parcel.district}".strip(), 12),
        (62.0, 26.0, "详细地址", parcel.street, 12),
    ):
        _field(sheet, (_EDGE, y, width, height), label, value, size)
    _postcode(sheet, parcel.postcode)
    _field(sheet, (_EDGE, 104, width, 13), "附言", parcel.note, 9)


def _sender(sheet: Sheet, sender: Sender) -> None:
    width = sheet.width - _EDGE - _HALF - _LABEL - 2
    _field(sheet, (_HALF, 25, width, 7), "寄件人", sender.name, 10)
    _field(sheet, (_HALF, 33, width, 7), "电话", sender.phone, 10)
    _field(sheet, (_HALF, 41, width, 12), "地址", sender.address, 9)
    _field(sheet, (_HALF, 53, width, 5), "邮编", sender.postcode, 9)
    sheet.line(_HALF, 59, sheet.width - _EDGE, 59)


def _contents(sheet: Sheet, parcel: Parcel) -> None:
    width = sheet.width - _EDGE - _HALF - _LABEL - 2
    _field(sheet, (_HALF, 61, width, 20), "内装何物", parcel.contents, 9)
    _field(sheet, (_HALF, 82, width, 6), "重量", parcel.kilograms, 11)
    _field(sheet, (_HALF, 89, width, 6), "订单", parcel.order_number, 10)
    if parcel.cod_amount:
        told = f"¥{parcel.cod_amount}  {in_words(parcel.cod_amount)}"
        _field(sheet, (_HALF, 96, width, 8), "代收货款", told, 12)
    sheet.line(_HALF, 105, sheet.width - _EDGE, 105)
    sheet.text(_HALF + 2, 106, 40, 5, "收件人签章:", size=9)
    day = f"{parcel.printed_at:%Y-%m-%d}"
    sheet.text(sheet.width - _EDGE - 42, 113, 40, 5, day, size=9, right=True)


def _field(sheet: Sheet, box: _Box, label: str, value: str, size: float) -> None:
    x, y, width, height = box
    sheet.text(x + 2, y, _LABEL - 2, 5, label, size=9)
    sheet.text(x + _LABEL, y, width, height, value, size=size)


def _postcode(sheet: Sheet, postcode: str) -> None:
    """A box for each of its six figures."""
    sheet.text(_EDGE + 2, 92, _LABEL - 2, 5, "邮编", size=9)
    for place in range(6):
        x = _EDGE + _LABEL + place * 9
        sheet.frame(x, 90, 8, 9)
        sheet.text(x, 91.5, 8, 7, postcode[place : place + 1], size=14, middle=True)
