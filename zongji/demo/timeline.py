"""The demonstration: one call from the carrier to an order, with its time line in milliseconds."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from zongji.cli.progress import console
from zongji.demo.agent import DemoAgent
from zongji.demo.callers import CallerReport
from zongji.platform.errors import PlatformError
from zongji.stack import Stack

CALLER = "02223456789"
DID = "4006001001"
KEYS = ("1", "1")
_AGENT = "agent1"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened. `detail` is for people."""

    at: datetime
    what: str
    detail: str = ""


async def demonstrate(stack: Stack) -> list[Moment]:
    """Place the call and print what happened. Raises PlatformError when a step does not come."""
    try:
        moments = await _play(stack)
    except TimeoutError as error:
        raise PlatformError(
            f"The demonstration call did not get through: see {stack.installation.var}/daemon.log."
        ) from error
    _print(moments)
    return moments


async def _play(stack: Stack) -> list[Moment]:
    heard: list[Moment] = []
    popped: dict[str, Moment] = {}
    agent = DemoAgent(stack.address, _AGENT, stack.password(_AGENT))
    supervisor = DemoAgent(stack.address, "supervisor", stack.password("supervisor"), page="board")
    async with agent, supervisor, stack.callers() as callers:
        agent.on_message = lambda at: popped.update(
            {
                call_id: Moment(
                    datetime.fromtimestamp(at, UTC), "pop on the agent's page", _who(pop)
                )
                for call_id, pop in agent.pops.items()
                if call_id not in popped
            }
        )
        await _become_ready(agent)
        report = await callers.call(CALLER, DID, keys=KEYS, talk_s=6)
        pops = await agent.until(lambda state: _talking(state) is not None)
        pop = _talking(pops)
        assert pop is not None
        order = await agent.place_order(
            pop["customer"]["id"], [("BJ-004", 1)], call_id=pop["call_id"]
        )
        heard.append(
            Moment(datetime.now(UTC), "order taken", f"{order['number']}, {order['total']}")
        )
        await report.over.wait()
        call = await _finished(supervisor, pop["call_id"])
        await agent.command("log_out")
    heard += popped.values()
    sound = call["recording"]
    heard.append(
        Moment(
            datetime.fromisoformat(sound["stored_at"]),
            "recording stored",
            f"{sound['seconds']:.1f} s, {sound['channels']} channels",
        )
    )
    return sorted([*heard, *_of_record(call), *_of_caller(report)], key=lambda each: each.at)


async def _become_ready(agent: DemoAgent) -> None:
    if "log_in" in agent.agent["allowed"]:
        await agent.command("log_in")
    if "ready" in agent.agent["allowed"]:
        await agent.command("ready")
    await agent.until(lambda state: state["me"]["agent"]["state"] == "ready")


def _talking(state: dict[str, Any]) -> dict[str, Any] | None:
    """The pop of the call the agent is in, once the customer's card is there."""
    for pop in state.get("pops", {}).values():
        if pop["state"] == "talking" and pop["customer"]:
            found: dict[str, Any] = pop
            return found
    return None


async def _finished(supervisor: DemoAgent, call_id: str) -> dict[str, Any]:
    """The call's record once it is over and its recording stored."""
    async with asyncio.timeout(30):
        while True:
            call = await supervisor.request("GET", f"/api/calls/{call_id}")
            if call["call"]["ended_at"] and call["recording"]:
                return call
            await asyncio.sleep(0.2)


def _who(pop: dict[str, Any]) -> str:
    customer = pop["customer"]
    place = pop["place"] or {}
    return f"{customer['name'] if customer else '?'} {place.get('province') or ''}".strip()


def _of_caller(report: CallerReport) -> list[Moment]:
    found = [
        (report.invited_at, "INVITE from the carrier", f"{report.number} → {DID}"),
        (report.hung_up_at, "hang-up", f"cause {report.cause}"),
    ]
    return [Moment(at, what, detail) for at, what, detail in found if at is not None]


_STEPS = {
    "menu_answered": "menu answered",
    "key": "key",
    "routed": "routed",
    "offered": "offered",
    "ringing": "phone ringing",
    "answered": "answered",
}


def _of_record(call: dict[str, Any]) -> list[Moment]:
    return [
        Moment(datetime.fromisoformat(step["at"]), _STEPS[step["kind"]], _detail(step))
        for step in call["steps"]
        if step["kind"] in _STEPS
    ]


def _detail(step: dict[str, Any]) -> str:
    detail = step["detail"]
    if step["kind"] == "key":
        return f"{detail['menu']}: {detail['key']}"
    why = "; ".join(
        f"{reason['code']} {' '.join(map(str, reason['params'].values()))}".strip()
        for reason in detail.get("why", ())
    )
    queue = detail.get("queue")
    return ", ".join(part for part in (f"queue {queue}" if queue else "", why) if part)


def _print(moments: list[Moment]) -> None:
    table = Table(title="One call", title_justify="left", box=None, pad_edge=False)
    table.add_column("ms", justify="right")
    table.add_column("")
    table.add_column("", style="dim")
    for moment in moments:
        milliseconds = (moment.at - moments[0].at).total_seconds() * 1000
        table.add_row(f"{milliseconds:,.0f}", moment.what, moment.detail)
    console.print(table)
