"""Whatever happens to those who wait and to daemons, a place is held for each call-back once, and turns come in order."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from acd.core_types import Caller
from acd.events import PlaceReached
from crm_core.bus import Bus
from dialer.places import Places
from dialer.store import DueCallback
from tests.dialer.desk import QUEUE, Desk

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
AGENT = 1


class Callbacks(RuleBasedStateMachine):
    """A table of call-backs, its places in the line, callers beside them, and daemons that die."""

    def __init__(self) -> None:
        super().__init__()
        self.table: dict[int, DueCallback] = {}
        self.made = 0
        self.begin()

    def begin(self) -> None:
        """A daemon: all it knows is the table."""
        bus = Bus()
        self.desk = Desk(AGENT, bus)
        self.desk.free = False
        self.places = Places(self.desk)
        self.waiting: dict[str, datetime] = {}
        self.dialled: str | None = None
        bus.subscribe(self.turn, PlaceReached)

    def turn(self, event: PlaceReached) -> None:
        item = self.places.reached(event.call_id)
        assert item is not None
        assert self.table[item.id] == item, "what is not due any more has no turn"
        assert self.dialled is None, "one call for one agent"
        mine = (-item.priority, item.joined_at)
        others = [(0, at) for at in self.waiting.values()]
        others += [(-each.priority, each.joined_at) for each in self.table.values()]
        assert mine <= min(others), "nobody is dialled ahead of the turn"
        del self.table[item.id]
        self.dialled = event.call_id

    @rule(minutes=st.integers(-60, 0), priority=st.integers(0, 1))
    def somebody_is_to_be_called_back(self, minutes: int, priority: int) -> None:
        self.made += 1
        joined_at = START + timedelta(minutes=minutes, microseconds=self.made)
        number = f"138000{self.made:05d}"
        self.table[self.made] = DueCallback(
            self.made, number, QUEUE, None, joined_at, priority, None, None
        )
        self.agree()

    @rule(minutes=st.integers(-60, 0))
    def somebody_waits_in_the_line(self, minutes: int) -> None:
        self.made += 1
        at = START + timedelta(minutes=minutes, microseconds=self.made)
        call_id = f"c{self.made}"
        self.waiting[call_id] = at
        self.desk.join(Caller(call_id, QUEUE, 0, at.timestamp()))

    @precondition(lambda self: self.table)
    @rule(data=st.data())
    def one_is_not_wanted_any_more(self, data: st.DataObject) -> None:
        del self.table[data.draw(st.sampled_from(sorted(self.table)))]
        self.agree()

    @precondition(lambda self: self.table)
    @rule(data=st.data())
    def one_calls_in(self, data: st.DataObject) -> None:
        item = self.table.pop(data.draw(st.sampled_from(sorted(self.table))))
        self.places.give_up(item.number)
        self.agree()

    @rule()
    def the_database_is_away_and_comes_back(self) -> None:
        self.places.give_up()
        assert self.desk.places == 0
        self.agree()

    @rule()
    def the_agent_is_ready_for_one(self) -> None:
        self.desk.free = True
        self.desk.free = False
        if self.dialled is not None:
            self.desk.talks(self.dialled)
        elif (talking := self.desk.ringing()) is not None:
            del self.waiting[talking]
            self.desk.ends(talking)
        self.dialled = None

    @rule()
    def the_daemon_dies(self) -> None:
        self.begin()
        self.agree()

    def agree(self) -> None:
        self.places.agree(self.table.values())

    @invariant()
    def each_has_one_place(self) -> None:
        assert len(self.places) == self.desk.places == len(self.table)


TestPlaces = Callbacks.TestCase
TestPlaces.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_turn_that_nobody_wants_any_more_is_not_taken():
    places = Places(Desk(AGENT, Bus()))
    assert places.reached(uuid.uuid4().hex) is None


def test_when_many_are_due_at_once_the_first_in_line_have_their_places_first():
    desk = Desk(AGENT, Bus())
    desk.free = False
    places = Places(desk)
    due = [
        DueCallback(n, f"138{n:08d}", QUEUE, None, START - timedelta(seconds=n), 0, None, None)
        for n in range(25)
    ]
    assert places.agree(due, most=10)
    assert [place.joined_at for place in desk.held] == sorted(each.joined_at for each in due)[:10]
    assert places.agree(due, most=10)
    assert not places.agree(due, most=10)
    assert desk.places == len(due)
