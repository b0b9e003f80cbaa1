"""The numbered state of pages, the queue of one page, and tickets: without a socket."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from crm_core.rights import Principal
from tests.webui.web_house import until
from webui.page import Backlog, Page
from webui.state import Store
from webui.tickets import LIFETIME_S, Tickets

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NAMES = ("pops", "callbacks")


class Thing(BaseModel):
    value: int
    text: str = '滨海 " \\ \u2028'


def applied(state: dict, message: dict) -> dict:
    """What a page makes of a change."""
    for name, objects in message["set"].items():
        state[name] = state[name] | objects
    for name, keys in message["remove"].items():
        state[name] = {key: value for key, value in state[name].items() if key not in keys}
    return state


keys = st.sampled_from(["a", "b", "键", '"'])
things = st.dictionaries(keys, st.builds(Thing, value=st.integers(0, 3)), max_size=3)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("change"),
            st.dictionaries(st.sampled_from(NAMES), things),
            st.dictionaries(st.sampled_from(NAMES), st.sets(keys)),
        ),
        st.tuples(st.just("replace"), st.dictionaries(st.sampled_from(NAMES), things)),
    ),
    max_size=12,
)


@given(before=steps, after=steps)
def test_a_snapshot_with_the_later_changes_is_a_fresh_snapshot(before: list, after: list):
    store = Store(NAMES)
    for kind, *what in before:
        getattr(store, kind)(NOW, *what)
    first = json.loads(store.snapshot(NOW))
    state, sequence = first["state"], first["seq"]
    for kind, *what in after:
        message = getattr(store, kind)(NOW, *what)
        if message is not None:
            change = json.loads(message)
            assert change["seq"] == sequence + 1
            state, sequence = applied(state, change), change["seq"]
    fresh = json.loads(store.snapshot(NOW))
    assert state == fresh["state"]
    assert sequence == fresh["seq"] == json.loads(store.heartbeat(NOW))["seq"]


def test_an_object_that_did_not_change_is_not_told_again():
    store = Store(NAMES)
    assert store.change(NOW, {"pops": {"a": Thing(value=1)}}) is not None
    assert store.change(NOW, {"pops": {"a": Thing(value=1)}}, {"callbacks": {"gone"}}) is None


class Reader:
    """The far end of a page: takes messages one at a time, when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Semaphore(0)
        self.got: list[bytes] = []

    async def send(self, message: bytes) -> None:
        await self.let.acquire()
        self.got.append(message)


def page_for(reader: Reader, backlog: Backlog) -> Page:
    principal = Principal(1, "a", "a", "agent", frozenset(), "zh-CN", None, 1)
    return Page(
        "sidebar", principal, "token", send=reader.send, close=lambda _: None, backlog=backlog
    )


@pytest.mark.parametrize(
    "backlog", [Backlog(messages=3, size=1000), Backlog(messages=1000, size=30)]
)
async def test_a_slow_page_is_sent_one_snapshot_instead_of_its_backlog(backlog: Backlog):
    reader = Reader()
    page = page_for(reader, backlog)
    snapshots = iter([b"first snapshot", b"second snapshot"])
    writer = asyncio.create_task(page.run(lambda: next(snapshots)))
    reader.let.release()
    await until(lambda: reader.got == [b"first snapshot"])
    for number in range(20):
        page.put(b"change %04d" % number)
    reader.let.release()
    reader.let.release()
    await until(lambda: len(reader.got) == 2)
    assert reader.got == [b"first snapshot", b"second snapshot"]
    page.put(b"later change")
    await until(lambda: len(reader.got) == 3)
    assert reader.got[-1] == b"later change"
    writer.cancel()


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_ticket_opens_one_page_once():
    tickets = Tickets(Time())
    ticket = tickets.give("session")
    assert tickets.use(ticket, "session")
    assert not tickets.use(ticket, "session")


def test_a_ticket_of_another_session_opens_nothing_and_is_spent():
    tickets = Tickets(Time())
    ticket = tickets.give("session")
    assert not tickets.use(ticket, "stolen by")
    assert not tickets.use(ticket, "session")


def test_an_old_ticket_opens_nothing_and_old_tickets_are_forgotten():
    time = Time()
    tickets = Tickets(time)
    old = tickets.give("session")
    time.now += LIFETIME_S
    fresh = tickets.give("session")
    assert not tickets.use(old, "session")
    assert tickets.use(fresh, "session")
