"""Rows of a CSV file, each with the line in which it begins.

Rule: a quotation mark that is opened and not closed as CSV closes them spoils its own line and no other: the lines
after it are rows of their own. Of those, one that has not the columns of the header may be the rest of what was
opened, and is refused as well.
"""

import csv
from collections.abc import Iterator, Sequence

from crm_core.exchange.values import Row, unmarked

_MOST_LINES = 5_000
_LONGEST_FIELD = 1 << 22
csv.field_size_limit(_LONGEST_FIELD)


def csv_rows(lines: Iterator[str], delimiter: str) -> Iterator[Row]:
    """Rows without a single cell too, so that the lines are counted."""
    source = _Lines(lines)
    whole = csv.reader(source, delimiter=delimiter, strict=True)
    number, width, opened, doubtful = 1, 0, 0, 0
    while True:
        fault: str | None = None
        try:
            cells: Sequence[str] = next(whole)
        except StopIteration:
            return
        except csv.Error:
            ended = number + len(source.taken) - 1
            cells, fault = _alone(source.only_first(), delimiter)
            if fault and ended > doubtful:
                opened, doubtful = number, ended
        if fault is None and opened < number <= doubtful and len(cells) not in (0, width):
            fault = f"it has not the columns of the header, and may be the rest of what is opened in line {opened}"
        if not width and any(cells):
            width = len(cells)
        if any("'" in line for line in source.taken):
            cells = [unmarked(cell) for cell in cells]
        yield Row(number, cells, fault)
        number += len(source.taken)
        source.taken.clear()


class _Lines:
    """Lines, at most so many for a row; those of a row (`taken`) can be read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: list[str] = []
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) == _MOST_LINES:
            raise StopIteration
        line = self._again.pop() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def only_first(self) -> str:
        """The row's first line, which was all of it; the others are read again."""
        self._again.extend(reversed(self.taken[1:]))
        del self.taken[1:]
        return self.taken[0]


def _alone(line: str, delimiter: str) -> tuple[Sequence[str], str | None]:
    """The cells of a line, and why they are none; quotation marks where CSV has none are read all the same."""
    reader = csv.reader([line, ""], delimiter=delimiter)
    try:
        cells = next(reader)
    except csv.Error:
        return (), f"a cell is longer than {_LONGEST_FIELD:,} characters"
    if reader.line_num == 1:
        return cells, None
    cells[-1] = cells[-1].rstrip("\r\n")
    return cells, "a quotation mark is opened here and not closed: close it, or write it twice"
