"""Callers whom an agent passes on: one call, one record, the next agent's pop, the survey at the end."""

from typing import cast

from acd.events import CallAnswered, CallEnded, CallOffered
from ami_bridge.events import (
    BridgeEntered,
    BridgeLeft,
    ChannelCreated,
    ChannelHungUp,
    ChannelState,
    LinkUp,
)
from tests.ivr.ivr_line import NOON, Channel, OrderLine, until

STRANGER = "02223456789"


class Asterisk:
    """What Asterisk tells of the caller's channel and of the agents' telephones."""

    def __init__(self, line: OrderLine, caller: Channel) -> None:
        self.line, self.caller = line, caller
        self.linkedid = caller._headers["agi_uniqueid"]
        self._tell(ChannelCreated, "PJSIP/trunk-00000001", state="up", caller=STRANGER)

    def agent_answers(self, extension: str, leg: int = 1, linkedid: str | None = None) -> None:
        channel, uniqueid = f"PJSIP/{extension}-0000000{leg}", f"{extension}.{leg}"
        self._tell(ChannelCreated, channel, uniqueid, linkedid, state="down", caller=None)
        self._tell(ChannelState, channel, uniqueid, linkedid, state="up")

    def hangs_up(self, channel: str = "PJSIP/trunk-00000001", uniqueid: str | None = None) -> None:
        self._tell(ChannelHungUp, channel, uniqueid, cause=16, cause_text="", tech_cause=None)

    def bridge(self, bridge_id: str, *uniqueids: str) -> None:
        """They talk with each other, in this bridge and in no other."""
        for uniqueid in uniqueids:
            self.line.acd.on_asterisk_event(
                BridgeLeft("pbx1", NOON, "old", "x", uniqueid, uniqueid)
            )
        for uniqueid in uniqueids:
            self.line.acd.on_asterisk_event(
                BridgeEntered("pbx1", NOON, bridge_id, "x", uniqueid, self.linkedid)
            )

    def link_comes_back(self) -> None:
        self.line.acd.on_asterisk_event(LinkUp("pbx1", NOON, ()))

    def _tell(
        self,
        kind: type,
        channel: str,
        uniqueid: str | None = None,
        linkedid: str | None = None,
        **more: object,
    ) -> None:
        if kind is ChannelCreated:
            more |= {"exten": "s", "context": "zongji-call"}
        told = kind(
            "pbx1", NOON, channel, uniqueid or self.linkedid, linkedid or self.linkedid, **more
        )
        self.line.acd.on_asterisk_event(told)


async def talking(line: OrderLine) -> tuple[Channel, Asterisk]:
    """A caller who talks with agent 1."""
    await line.agent(1, "north")
    caller = Channel(keys=["1", "1"], caller=STRANGER)
    asterisk = Asterisk(line, caller)
    await line.begin(caller)
    await until(lambda: ("Dial", "PJSIP/1001", "20", "g") in caller.executed)
    asterisk.agent_answers("1001")
    return caller, asterisk


async def pass_on(line: OrderLine, caller: Channel, extension: str, **more: object) -> Channel:
    """The agent's telephone sends the caller away; the call comes back through the dialplan."""
    caller.hang_up()
    await line.over()
    place = caller.variables["ZJ_PLACE"]
    again = Channel(
        call_id=caller.call_id, caller=STRANGER, transfer=extension, place=place, **more
    )
    again.variables |= caller.variables
    await line.begin(again)
    return again


async def test_the_call_goes_on_with_the_next_agent_under_its_id(line: OrderLine) -> None:
    caller, asterisk = await talking(line)
    await line.agent(2, "retail")
    again = await pass_on(line, caller, "1002", dials=[("ANSWER", 9)])
    await line.over()
    row = line.row(caller)
    assert (row.outcome, row.agent_id, row.queue) == ("answered", 2, "north")
    assert again.executed[-1] == ("Dial", "PJSIP/1002", "20", "g")
    assert [options for app, *options in again.executed if app == "MixMonitor"] == []
    offered = [event for event in line.heard if isinstance(event, CallOffered)]
    assert [event.agent_id for event in offered] == [1, 2]
    assert next(why.code for why in offered[-1].why) == "passed_on"
    answered = [event for event in line.heard if isinstance(event, CallAnswered)]
    assert [event.agent_id for event in answered] == [1, 2]
    assert len([event for event in line.heard if isinstance(event, CallEnded)]) == 1
    assert line.steps(caller).count("started") == 1
    first = line.acd.agent_view(1)
    assert first is not None
    assert first.state == "wrap_up"
    del asterisk


async def test_a_call_that_was_passed_on_counts_once_in_the_figures(line: OrderLine) -> None:
    caller, _ = await talking(line)
    await line.agent(2, "north")
    await pass_on(line, caller, "1002", dials=[("ANSWER", 9)])
    await line.over()
    (north,) = (queue for queue in line.acd.queue_views() if queue.name == "north")
    assert (north.calls_today, north.answered_today, north.abandoned_today) == (1, 1, 0)


async def test_who_hangs_up_out_of_a_talk_ends_the_call_when_asterisk_tells(
    line: OrderLine,
) -> None:
    caller, asterisk = await talking(line)
    caller.hang_up()
    await line.over()
    assert line.acd.record(caller.call_id) is not None
    asterisk.hangs_up()
    assert line.row(caller).outcome == "answered"
    assert line.acd.record(caller.call_id) is None


async def test_a_hang_up_that_was_missed_is_found_when_the_link_is_back(line: OrderLine) -> None:
    caller, asterisk = await talking(line)
    caller.hang_up()
    await line.over()
    asterisk.link_comes_back()
    row = line.row(caller)
    assert (row.outcome, row.ended_at) == ("answered", NOON)


async def test_a_telephone_without_an_agent_rings_by_itself(line: OrderLine) -> None:
    caller, _ = await talking(line)
    again = await pass_on(line, caller, "1009", dials=[("ANSWER", 9)])
    await line.over()
    assert again.executed == [("Dial", "PJSIP/1009", "30", "g")]
    assert again.played == ["thank_you"]
    assert line.row(caller).outcome == "answered"


async def test_whom_nobody_takes_waits_in_the_line(line: OrderLine) -> None:
    caller, _ = await talking(line)
    again = await pass_on(line, caller, "1009", dials=[("NOANSWER", 0), ("ANSWER", 3)])
    await until(line.acd.waiting_views)
    (waiting,) = line.acd.waiting_views()
    assert (waiting.queue, waiting.priority) == ("north", 100)
    await line.acd.finish_wrap_up(1)
    await line.over()
    assert [options[0] for app, *options in again.executed if app == "Dial"] == [
        "PJSIP/1009",
        "PJSIP/1001",
    ]


async def test_who_gives_up_after_being_passed_on_was_answered_all_the_same(
    line: OrderLine,
) -> None:
    caller, _ = await talking(line)
    again = await pass_on(line, caller, "1009", dials=[("NOANSWER", 0)])
    await until(line.acd.waiting_views)
    again.hang_up()
    await line.over()
    row = line.row(caller)
    assert (row.outcome, row.agent_id) == ("answered", 1)
    (north,) = (queue for queue in line.acd.queue_views() if queue.name == "north")
    assert north.abandoned_today == 0


async def test_the_caller_is_spoken_to_in_the_language_of_before(line: OrderLine) -> None:
    caller, _ = await talking(line)
    caller.variables["ZJ_PLACE"] = caller.variables["ZJ_PLACE"].replace("~zh", "~en")
    again = await pass_on(line, caller, "1009", dials=[("ANSWER", 9)])
    await line.over()
    assert "/en/thank_you" in next(c for c in again.commands if "thank_you" in c)
    assert cast("CallEnded", line.last(CallEnded)).outcome == "answered"


async def test_a_consulted_colleague_takes_over_the_caller(line: OrderLine) -> None:
    """REFER with Replaces: the caller never leaves Dial; the bridges tell who talks with whom."""
    caller, asterisk = await talking(line)
    await line.agent(2, "north")
    asterisk.bridge("first", asterisk.linkedid, "1001.1")
    asterisk.agent_answers("1001", 2, linkedid="1001.2")
    asterisk.agent_answers("1002", 1, linkedid="1001.2")
    asterisk.bridge("second", "1001.2", "1002.1")
    colleague = line.acd.agent_view(2)
    assert colleague is not None
    assert (colleague.state, colleague.call_id) == ("talking", None)
    asterisk.bridge("first", "1002.1")
    for leg in ("1", "2"):
        asterisk.hangs_up(f"PJSIP/1001-0000000{leg}", f"1001.{leg}")
    views = {view.agent_id: view for view in line.acd.agent_views()}
    assert [views[each].state for each in (1, 2)] == ["wrap_up", "talking"]
    assert views[2].call_id == caller.call_id
    assert cast("CallAnswered", line.last(CallAnswered)).agent_id == 2
    assert line.row(caller).agent_id == 2
    caller.hang_up()
    await line.over()
    asterisk.hangs_up()
    asterisk.hangs_up("PJSIP/1002-00000001", "1002.1")
    assert line.row(caller).outcome == "answered"
    (north,) = (queue for queue in line.acd.queue_views() if queue.name == "north")
    assert north.answered_today == 1


async def test_somebody_we_called_is_left_to_agents_also_when_passed_on(line: OrderLine) -> None:
    await line.agent(1, "north")
    ours = {"script": "outbound", "purpose": "callback", "queue": "north", "number": STRANGER}
    callee = Channel(caller="4006001001", **ours)
    asterisk = Asterisk(line, callee)
    await line.begin(callee)
    await until(lambda: ("Dial", "PJSIP/1001", "20", "g") in callee.executed)
    asterisk.agent_answers("1001")
    again = await pass_on(line, callee, "1009", dials=[("NOANSWER", 0)], **ours)
    await until(lambda: "please_wait" in again.played)
    entry = line.acd._desk.entry(callee.call_id)
    assert entry is not None
    assert entry.agents_only
    again.hang_up()
    await line.over()
