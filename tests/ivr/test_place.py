"""A caller's place survives the daemon that wrote it; nothing else is taken for one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.core_types import Preferred
from ivr.menu import LANGUAGES
from ivr.place import Place, read, write
from ivr.said import KEYS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

places = st.builds(
    Place,
    queue=st.from_regex(r"[a-z][a-z0-9_]{0,49}", fullmatch=True),
    priority=st.integers(0, 100),
    joined_at=st.integers(0, 4_000_000_000_000_000).map(
        lambda us: EPOCH + timedelta(microseconds=us)
    ),
    preferred=st.lists(
        st.builds(
            Preferred,
            st.sampled_from(["dialled", "salesperson", "deputy", "spoke_last"]),
            st.lists(st.integers(0, 2**53), min_size=1, max_size=4).map(tuple),
        ),
        max_size=4,
    ).map(tuple),
    preferred_wait_s=st.none() | st.integers(0, 99_999),
    menu_path=st.lists(st.sampled_from(KEYS), max_size=50).map(tuple),
    language=st.sampled_from(LANGUAGES),
    skills_by=st.none() | st.from_regex(r"[a-z][a-z0-9_]{0,49}", fullmatch=True),
    place_at=st.none()
    | st.integers(0, 4_000_000_000_000_000).map(lambda us: EPOCH + timedelta(microseconds=us)),
    agents_only=st.booleans(),
)


@given(places)
def test_what_one_daemon_writes_the_next_one_reads(place: Place):
    assert read(write(place)) == place


@given(places)
def test_the_text_passes_through_dialplan_and_address_unharmed(place: Place):
    assert set(write(place)) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.~-")


@given(
    st.text()
    | st.from_regex(
        r"1~[a-z]{1,9}~[0-9]{1,4}~[0-9]{1,13}\.[0-9]{6}~[0-9]{0,20}~[0-9]{0,6}~[0-9sh-]{0,9}~(zh|en)"
    )
)
def test_any_text_at_all_is_read_without_an_error(text: str):
    assert isinstance(read(text), Place | None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1~north~5~1700000000.000000~~~1-1~fr",
        "2~north~5~1700000000.000000~~~1-1~zh",
        "1~north~5~1700000000~~~1-1~zh",
        "1~North~5~1700000000.000000~~~1-1~zh",
        "1~north~5~1700000000.000000~~~1-1~zh\n",
        "1~north~-5~1700000000.000000~~~1-1~zh",
        "1~north;rm~5~1700000000.000000~~~1-1~zh",
        "1~north~5~1700000000.000000~x~~1-1~zh",
        "1~north~5~1700000000.000000~~~1-1~zh~2",
        "1~north~5~1700000000.000000~~~1-1~zh~1~rule",
        "1~north~5~1700000000.000000~s7d8~~1-1~zh",
        "1~north~5~1700000000.000000~s7-~~1-1~zh",
        "1~north~5~1700000000.000000~s7.~~1-1~zh",
        "1~north~٥~1700000000.000000~~~1-1~zh",
    ],
)
def test_what_no_daemon_wrote_is_no_place(text: str):
    assert read(text) is None


def test_the_salesperson_of_a_daemon_before_this_one_is_still_waited_for():
    found = read("1~north~30~1790000000.123456~7~20~1-2~zh")
    assert found is not None
    assert found.preferred == (Preferred("salesperson", (7,)),)


@given(places)
def test_a_daemon_before_this_one_said_nothing_of_people_whom_we_called(place: Place):
    before = write(replace(place, agents_only=False))
    assert read(before) == replace(place, agents_only=False)
    assert write(replace(place, agents_only=True)) == f"{before}~1"
