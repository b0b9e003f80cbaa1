import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_core.numbers import area_code, mask, normalise, shown

SAME_MOBILE = [
    "13800138000",
    "+8613800138000",
    "008613800138000",
    "8613800138000",
    "+86 138 0013 8000",
    "138-0013-8000",
    "(+86)138.0013.8000",
    "１３８００１３８０００",
    "＋８６１３８００１３８０００",
    "013800138000",
    "02213800138000",
    "031113800138000",
    "+86013800138000",
    "868613800138000",
    "sip:13800138000@198.51.100.7",
    "tel:+8613800138000",
]
SAME_LANDLINE = [
    "02223456789",
    "022-23456789",
    "022 2345 6789",
    "（022）23456789",
    "+862223456789",
    "+86 22 2345 6789",
    "+8602223456789",
    "862223456789",
    "02202223456789",
    "02202202223456789",
    "0222223456789",
    "02223456789转801",
    "022-23456789-801",
    "02223456789 ext. 12",
    "022-23456789#8",
    "02223456789;ext=12",
]


@pytest.mark.parametrize("raw", SAME_MOBILE)
def test_every_way_of_writing_a_mobile_is_one_number(raw):
    assert normalise(raw) == "13800138000"


@pytest.mark.parametrize("raw", SAME_LANDLINE)
def test_every_way_of_writing_a_landline_is_one_number(raw):
    assert normalise(raw) == "02223456789"


@pytest.mark.parametrize(
    "raw",
    [None, "", "  ", "anonymous", "Anonymous", "unknown", "<unknown>", "隐藏号码", "0", "00000000",
     "+", "sip:anonymous@anonymous.invalid", "abc", "+0012", "1"],
)  # fmt: skip
def test_a_hidden_number_is_no_number(raw):
    assert normalise(raw) is None


@pytest.mark.parametrize(
    "raw",
    ["138****8000", "****5678", "138＊＊＊＊8000", "138xxxx8000", "0223***6789", "*13800138000*"],
)
def test_a_masked_number_is_no_number_and_never_another_one(raw):
    assert normalise(raw) is None


@given(st.from_regex(r"1[3-9][0-9]{9}|0[1-9][0-9]{8,10}|\+[1-9][0-9]{7,13}", fullmatch=True))
def test_what_is_masked_never_becomes_a_number_again(number):
    assert normalise(mask(number)) is None


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("400-812-3456", "4008123456"),
        ("800 810 1234", "8008101234"),
        ("+864008123456", "4008123456"),
        ("0224008123456", "4008123456"),
        ("1001", "1001"),
        ("110", "110"),
        ("95588", "95588"),
        ("02296500", "02296500"),
        ("+852 2345 6789", "+85223456789"),
        ("00852-23456789", "+85223456789"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("03115678901", "03115678901"),
        ("031187654321", "031187654321"),
        ("0311031187654321", "031187654321"),
        ("01065881234", "01065881234"),
    ],
)
def test_short_service_and_foreign_numbers_are_kept(raw, kept):
    assert normalise(raw) == kept


@given(st.text(alphabet="0123456789+-() 86转x#.@", max_size=24) | st.text(max_size=20))
@example("860")
@example("86" * 2_000)
def test_normalising_twice_changes_nothing(raw):
    once = normalise(raw)
    assert normalise(once) == once


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["", "+86", "86", "0086"]))
def test_any_mobile_is_found_behind_any_country_prefix(mobile, prefix):
    assert normalise(prefix + mobile) == mobile


@given(
    st.sampled_from(["010", "021", "022", "028"]), st.from_regex(r"[2-8][0-9]{7}", fullmatch=True)
)
def test_a_doubled_area_code_is_taken_off(code, subscriber):
    assert normalise(code + code + subscriber) == code + subscriber
    assert area_code(code + subscriber) == code


@given(st.text(alphabet="0123456789", min_size=7, max_size=15))
def test_a_masked_number_keeps_its_length_and_hides_four_digits_or_more(number):
    hidden = mask(number)
    assert len(hidden) == len(number)
    assert hidden.endswith(number[-4:])
    assert hidden.count("*") >= min(4, len(number) - 4)


def test_masks_look_as_people_know_them():
    assert mask("13800138000") == "138****8000"
    assert mask("02223456789") == "022****6789"
    assert mask("1001") == "1001"
    assert shown("13800138000", unmasked=True) == "13800138000"
    assert shown("13800138000", unmasked=False) == "138****8000"
