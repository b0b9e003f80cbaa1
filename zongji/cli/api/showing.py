"""Answers for people: a table for a list, names and values for one record.

Rule: nothing that somebody typed into a record reaches the terminal as a command or as markup; what does not
fit into the window is named, so that nobody takes a part for the whole.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

Record = Mapping[str, Any]

_WIDEST = 36
_GAP = 2
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)")
_FIRST = (
    "id",
    "number",
    "code",
    "sku",
    "name",
    "name_zh",
    "title",
    "login",
    "state",
    "status",
    "due_at",
    "at",
    "total",
)
_SHORT = 4
_LONG = 24
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def show(console: Console, content: Any) -> None:
    """Print the answer."""
    if isinstance(content, dict) and len(content) == 1:
        [content] = content.values()
    if isinstance(content, list):
        _show_list(console, content)
    elif isinstance(content, dict):
        _show_record(console, content)
    else:
        console.print(Text(shown(content)))


def shown(value: Any) -> str:
    """One value in one cell; nothing is a dash."""
    if value in _NOTHING:
        return "-"
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return _clean(_MOMENT.sub(r"\1 \2Z", value) if _MOMENT.fullmatch(value) else value)
        case list():
            return ", ".join(map(shown, value))
        case dict():
            return " ".join(f"{_clean(name)}={shown(each)}" for name, each in value.items())
    return str(value)


def columns(rows: Sequence[Record], width: int) -> tuple[list[str], list[str]]:
    """The columns to show, in their order, and those for which there is no room. Empty ones are neither."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    names = [name for name in names if any(row.get(name) not in _NOTHING for row in rows)]
    wide = {name: _width(name, rows) + _GAP for name in names}
    order = sorted(names, key=lambda name: (_rank(name, names), wide[name] > _LONG))
    room, kept = width, set[str]()
    for name in order:
        if wide[name] <= room or not kept:
            room -= wide[name]
            kept.add(name)
    return [name for name in names if name in kept], [name for name in names if name not in kept]


def _rank(name: str, names: Sequence[str]) -> int:
    """The lower the sooner shown; what is there by its name need not be there by its id."""
    if name in _FIRST:
        return _FIRST.index(name)
    return len(_FIRST) + (f"{name.removesuffix('_id')}_name" in names)


def _width(name: str, rows: Sequence[Record]) -> int:
    widest = max(
        cell_len(line) for row in rows for line in shown(row.get(name)).splitlines() or [""]
    )
    return max(cell_len(name), min(widest, _WIDEST))


def _show_list(console: Console, items: Sequence[Any]) -> None:
    rows = [item for item in items if isinstance(item, dict)]
    if not items:
        console.print("Nothing found.")
    elif len(rows) < len(items):
        console.print(Text("\n".join(map(shown, items))))
    else:
        _show_table(console, rows)


def _show_table(console: Console, rows: Sequence[Record]) -> None:
    kept, left = columns(rows, console.width)
    table = Table(box=None, padding=(0, _GAP, 0, 0), header_style="bold")
    for name in kept:
        number = all(isinstance(row.get(name), int | None) for row in rows)
        table.add_column(
            Text(_clean(name)),
            overflow="fold",
            max_width=max(_WIDEST, cell_len(name)),
            justify="right" if number else "left",
        )
    for row in rows:
        table.add_row(*(Text(shown(row.get(name))) for name in kept))
    console.print(table)
    if left:
        more = Text(f"Also: {_clean(', '.join(left))} (a wider window or --json shows them)", "dim")
        console.print(more)


def _show_record(console: Console, record: Record) -> None:
    """What is simple first, then what has parts of its own, with its name above it."""
    parts = {name: value for name, value in record.items() if _has_parts(value)}
    grid = Table.grid(padding=(0, _GAP))
    for name, value in record.items():
        if name not in parts and value not in ([], {}):
            grid.add_row(Text(_clean(name), "dim"), Text(shown(value)))
    if grid.row_count:
        console.print(grid)
    for name, value in parts.items():
        console.print(Text(f"\n{_clean(name)}" if name != "items" else "", "bold"))
        show(console, value)
    if record.get("items") == []:
        console.print("Nothing found.")


def _has_parts(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, dict) for each in value)
    return isinstance(value, dict) and (len(value) > _SHORT or any(map(_has_parts, value.values())))


def _clean(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(_visible(text))


def _visible(text: str) -> Iterable[str]:
    return (
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )
