"""Numbers, dates and texts as Chinese Excel and people write them."""

import contextlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.exchange import values
from crm_core.outbox.messages import Channel


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("12,000.50", "12000.50"), ("¥1.2万", "12000"), ("１２３", "123"), ("￥ 3,000 元", "3000"),
        ("(300)", "-300"), ("-5", "-5"), (12.5, "12.5"), (0.1, "0.1"), (7, "7"), ("3千", "3000"),
        ("2亿", "200000000"), ("1e3", "1000"),
        (1234.5600000000002, "1234.56"), (0.30000000000000004, "0.3"), ("", None), (None, None), ("  ", None),
    ],
)  # fmt: skip
def test_numbers(cell, number):
    assert values.number(cell) == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    "cell", ["多少", "1.2.3", "万", "NaN", "Infinity", "12a", "--", "1e999999万", float("inf")]
)
def test_what_is_no_number_says_so(cell):
    with pytest.raises(ValueError, match="is not a number"):
        values.number(cell)


@pytest.mark.parametrize(
    "cell",
    ["2026-03-05", "2026/3/5", "2026.3.5", "2026年3月5日", "20260305", "２０２６－０３－０５",
     "2026-03-05 12:30:00", date(2026, 3, 5), datetime(2026, 3, 5, 8, 0, tzinfo=UTC), 46086, 46086.5, 20260305.0],
)  # fmt: skip
def test_dates(cell):
    assert values.day(cell) == date(2026, 3, 5)


@pytest.mark.parametrize("cell", ["2026-02-30", "5/3", "3月5日", "不详", "2026-13-01", "26-3-5"])
def test_what_is_no_date_says_so(cell):
    with pytest.raises(ValueError, match=r"day|date"):
        values.day(cell)


@pytest.mark.parametrize(
    ("cell", "written"),
    [(13800138000.0, "13800138000"), (22.5, "22.5"), (0.30000000000000004, "0.3"), (" 甲 ", "甲"), ("\ufeff乙", "乙"), (True, "是"),
     (datetime(2026, 3, 5, tzinfo=UTC), "2026-03-05"), ("", None), (None, None)],
)  # fmt: skip
def test_texts(cell, written):
    assert values.text(cell) == written


@pytest.mark.parametrize(
    ("value", "held"),
    [("=1+1", "'=1+1"), ("+852 2345", "'+852 2345"), ("-", "'-"), ("@x", "'@x"), ("'=1", "''=1"),
     ("甲=1", "甲=1"), ("'甲", "'甲"), ("'", "'"), ("", "")],
)  # fmt: skip
def test_what_looks_like_a_formula_is_held_as_text(value, held):
    assert (values.marked(value), values.unmarked(held)) == (held, value)


@given(st.text("'=+-@甲\t"))
def test_what_is_held_as_text_is_what_it_was(value):
    assert values.unmarked(values.marked(value)) == value


def test_lists_and_yes_or_no():
    assert values.several("13800138000、022-23456789/139 0013 8000") == (
        "13800138000",
        "022-23456789",
        "139 0013 8000",
    )
    assert values.several(None) == ()
    assert values.several("13800138000（仓、夜），139") == ("13800138000（仓、夜）", "139")
    assert list(values.lines("赵 | 经理 || \n\n|\n钱｜")) == [
        ("赵", "经理", None, None),
        ("钱", None),
    ]
    assert [values.yes_no(v) for v in ("是", "Ｙ", "0", "无", None, True)] == [
        True, True, False, False, None, True,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="neither"):
        values.yes_no("也许")


CELLS = (
    st.none() | st.text() | st.floats(allow_nan=False) | st.booleans() | st.integers()
    | st.dates() | st.datetimes() | st.timedeltas(timedelta(0), timedelta(days=9))
)  # fmt: skip


@given(CELLS)
def test_any_cell_is_read_or_refused(cell):
    values.text(cell)
    values.several(cell)
    for read in (values.number, values.day, values.yes_no):
        with contextlib.suppress(ValueError):
            read(cell)


@given(st.dates(date(1950, 1, 1), date(2199, 12, 31)))
def test_a_day_survives_every_way_of_writing_it(day):
    for written in (
        day.isoformat(),
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%Y%m%d}",
        (day - date(1899, 12, 30)).days,
    ):
        assert values.day(written) == day


@pytest.mark.parametrize(
    ("written", "read"),
    [("短信、邮件", ("sms", "email")), ("SMS/电话", ("sms", "call")), ("无", ()), (None, ())],
)
def test_ways_are_read_as_people_write_them(written, read):
    assert values.ways(written) == read


def test_a_way_that_is_none_is_refused():
    with pytest.raises(ValueError, match="飞鸽"):
        values.ways("短信、飞鸽")


def test_every_channel_is_read_as_exports_write_it():
    assert set(values.CHANNELS_ZH) == set(Channel)
    written = "、".join(values.CHANNELS_ZH.values())
    assert values.channels(written) == tuple(values.CHANNELS_ZH)
    assert values.channels("企微/Voice/无") == ("wecom", "voice")
    with pytest.raises(
        ValueError, match="“飞鸽” is none of 短信, 邮件, 语音, 传真, 企业微信, 企业微信群"
    ):
        values.channels("飞鸽")
