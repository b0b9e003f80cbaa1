"""The rules of dialling, tried on every time of day and with everything that may be known of a number."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dialer.policy import FURTHEST_PUT_OFF
from dialer.rules import words
from dialer.rules.areas import SHIPPED, areas_of
from dialer.rules.caps import LONGEST, Cap, cap_of
from dialer.rules.hours import LOOK_AHEAD, Area, Hours
from dialer.rules.verdict import DialRules, Made, Reason, Standing, may_dial

SHANGHAI = ZoneInfo("Asia/Shanghai")
RULES = DialRules()
MOBILE = "13800138000"
ZONES = ("Asia/Shanghai", "Asia/Urumqi", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe")

instants = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001
    max_value=datetime(2027, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
purposes = st.sampled_from(["callback", "campaign", "message"])
results = st.sampled_from(["busy", "no_answer", "abandoned", "congestion", "reached", None])
minutes = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
hours = st.builds(
    Hours,
    st.lists(st.tuples(minutes, minutes), min_size=1, max_size=3).map(tuple),
    holidays=st.booleans(),
    weekends=st.booleans(),
)
areas = st.lists(st.sampled_from(ZONES), min_size=1, max_size=2, unique=True).map(
    lambda names: tuple(Area(ZoneInfo(name)) for name in names)
)
caps = st.lists(
    st.builds(Cap, st.integers(1, 5), st.timedeltas(timedelta(minutes=1), timedelta(days=7))),
    min_size=1,
    max_size=3,
).map(tuple)
rules = st.builds(
    DialRules, campaign_hours=hours, callback_hours=hours, campaign_caps=caps, callback_caps=caps
)


@st.composite
def cases(draw):
    """A moment and what is known of a number then."""
    now = draw(instants)
    ages = draw(st.lists(st.timedeltas(timedelta(0), timedelta(days=9)), max_size=8))
    made = tuple(Made(now - age, draw(results)) for age in ages)
    places = tuple(draw(st.lists(st.sampled_from(["新疆", "天津"]), max_size=2)))
    number = draw(st.sampled_from([MOBILE, "+8529876543", "+12125550100", "+99912345678"]))
    listed = draw(st.sampled_from([None] * 6 + ["do_not_call", "imported_do_not_call"]))
    return now, Standing(number, listed=listed, places=places, made=made)


def at(hour: int, minute: int = 0, day: int = 23, month: int = 11, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


@given(cases(), purposes, st.booleans())
def test_a_number_on_the_list_is_never_dialled(case, purpose, reserved):
    now, standing = case
    listed = replace(standing, listed="do_not_call")
    verdict = may_dial(purpose, now, listed, RULES, reserved=reserved)
    assert (verdict.allowed, verdict.reason, verdict.retry_at) == (False, "do_not_call", None)


@given(cases(), purposes, rules, st.booleans())
def test_the_time_named_is_one_at_which_it_is_allowed(case, purpose, rules, reserved):
    now, standing = case
    verdict = may_dial(purpose, now, standing, rules, reserved=reserved)
    assert verdict.allowed is (verdict.reason == "allowed")
    if verdict.retry_at is not None:
        assert now < verdict.retry_at < now + FURTHEST_PUT_OFF
        assert may_dial(purpose, verdict.retry_at, standing, rules, reserved=reserved).allowed


@given(
    cases(),
    purposes,
    rules,
    st.sampled_from(["list", "out", "consent", "place", "attempt", "agent"]),
)
def test_to_know_more_against_a_call_never_makes_it_allowed(case, purpose, rules, more):
    now, less = case
    worse = {
        "list": replace(less, listed="campaign_do_not_call"),
        "out": replace(less, opted_out=True),
        "consent": replace(less, needs_consent=True),
        "place": replace(less, places=(*less.places, "新疆")),
        "attempt": replace(less, made=(*less.made, Made(now - timedelta(minutes=1), "abandoned"))),
        "agent": less,
    }[more]
    reserved = more != "agent"
    if more == "place":
        assume(rules.areas(less))
    if may_dial(purpose, now, worse, rules, reserved=reserved).allowed:
        assert may_dial(purpose, now, less, rules).allowed


@given(instants, hours, areas)
def test_what_is_open_lies_inside_a_window_by_every_clock(now, hours, areas):
    if hours.closed(now, areas) is not None:
        return
    for area in areas:
        wall = now.astimezone(area.zone).time()
        inside = (a <= wall < b if a < b else wall >= a or wall < b for a, b in hours.windows)
        assert any(inside)


@given(instants, hours, areas)
def test_nothing_opens_between_now_and_the_next_opening(now, hours, areas):
    opens = hours.next_opening(now, areas)
    until = opens or now + LOOK_AHEAD - timedelta(days=2)
    late = timedelta(hours=1)  # of a window that begins in the hour that a clock leaves out
    step = max(timedelta(minutes=15), (until - now) / 40)
    probe = now
    while probe + late < until:
        assert hours.closed(probe, areas) is not None
        probe += step
    if opens is not None:
        assert hours.closed(opens, areas) is None


@given(instants, st.lists(st.timedeltas(timedelta(0), timedelta(days=8)), max_size=12), caps)
def test_no_window_of_time_ever_holds_more_attempts_than_its_cap(now, gaps, caps):
    rules = DialRules(campaign_hours=Hours(((time(0), time(0)),)), campaign_caps=caps)
    made: tuple[Made, ...] = ()
    for gap in gaps:
        now += gap
        if may_dial("campaign", now, Standing(MOBILE, made=made), rules).allowed:
            made = (*made, Made(now, "busy"))
    for cap in caps:
        for each in made:
            inside = [one for one in made if each.at - cap.within < one.at <= each.at]
            assert len(inside) <= cap.attempts


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (at(8), at(9)),
        (at(9), at(9)),
        (at(11, 59), at(11, 59)),
        (at(12), at(14)),
        (at(20, 59), at(20, 59)),
        (at(21), at(9, day=24)),
    ],
)
def test_campaign_hours_open_at_the_minute_and_leave_the_noon_rest(now, opens):
    assert RULES.campaign_hours.next_opening(now, (Area(SHANGHAI),)) == opens


@pytest.mark.parametrize(
    ("now", "reason", "again"),
    [
        (at(10, day=1, month=10), "holiday", at(9, day=8, month=10)),
        (at(10, day=20, month=9), None, None),  # a Sunday that is worked for the holiday
        (at(10, day=22, month=11), "weekend", at(9, day=23)),
        (at(10, day=10, month=10), None, None),  # a Saturday that is worked
        (at(10, day=21, month=11, year=2031), None, None),  # a Friday of a year not decreed yet
    ],
)
def test_holidays_rest_and_days_worked_for_them_are_working_days(now, reason, again):
    hours = replace(RULES.campaign_hours, weekends=False)
    assert hours.closed(now, (Area(SHANGHAI),)) == reason
    if again is not None:
        assert hours.next_opening(now, (Area(SHANGHAI),)) == again


def test_messages_and_callbacks_do_not_rest_on_holidays():
    known = Standing(MOBILE)
    assert may_dial("callback", at(10, day=1, month=10), known, RULES).allowed
    assert may_dial("campaign", at(10, day=1, month=10), known, RULES).reason == "holiday"


def test_the_address_counts_beside_the_number_and_the_most_restrictive_wins():
    here, there = Standing(MOBILE), Standing(MOBILE, places=("新疆",))
    assert may_dial("campaign", at(9, 30), here, RULES).allowed
    refused = may_dial("campaign", at(9, 30), there, RULES)
    assert (refused.reason, refused.retry_at) == ("outside_hours", at(11))
    assert may_dial("campaign", at(20), there, RULES).allowed
    assert not may_dial("campaign", at(21), there, RULES).allowed


def test_a_number_abroad_goes_by_its_longest_prefix_and_one_of_nowhere_by_no_campaign():
    zones = {**SHIPPED, "+1415": ("America/Los_Angeles",)}
    found = areas_of("+14155550100", (), SHANGHAI, zones)
    assert [area.zone.key for area in found] == ["America/Los_Angeles"]
    nowhere = Standing("+99912345678")
    assert may_dial("campaign", at(10), nowhere, RULES).reason == "area_unknown"
    assert may_dial("callback", at(10), nowhere, RULES).allowed


def test_a_window_over_midnight_needs_the_day_on_both_sides():
    late = Hours(((time(22), time(2)),), weekends=False)
    assert late.closed(at(23, day=27), (Area(SHANGHAI),)) is None  # Friday
    assert late.closed(at(1, day=28), (Area(SHANGHAI),)) == "weekend"
    assert late.next_opening(at(1, day=28), (Area(SHANGHAI),)) == at(0, day=30)


def test_a_clock_that_is_put_forward_or_back_opens_by_the_wall():
    berlin = (Area(ZoneInfo("Europe/Berlin")),)
    night = Hours(((time(2, 30), time(4)),))
    spring = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    opens = night.next_opening(spring, berlin)
    assert datetime(2026, 3, 29, 1, 0, tzinfo=UTC) <= opens < datetime(2026, 3, 29, 2, tzinfo=UTC)
    autumn = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # 02:45 for the first time
    twice = Hours(((time(2, 15), time(2, 30)),))
    assert twice.next_opening(autumn, berlin) == datetime(2026, 10, 25, 1, 15, tzinfo=UTC)


def test_where_no_hour_suits_both_places_there_is_none():
    noon = Hours(((time(12), time(13)),))
    both = (Area(SHANGHAI), Area(ZoneInfo("America/New_York")))
    assert noon.next_opening(at(10), both) is None


@pytest.mark.parametrize(
    ("ages", "reason", "after"),
    [
        ([9], "attempts_used_up", 1),
        ([10], None, 0),
        ([15, 40], "attempts_used_up", 20),
        ([70, 130, 190], "attempts_used_up", 1440 - 190),
    ],
)
def test_campaigns_leave_a_number_alone_after_few_calls(ages, reason, after):
    now = at(14)
    made = tuple(Made(now - timedelta(minutes=age), "no_answer") for age in ages)
    verdict = may_dial("campaign", now, Standing(MOBILE, made=made), RULES)
    if reason is None:
        assert verdict.allowed
    else:
        free = now + timedelta(minutes=after)
        opens = RULES.campaign_hours.next_opening(free, (Area(SHANGHAI),))
        assert (verdict.reason, verdict.retry_at) == (reason, opens)


def test_a_callback_that_was_asked_for_is_limited_more_loosely_and_counts_for_all():
    now = at(10)
    made = tuple(Made(now - timedelta(minutes=age), "busy") for age in (5, 20, 90))
    known = Standing(MOBILE, made=made)
    assert may_dial("callback", now, known, RULES).allowed
    assert may_dial("campaign", now, known, RULES).reason == "attempts_used_up"
    full = tuple(replace(each, result="congestion") for each in made)
    assert may_dial("campaign", now, Standing(MOBILE, made=full), RULES).allowed


def test_for_72_hours_after_an_abandoned_call_a_campaign_needs_an_agent_who_waits():
    now = at(10)
    known = Standing(MOBILE, made=(Made(now - timedelta(hours=71), "abandoned"),))
    assert may_dial("campaign", now, known, RULES, reserved=True).allowed
    refused = may_dial("campaign", now, known, RULES, reserved=False)
    assert (refused.reason, refused.retry_at) == ("abandoned_lately", at(11))
    assert may_dial("campaign", at(11), known, RULES, reserved=False).allowed
    assert may_dial("callback", now, known, RULES, reserved=False).allowed


@pytest.mark.parametrize(
    "written", ["", "3", "3/", "/24h", "0/24h", "3/24", "3/24x", "3/11d", "-1/1h"]
)
def test_what_is_no_cap_is_refused_with_how_to_write_one(written):
    with pytest.raises(ValueError, match=r"3/24h|at least one"):
        cap_of(written)


@given(st.integers(1, 99), st.integers(1, int(LONGEST / timedelta(minutes=1))))
def test_a_cap_reads_as_it_is_written(attempts, within):
    cap = Cap(attempts, timedelta(minutes=within))
    assert cap_of(str(cap)) == cap


def test_the_ledgers_words_say_version_hours_zones_and_caps():
    known = Standing(MOBILE, places=("新疆",))
    assert RULES.describe("campaign", RULES.areas(known)) == (
        "2026-2 campaign 09:00-12:00 14:00-21:00 no-holidays Asia/Shanghai+Asia/Urumqi"
        " max 1/10m 2/1h 3/1d 7/7d"
    )


def test_every_reason_has_words_in_both_languages():
    reasons = set(get_args(Reason))
    assert set(words.ZH) == set(words.EN) == reasons
    assert all(len(each) <= 20 for each in reasons)  # as items keep them
