"""Answers as people see them."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from zongji.cli.api.showing import columns, show, shown

VALUES = st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=60)
ROWS = st.lists(
    st.dictionaries(st.sampled_from([*"abcdefgh", "id", "name"]), VALUES, max_size=8), max_size=6
)


def seen(content: Any, width: int = 60) -> str:
    file = io.StringIO()
    show(Console(file=file, width=width, highlight=False), content)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def test_a_list_is_a_table_with_the_columns_that_fit():
    rows = [
        {"id": 1, "name": "海河酒行", "note": "x" * 50, "gone": None, "at": "2026-07-31T01:00:00Z"},
        {"id": 12, "name": "渤海商行", "note": None, "gone": None, "at": "2026-07-31T01:05:09.1Z"},
    ]

    assert seen({"items": rows}) == (
        "id  name      at\n"
        " 1  海河酒行  2026-07-31 01:00Z\n"
        "12  渤海商行  2026-07-31 01:05Z\n"
        "Also: note (a wider window or --json shows them)"
    )
    assert "Also" not in seen({"items": rows}, 200)


def test_what_is_there_by_its_name_is_not_needed_by_its_id():
    row = {"customer_id": 12, "customer_name": "海河酒行", "kind": "task"}

    assert columns([row], 30) == (["customer_name", "kind"], ["customer_id"])


def test_one_record_is_names_and_values_and_its_lists_are_tables_below():
    todo = {"id": 3, "done": False, "note": None, "tags": ["a", "b"], "steps": [{"n": 1}], "no": []}

    assert seen({"todo": todo}) == ("id    3\ndone  no\nnote  -\ntags  a, b\n\nsteps\nn\n1")


def test_what_stands_beside_a_list_is_shown_too():
    said = seen({"items": [{"id": 1}], "total": 7})

    assert said.split() == ["total", "7", "id", "1"]
    assert "Nothing found." in seen({"items": [], "total": 0})


@pytest.mark.parametrize("content", [{"items": []}, []])
def test_an_empty_list_says_so(content: Any):
    assert seen(content) == "Nothing found."


def test_a_value_is_never_markup_nor_an_order_to_the_terminal():
    said = seen({"items": [{"name": "[red]x[/red]\x1b[2J\x07"}]})

    assert "[red]x[/red]\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}" in said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (0, "0"),
        ("12.50", "12.50"),
        ("at 2026-07-31T01:00Z", "at 2026-07-31T01:00Z"),
        ({"a": 1, "b": None}, "a=1 b=-"),
        ([{"a": 1}, {"a": 2}], "a=1, a=2"),
    ],
)
def test_values_in_a_word(value: Any, said: str):
    assert shown(value) == said


@given(ROWS, st.integers(10, 120))
def test_no_column_is_lost_unsaid_and_no_line_is_too_long(rows: list[dict[str, Any]], width: int):
    kept, left = columns(rows, width)
    full = {name for row in rows for name, value in row.items() if value not in (None, "")}

    assert {*kept, *left} == full
    assert not set(kept) & set(left)
    assert all(cell_len(line) <= width for line in seen(rows, width).splitlines())


@given(st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_answer_can_be_shown_and_holds_no_control_characters(content: Any):
    assert all(char.isprintable() or char == "\n" for char in seen(content))
