"""A page, drawn in millimetres from its upper left corner. Rule: text stays in the box that it is given."""

from io import BytesIO

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from orders.delivery.papers.fitting import LEADING, fit
from orders.delivery.papers.fonts import Fonts

_ASCENT = 0.88
_QUIET_MODULES = 20
_THIN = 0.4


class Sheet:
    """The page that is drawn on, of a document of equal pages."""

    def __init__(self, width: float, height: float, fonts: Fonts, title: str) -> None:
        self.width, self.height = width, height
        self._file = BytesIO()
        self._canvas = Canvas(self._file, pagesize=(width * mm, height * mm), pageCompression=1)
        self._canvas.setTitle(title)
        self._fonts = fonts

    def text(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        text: str,
        *,
        size: float = 9,
        right: bool = False,
        middle: bool = False,
    ) -> None:
        """At most `size` points large; `right` and `middle` say where a line stands in the box."""
        shown = self._fonts.shown(text)
        if not shown.strip():
            return
        fitted = fit(shown, width * mm, height * mm, size, self._fonts.width)
        baseline = (self.height - y) * mm - fitted.size * _ASCENT
        for line in fitted.lines:
            room = width * mm - self._fonts.width(line, fitted.size)
            self._line_of_text(
                x * mm + (room if right else room / 2 if middle else 0),
                baseline,
                line,
                fitted.size,
            )
            baseline -= fitted.size * LEADING

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        self._canvas.setLineWidth(_THIN)
        self._canvas.rect(x * mm, (self.height - y - height) * mm, width * mm, height * mm)

    def line(self, x: float, y: float, to_x: float, to_y: float) -> None:
        self._canvas.setLineWidth(_THIN)
        self._canvas.line(x * mm, (self.height - y) * mm, to_x * mm, (self.height - to_y) * mm)

    def barcode(self, x: float, y: float, width: float, height: float, value: str) -> None:
        """Code 128 with its quiet zones, as wide as fits."""
        modules = Code128(value, barWidth=1, quiet=0).width + _QUIET_MODULES
        module = width * mm / modules
        bars = Code128(value, barWidth=module, barHeight=height * mm, quiet=0)
        offset = module * _QUIET_MODULES / 2
        bars.drawOn(self._canvas, x * mm + offset, (self.height - y - height) * mm)

    def next_page(self) -> None:
        self._canvas.showPage()

    def done(self) -> bytes:
        """The whole document."""
        self._canvas.save()
        return self._file.getvalue()

    def _line_of_text(self, x: float, y: float, line: str, size: float) -> None:
        drawn = self._canvas.beginText(x, y)
        for name, part in self._fonts.runs(line):
            drawn.setFont(name, size)
            drawn.textOut(part)
        self._canvas.drawText(drawn)
