"""Many papers in one document. Rule: work for a thread, never for the event loop."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orders.delivery.papers import ems, express, lists, own, post
from orders.delivery.papers.content import LoadSheet, Parcel, PickingSheet, Sender
from orders.delivery.papers.fonts import Fonts
from orders.delivery.papers.forms import Form
from orders.delivery.papers.sheet import Sheet


@dataclass(frozen=True, slots=True)
class Paper:
    """A form: the size of its pages in millimetres, and what draws one parcel."""

    size: tuple[float, float]
    draw: Callable[[Sheet, Parcel, Sender], None]


PAPERS: Mapping[Form, Paper] = {
    Form.EMS_150: Paper(ems.SHORT, ems.draw),
    Form.EMS_180: Paper(ems.LONG, ems.draw),
    Form.POST: Paper(post.SIZE, post.draw),
    Form.EXPRESS: Paper(express.SIZE, express.draw),
    Form.NOTE_A5: Paper(own.A5, own.draw),
    Form.NOTE_A4: Paper(own.A4, own.draw),
}


def parcels(form: Form, drawn: Sequence[Parcel], sender: Sender, fonts: Fonts) -> bytes:
    """Each on a page of its own, in this order."""
    paper = PAPERS[form]
    sheet = Sheet(*paper.size, fonts, "运单")
    for each in drawn:
        paper.draw(sheet, each, sender)
        sheet.next_page()
    return sheet.done()


def picking_list(sheets: Sequence[PickingSheet], printed: str, fonts: Fonts) -> bytes:
    """Each warehouse on pages of its own."""
    sheet = Sheet(*lists.A4, fonts, "拣货单")
    for each in sheets:
        lists.picking(sheet, each, printed)
        sheet.next_page()
    return sheet.done()


def load_list(loaded: LoadSheet, fonts: Fonts) -> bytes:
    sheet = Sheet(*lists.A4, fonts, "装车单")
    lists.load(sheet, loaded)
    return sheet.done()
