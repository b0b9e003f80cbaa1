"""The pure parts: codes that can be said on the telephone, discounts, months."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from crm_core.benefits.codes import SIGNS, new_code, read_code
from crm_core.benefits.discounts import discount
from crm_core.benefits.packages import months_later

money = st.decimals(min_value=0, max_value=10**8, places=2)


@given(place=st.integers(0, 11), other=st.sampled_from(SIGNS))
def test_a_code_is_read_as_it_was_meant_and_a_wrong_sign_is_found(place: int, other: str):
    code = new_code()
    assert read_code(code) == code
    assert read_code(code.lower().replace("-", " ").replace("0", "o").replace("1", "l")) == code
    signs = code.replace("-", "")
    wrong = signs[:place] + other + signs[place + 1 :]
    assert (read_code(wrong) is None) == (signs[place] != other)
    assert read_code(signs[:-1]) is None


def test_codes_are_not_guessed():
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert {sign for code in codes for sign in code} == {*SIGNS, "-"}


@given(
    what=st.sampled_from(["amount", "percent"]),
    value=st.decimals(min_value="0.01", max_value=100, places=2),
    total=money,
    most=st.none() | money,
)
def test_a_discount_is_never_more_than_the_order_nor_less_than_nothing(what, value, total, most):
    off = discount(what, value, total, most=most)
    assert 0 <= off <= total
    assert off == off.quantize(Decimal("0.01"))
    assert most is None or off <= most


def test_half_a_cent_goes_up():
    assert discount("percent", Decimal("12.5"), Decimal("0.60")) == Decimal("0.08")
    assert discount("amount", Decimal(20), Decimal("12.30")) == Decimal("12.30")


def test_a_year_ends_on_the_day_before():
    assert months_later(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert months_later(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert months_later(date(2026, 12, 1), 1) == date(2027, 1, 1)
