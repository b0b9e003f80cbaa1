"""A quote on A4, in the customer's language. Rule: pure; what stands on it was read before."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from orders.delivery.papers.content import Sender
from orders.delivery.papers.fonts import Fonts
from orders.delivery.papers.sheet import Sheet
from orders.delivery.papers.tables import Column, Table
from orders.invoices.tax import split
from orders.money import total_of
from orders.sales.quote_reading import QuoteLineView, QuoteView

_WIDTH, _HEIGHT = 210.0, 297.0
_EDGE = 12.0
_INNER = _WIDTH - 2 * _EDGE
_BOTTOM = _HEIGHT - _EDGE
_TOP = 48.0
_FOOT = 44.0
_WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "title": "报价单", "customer": "客户", "valid": "有效期至", "made": "报价日期",
        "goods": "品名", "specification": "规格", "unit": "单位", "quantity": "数量",
        "price": "单价(元)", "amount": "金额(元)", "tax_rate": "税率", "total": "含税总额",
        "tax": "其中税额", "terms": "付款条件", "note": "说明", "place": "序",
        "offer": "以上价格含税,在有效期内有效。",
    },
    "en": {
        "title": "Quotation", "customer": "Customer", "valid": "Valid until", "made": "Date",
        "goods": "Goods", "specification": "Specification", "unit": "Unit",
        "quantity": "Quantity", "price": "Price (CNY)", "amount": "Amount (CNY)",
        "tax_rate": "Tax", "total": "Total with tax", "tax": "Tax in it", "terms": "Payment",
        "note": "Note", "place": "#",
        "offer": "Prices include tax and hold until the day named above.",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class QuotePaper:
    """`made_on` is the day in the company's zone; `terms` are the customer's, in words."""

    view: QuoteView
    language: str
    made_on: str
    terms: str | None


def draw(paper: QuotePaper, sender: Sender, fonts: Fonts) -> bytes:
    """On as many pages as the lines need."""
    words = _WORDS["en" if paper.language.startswith("en") else "zh"]
    sheet = Sheet(_WIDTH, _HEIGHT, fonts, f"{words['title']} {paper.view.quote.number}")
    table = Table(_columns(words), _EDGE, _TOP, _BOTTOM, row_height=9, size=9)
    rows = [_row(place, line, paper.language) for place, line in enumerate(paper.view.lines, 1)]
    y = table.draw(sheet, rows, lambda: _head(sheet, paper, sender, words))
    if y + _FOOT > _BOTTOM:
        sheet.next_page()
        _head(sheet, paper, sender, words)
        y = _TOP
    _foot(sheet, y, paper, words)
    return sheet.done()


def line_of_text(line: QuoteLineView, language: str) -> str:
    """A line where there is no table."""
    what = " ".join(filter(None, (_name(line, language), line.specification)))
    return f"{what}  {line.quantity} {line.unit} × {line.unit_price} = {line.line_total}"


def _columns(words: Mapping[str, str]) -> tuple[Column, ...]:
    return (
        Column(words["place"], 9),
        Column(words["goods"], 55),
        Column(words["specification"], 36),
        Column(words["unit"], 12),
        Column(words["quantity"], 17, right=True),
        Column(words["price"], 21, right=True),
        Column(words["tax_rate"], 13, right=True),
        Column(words["amount"], 23, right=True),
    )


def _row(place: int, line: QuoteLineView, language: str) -> tuple[str, ...]:
    return (
        str(place),
        f"{_name(line, language)} ({line.sku})",
        line.specification or "",
        line.unit,
        str(line.quantity),
        str(line.unit_price),
        f"{(line.tax_rate * 100).normalize():f}%",
        str(line.line_total),
    )


def _name(line: QuoteLineView, language: str) -> str:
    return line.name_en if language.startswith("en") else line.name_zh


def _head(sheet: Sheet, paper: QuotePaper, sender: Sender, words: Mapping[str, str]) -> None:
    quote, half = paper.view.quote, _INNER / 2
    sheet.text(_EDGE, 9, _INNER, 6, sender.name, size=11)
    sheet.text(_EDGE, 15, half, 9, words["title"], size=20)
    sheet.text(_EDGE + half, 17, half, 6, quote.number, size=12, right=True)
    sheet.text(_EDGE, 27, half + 30, 9, f"{words['customer']}: {quote.customer_name}", size=11)
    made = f"{words['made']}: {paper.made_on}"
    sheet.text(_EDGE + half + 30, 27, half - 30, 5, made, size=10, right=True)
    valid = f"{words['valid']}: {quote.valid_until}"
    sheet.text(_EDGE + half + 30, 33, half - 30, 5, valid, size=10, right=True)
    reach = "  ".join(filter(None, (sender.phone, sender.address)))
    sheet.text(_EDGE, 39, _INNER, 6, reach, size=9)


def _foot(sheet: Sheet, y: float, paper: QuotePaper, words: Mapping[str, str]) -> None:
    quote = paper.view.quote
    total = f"{words['total']} ¥{quote.total}   {words['tax']} ¥{tax_in(paper.view)}"
    sheet.text(_EDGE, y + 3, _INNER, 7, total, size=12, right=True)
    if paper.terms:
        sheet.text(_EDGE, y + 13, _INNER, 6, f"{words['terms']}: {paper.terms}", size=10)
    if quote.note:
        sheet.text(_EDGE, y + 20, _INNER, 14, f"{words['note']}: {quote.note}", size=10)
    sheet.text(_EDGE, y + 36, _INNER, 5, words["offer"], size=9)


def tax_in(view: QuoteView) -> Decimal:
    """The tax within the total, line by line as an invoice has it."""
    return total_of(split(line.line_total, line.tax_rate).tax for line in view.lines)
