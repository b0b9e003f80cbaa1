"""A caller's place survives the daemon that wrote it; nothing else is taken for one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.menu import KEYS, LANGUAGES
from ivr.place import Place, read, write

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

places = st.builds(
    Place,
    queue=st.from_regex(r"[a-z][a-z0-9_]{0,49}", fullmatch=True),
    priority=st.integers(0, 100),
    joined_at=st.integers(0, 4_000_000_000_000_000).map(
        lambda us: EPOCH + timedelta(microseconds=us)
    ),
    preferred_agent=st.none() | st.integers(0, 2**53),
    preferred_wait_s=st.none() | st.integers(0, 99_999),
    menu_path=st.lists(st.sampled_from(KEYS), max_size=50).map(tuple),
    language=st.sampled_from(LANGUAGES),
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
        "1~north~٥~1700000000.000000~~~1-1~zh",
    ],
)
def test_what_no_daemon_wrote_is_no_place(text: str):
    assert read(text) is None
