"""Tables on paper. Rule: a row stays on one page, and every page repeats the head."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orders.delivery.papers.sheet import Sheet

_PAD = 0.7


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    width: float
    right: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Its first row stands at `top` on every page, none ends below `bottom`; all in millimetres but `size`."""

    columns: Sequence[Column]
    x: float
    top: float
    bottom: float
    row_height: float
    size: float

    def draw(self, sheet: Sheet, rows: Sequence[Sequence[str]], head: Callable[[], None]) -> float:
        """Where it ends on the last page; `head` draws what stands above it on each page."""
        y = self._begin(sheet, head)
        for row in rows:
            if y + self.row_height > self.bottom:
                sheet.next_page()
                y = self._begin(sheet, head)
            y = self._row(sheet, row, y)
        return y

    def _begin(self, sheet: Sheet, head: Callable[[], None]) -> float:
        head()
        return self._row(sheet, [each.title for each in self.columns], self.top)

    def _row(self, sheet: Sheet, cells: Sequence[str], y: float) -> float:
        x = self.x
        for column, cell in zip(self.columns, cells, strict=True):
            sheet.frame(x, y, column.width, self.row_height)
            inner, height = column.width - 2 * _PAD, self.row_height - _PAD
            sheet.text(x + _PAD, y + _PAD, inner, height, cell, size=self.size, right=column.right)
            x += column.width
        return y + self.row_height
