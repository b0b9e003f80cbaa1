"""EMS: the thermal label of two parts, 100×150 or 100×180 mm. The upper part stays on the parcel, the lower one
goes back signed, with the same barcode.
"""

from orders.delivery.papers import thermal
from orders.delivery.papers.content import Parcel, Sender
from orders.delivery.papers.sheet import Sheet
from orders.delivery.papers.thermal import EDGE, INNER, WIDTH

SHORT, LONG = (WIDTH, 150.0), (WIDTH, 180.0)


def draw(sheet: Sheet, parcel: Parcel, sender: Sender) -> None:
    more = sheet.height - SHORT[1]
    sheet.text(EDGE, 3, 45, 8, "EMS", size=20)
    product = "特快专递" if parcel.urgent else "标准快递"
    sheet.text(55, 4, WIDTH - EDGE - 55, 6, product, size=13, right=True)
    thermal.barcode(sheet, 12, parcel)
    towards = f"{parcel.province} {parcel.city}".strip()
    sheet.frame(EDGE, 31, INNER, 9)
    sheet.text(EDGE + 1, 32, INNER - 2, 7, towards, size=16, middle=True)
    thermal.recipient(sheet, 40, 26 + more / 2, parcel)
    thermal.sender(sheet, 66 + more / 2, 14, sender)
    thermal.cash(sheet, 81 + more / 2, parcel)
    below = 93 + more / 2
    sheet.line(0, below, WIDTH, below)
    thermal.barcode(sheet, below + 2, parcel)
    thermal.contents(sheet, below + 20, 18 + more / 2, parcel)
    thermal.signature(sheet, sheet.height - 18, 15, parcel)
