"""Express companies: one thermal label of 100×150 mm with the routing words on top."""

from orders.delivery.papers import thermal
from orders.delivery.papers.content import Parcel, Sender
from orders.delivery.papers.sheet import Sheet
from orders.delivery.papers.thermal import EDGE, INNER, WIDTH

SIZE = (WIDTH, 150.0)


def draw(sheet: Sheet, parcel: Parcel, sender: Sender) -> None:
    sheet.text(EDGE, 3, 60, 8, parcel.courier, size=15)
    sheet.text(65, 4, WIDTH - EDGE - 65, 6, "加急" if parcel.urgent else "", size=13, right=True)
    sheet.frame(EDGE, 12, INNER, 15)
    towards = " ".join(part for part in (parcel.city, parcel.district) if part)
    sheet.text(EDGE + 1, 14, INNER - 2, 11, towards or parcel.province, size=24, middle=True)
    thermal.barcode(sheet, 29, parcel)
    thermal.recipient(sheet, 48, 30, parcel)
    thermal.sender(sheet, 78, 14, sender)
    thermal.cash(sheet, 93, parcel)
    thermal.contents(sheet, 105, 25, parcel)
    thermal.signature(sheet, 131, 16, parcel)
