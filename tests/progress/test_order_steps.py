"""The way of an order as its customer sees it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orders.progress.steps import Place, steps
from orders.sales.flow import MOVES, Status
from orders.sales.views import StatusChange

BEGAN = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
FIRST = (Status.PLACED, Status.REVIEW, Status.BACKORDERED)


def history_of(path: list[Status]) -> list[StatusChange]:
    origins = [None, *path]
    return [
        StatusChange(origin, to, None, BEGAN + timedelta(hours=hour), None)
        for hour, (origin, to) in enumerate(zip(origins, path, strict=False))
    ]


@st.composite
def lives(draw) -> list[Status]:
    """Any way that the status table allows."""
    path = [draw(st.sampled_from(FIRST))]
    for _ in range(draw(st.integers(0, 14))):
        onward = [to for origin, to in MOVES if origin == path[-1]]
        if not onward:
            break
        path.append(draw(st.sampled_from(onward)))
    return path


@given(lives())
def test_one_step_is_now_and_what_is_ahead_has_no_time(path):
    shown = steps(path[-1], history_of(path))
    places = [step.place for step in shown]
    assert places.count(Place.NOW) == 1
    assert places == sorted(places, key=[Place.DONE, Place.NOW, Place.AHEAD].index)
    assert all(step.at is None for step in shown if step.place is Place.AHEAD)
    assert len({step.status for step in shown}) == len(shown)
    now = next(step for step in shown if step.place is Place.NOW)
    assert now.at is not None
    assert now.status == (Status.DELIVERED if path[-1] is Status.SETTLED else path[-1])


def test_an_order_on_its_way_shows_when_each_step_was():
    path = [Status.PLACED, Status.REVIEWED, Status.PICKING, Status.SHIPPED]
    shown = steps(Status.SHIPPED, history_of(path))
    assert [step.at and step.at.hour for step in shown] == [1, 2, 3, 4, None, None]
    assert [str(step.place) for step in shown] == [*["done"] * 3, "now", "ahead", "ahead"]


def test_an_order_taken_back_from_packing_is_not_shown_as_packed():
    path = [Status.PLACED, Status.REVIEWED, Status.PICKING, Status.REVIEWED]
    shown = {step.status: step for step in steps(Status.REVIEWED, history_of(path))}
    assert (shown["reviewed"].place, shown["picking"].place) == (Place.NOW, Place.AHEAD)
    assert shown["picking"].at is None


def test_a_refused_order_shows_how_far_it_came():
    path = [Status.PLACED, Status.REVIEWED, Status.PICKING, Status.SHIPPED, Status.REFUSED]
    shown = [step.status for step in steps(Status.REFUSED, history_of(path))]
    assert shown == ["placed", "reviewed", "picking", "shipped", "refused"]
