"""Tables written into files: Excel or CSV, row by row.

Rule: constant memory; a text that a spreadsheet would take for a formula is written as text, and one that is longer
than a cell of Excel holds is left out as a whole.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol, TextIO

import xlsxwriter

from crm_core.exchange.values import marked

Format = Literal["xlsx", "csv"]
Encoding = Literal["utf-8", "gb18030"]
"""Of CSV; GB18030, which holds GBK, is what older Chinese programs read."""
Value = str | int | Decimal | date | datetime | None
LONGEST = 32_767
"""What a cell of Excel holds, in units of UTF-16."""


def is_too_long(value: object) -> bool:
    """Whether Excel's file is left without it."""
    if not isinstance(value, str) or len(value) <= LONGEST // 2:
        return False
    return len(value.encode("utf-16-le", "surrogatepass")) // 2 > LONGEST


class Rows(Protocol):
    """Takes one row after the other."""

    def write(self, row: Sequence[Value]) -> None: ...


@contextmanager
def table(
    path: Path, form: Format, headers: Sequence[str], encoding: Encoding = "utf-8"
) -> Iterator[Rows]:
    """A file whose first row names the columns; complete when the block ends."""
    writer = _excel(path) if form == "xlsx" else _csv(path, encoding)
    with writer as rows:
        rows.write(headers)
        yield rows


@contextmanager
def _excel(path: Path) -> Iterator[Rows]:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options | {"remove_timezone": True}) as book:
        yield _Sheet(book)


class _Sheet:
    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._sheet = book.add_worksheet()
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._bold = book.add_format({"bold": True})
        self._sheet.freeze_panes(1, 0)
        self._next = 0

    def write(self, row: Sequence[Value]) -> None:
        for column, value in enumerate(row):
            if isinstance(value, date):
                self._sheet.write_datetime(self._next, column, value, self._day)
            elif isinstance(value, int | Decimal):
                self._sheet.write_number(self._next, column, float(value))
            elif value and not is_too_long(value):
                bold = self._bold if self._next == 0 else None
                self._sheet.write_string(self._next, column, value, bold)
        self._next += 1


@contextmanager
def _csv(path: Path, encoding: Encoding) -> Iterator[Rows]:
    """UTF-8 with a mark by which Chinese Excel knows it."""
    marked = "utf-8-sig" if encoding == "utf-8" else encoding
    with path.open("w", encoding=marked, newline="") as file:
        yield _Lines(file)


class _Lines:
    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file)

    def write(self, row: Sequence[Value]) -> None:
        self._writer.writerow([_harmless(value) for value in row])


def _harmless(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return marked(value)
    return value.isoformat() if isinstance(value, date) else str(value)
