from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.menu import LANGUAGES
from ivr.spoken import english, mandarin
from ivr.spoken.speaker import UNITS, Speaker, vocabulary

NUMBERS = st.integers(0, mandarin.MOST) | st.integers(0, 20_000)
MONEY = st.integers(0, 10**12).map(lambda fen: Decimal(fen).scaleb(-2))
TODAY = date(2026, 3, 2)


def said(pieces: tuple[str, ...]) -> str:
    return "".join(pieces)


@pytest.mark.parametrize(
    ("n", "reading"),
    [
        (0, "零"), (2, "二"), (10, "十"), (12, "十二"), (20, "二十"), (100, "一百"), (105, "一百零五"),
        (110, "一百一十"), (115, "一百一十五"), (200, "两百"), (222, "两百二十二"), (1005, "一千零五"),
        (1015, "一千零一十五"), (1200, "一千二百"), (2000, "两千"), (2002, "两千零二"), (10_000, "一万"),
        (10_005, "一万零五"), (12_000, "一万两千"), (20_000, "两万"), (22_000, "两万两千"), (100_010, "十万零一十"),
        (150_000, "十五万"), (1_000_500, "一百万零五百"), (2_000_000, "两百万"), (100_000_005, "一亿零五"),
        (123_456_789, "一亿两千三百四十五万六千七百八十九"), (200_000_000, "两亿"), (100_000_000_000, "一千亿"),
        (300_020_000, "三亿零二万"), (300_020_001, "三亿零二万零一"),
    ],
)  # fmt: skip
def test_mandarin_numbers(n, reading):
    assert said(mandarin.number(n)) in (reading, reading.replace("零二万", "零两万"))


@pytest.mark.parametrize(
    ("n", "reading"), [(0, "零件"), (2, "两件"), (12, "十二件"), (22, "二十二件"), (102, "一百零二件"), (200, "两百件")]
)  # fmt: skip
def test_mandarin_counts_two_things_as_liang(n, reading):
    assert said(mandarin.quantity(n, "件")) == reading


@pytest.mark.parametrize(
    ("amount", "zh", "en"),
    [
        ("1005.20", "一千零五元两角", "one thousand and five yuan and twenty fen"),
        ("10.05", "十元零五分", "ten yuan and five fen"),
        ("2", "两元", "two yuan"),
        ("0.20", "两角", "twenty fen"),
        ("0.02", "两分", "two fen"),
        ("3.14", "三元一角四分", "three yuan and fourteen fen"),
        ("0", "零元", "zero yuan"),
        ("20000.00", "两万元", "twenty thousand yuan"),
    ],
)
def test_money(amount, zh, en):
    assert said(mandarin.money(Decimal(amount))) == zh
    assert " ".join(english.money(Decimal(amount))) == en


def test_days_and_codes():
    assert said(mandarin.day(date(2026, 10, 12), TODAY)) == "十月十二号"
    assert said(mandarin.day(date(2027, 1, 2), TODAY)) == "二零二七年一月二号"
    assert " ".join(english.day(date(2026, 3, 2), TODAY)) == "March second"
    assert (
        " ".join(english.day(date(2027, 3, 21), TODAY)) == "March twenty-first twenty twenty-seven"
    )
    assert said(mandarin.code("260311-a2")) == "二六零三幺幺-A二"


@pytest.mark.parametrize(
    ("when", "zh", "en"),
    [
        (time(2), "两点", "two o'clock"),
        (time(8, 5), "八点零五分", "eight oh five"),
        (time(12, 10), "十二点十分", "twelve ten"),
        (time(22, 30), "二十二点三十分", "twenty-two thirty"),
    ],
)
def test_times_of_day(when, zh, en):
    assert said(mandarin.clock(when)) == zh
    assert " ".join(english.clock(when)) == en


@given(st.times())
def test_a_mandarin_time_is_heard_as_it_was_meant(when):
    hour, _, rest = said(mandarin.clock(when)).partition("点")
    assert (heard(hour), heard(rest.removesuffix("分"))) == (when.hour, when.minute)


@given(NUMBERS)
def test_a_mandarin_number_is_heard_as_it_was_meant(n):
    assert heard(said(mandarin.number(n))) == n


@given(MONEY)
def test_money_is_heard_to_the_cent(amount):
    text = said(mandarin.money(amount))
    yuan, _, rest = text.rpartition("元")
    jiao, _, rest = rest.removeprefix("零").rpartition("角")
    fen = rest.removesuffix("分")
    assert Decimal(heard(yuan)) + Decimal(heard(jiao)) / 10 + Decimal(heard(fen)) / 100 == amount


@pytest.mark.parametrize("language", LANGUAGES)
@given(n=NUMBERS, amount=MONEY, when=st.dates(), at=st.times(), text=st.text(max_size=20))
def test_whatever_is_said_has_its_prompts(language, *, n, amount, when, at, text):
    speaker = Speaker(language)
    said = [
        speaker.number(n),
        speaker.money(amount),
        speaker.day(when, TODAY),
        speaker.clock(at),
        speaker.code(text),
        *(speaker.quantity(n, unit) for unit in (*UNITS, "打")),
        *(speaker.one(unit) for unit in (*UNITS, "打")),
    ]
    assert {name for names in said for name in names} <= set(vocabulary(language).values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_have_names_of_their_own(language):
    words = vocabulary(language)
    assert len(set(words.values())) == len(words)
    assert all(name.isascii() for name in words.values())


@pytest.mark.parametrize("reader", [mandarin.number, english.number])
@pytest.mark.parametrize("n", [-1, 10**12])
def test_what_cannot_be_said_is_refused(reader, n):
    with pytest.raises(ValueError, match="0 to 999,999,999,999"):
        reader(n)


@pytest.mark.parametrize("reader", [mandarin.money, english.money])
def test_parts_of_a_cent_are_refused(reader):
    with pytest.raises(ValueError, match="parts of a cent"):
        reader(Decimal("1.005"))


def heard(text: str) -> int:
    """What a listener understands: digits add up in tens, hundreds and thousands of a group."""
    digits = {sign: value for value, sign in enumerate(mandarin.DIGITS)} | {"两": 2}
    whole = group = digit = 0
    for sign in text:
        if sign in digits:
            digit = digits[sign]
        elif sign in (scales := {"十": 10, "百": 100, "千": 1000}):
            group += (digit or 1) * scales[sign]
            digit = 0
        else:
            whole += (group + digit) * {"万": 10**4, "亿": 10**8}[sign]
            group = digit = 0
    return whole + group + digit
