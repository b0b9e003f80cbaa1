"""The place in the line as text: read back as written, and nothing else is one."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ivr.menu import KEYS
from ivr.place import Place, read, write

queues = st.from_regex(r"[a-z][a-z0-9_]{0,49}", fullmatch=True)
moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
places = st.builds(
    Place,
    queue=queues,
    priority=st.integers(0, 100),
    joined_at=moments,
    preferred_agent=st.none() | st.integers(1, 10**12),
    menu_path=st.lists(st.sampled_from(KEYS), max_size=50).map(tuple),
    language=st.sampled_from(["zh", "en"]),
)


@given(places)
def test_a_place_reads_back_as_it_was_written(place: Place) -> None:
    assert read(write(place)) == place


@given(places)
def test_a_place_passes_through_dialplan_and_address_unharmed(place: Place) -> None:
    assert set(write(place)) <= set("abcdefghijklmnopqrstuvwxyz0123456789._~-")


@given(st.text())
def test_any_other_text_is_no_place(text: str) -> None:
    found = read(text)
    assert found is None or write(found) == text


@given(places, st.data())
def test_a_place_cut_short_is_no_place(place: Place, data: st.DataObject) -> None:
    text = write(place)
    cut = data.draw(st.integers(0, text.rindex("~")))
    assert read(text[:cut]) is None
