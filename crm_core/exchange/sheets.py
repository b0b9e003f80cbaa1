"""Tables in files: Excel (.xlsx, .xls, .ods) and CSV in UTF-8, UTF-16 or GB18030.

Rule: rows are read one after the other; the first row that is not empty names the columns. A row that cannot be
read, or holds more in a cell than any field may, says so and spoils no other.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from crm_core.errors import Invalid
from crm_core.exchange.csv_rows import csv_rows
from crm_core.exchange.values import Row, text

MOST_COLUMNS = 200
LONGEST_CELL = 50_000
"""Fifty contacts with all that may be noted of them are some 41,000 characters."""
_EXCEL = {b"PK\x03\x04": "xlsx", b"\xd0\xcf\x11\xe0": "xls"}
_DELIMITERS = (",", "\t", ";", "|")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The columns' names, and how many rows there are under them at most."""

    headers: tuple[str, ...]
    total: int
    _path: Path
    _first: int

    def rows(self, after: int = 0) -> Iterator[Row]:
        """Each row with its number as Excel shows it, those up to `after` left out; empty ones too. In CSV it is that of
        the line in which the row begins.
        """
        for row in _numbered(self._path):
            if row.number > max(after, self._first) and (
                row.fault or any(text(cell) for cell in row.cells)
            ):
                yield self._bounded(row)

    def _bounded(self, row: Row) -> Row:
        """Without the cells that are too long."""
        cells = list(row.cells[: len(self.headers)])
        faults = [row.fault] if row.fault else []
        for place, cell in enumerate(cells):
            if isinstance(cell, str) and len(cell) > LONGEST_CELL:
                cells[place] = None
                faults.append(
                    f"{self.headers[place]}: {len(cell):,} characters are more than any field holds"
                )
        return Row(row.number, cells, "；".join(faults) or None)


def read_sheet(path: Path) -> Sheet:
    """Raises Invalid when the file is no table, or has no header row that can be read."""
    last, first = 0, 0
    headers: tuple[str, ...] = ()
    for row in _numbered(path):
        if not headers:
            names = [text(cell) or "" for cell in row.cells[:MOST_COLUMNS]]
            if row.fault:
                raise Invalid(f"Row {row.number}, which names the columns: {row.fault}.")
            if any(names):
                first, headers = row.number, tuple(names)
        last = row.number
    if not headers:
        raise Invalid("The file is empty: its first row must name the columns.")
    while headers and not headers[-1]:
        headers = headers[:-1]
    return Sheet(headers, last - first, path, first)


def batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, size)):
        yield batch


def _numbered(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        begins = file.read(4)
    return _excel(path) if begins in _EXCEL else _csv(path)


def _excel(path: Path) -> Iterator[Row]:
    try:
        with CalamineWorkbook.from_path(path) as book:
            sheet = book.get_sheet_by_index(0)
            start = sheet.start[0] if sheet.start else 0
            for number, row in enumerate(sheet.iter_rows(), 1):
                yield Row(start + number, row)  # type: ignore[arg-type]
    except PasswordError as error:
        raise Invalid("The file is locked with a password: save it without one.") from error
    except (CalamineError, IndexError, OSError) as error:
        raise Invalid(f"Excel's file cannot be read: {error}. Save it again as .xlsx.") from error


def _csv(path: Path) -> Iterator[Row]:
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="", errors="strict") as file:
        try:
            sample = file.read(8192)
            file.seek(0)
            yield from csv_rows(_without_nul(file), _delimiter(sample))
        except UnicodeDecodeError as error:
            raise Invalid(
                "The file is neither Excel nor a CSV file in UTF-8 or GBK: save it again."
            ) from error


def _without_nul(file: io.TextIOBase) -> Iterator[str]:
    return (line.replace("\0", "") for line in file)


def _delimiter(sample: str) -> str:
    first = sample.partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


def _encoding(path: Path) -> str:
    """UTF-8 if the whole file is that; else GB18030, of which GBK and GB2312 are parts."""
    with path.open("rb") as file:
        begins = file.read(2)
        if begins in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
        file.seek(0)
        decoder = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        try:
            while decoder.read(1 << 20):
                pass
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8-sig"
