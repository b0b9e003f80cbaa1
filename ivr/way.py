"""The way of a call, from what is known of it when the menu is done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from acd.familiar import Familiar, FamiliarAgents
from acd.hours import Moment
from acd.lineplan import LinePlan
from acd.records import CallerFacts
from acd.routing import CallFacts, Dialled, Route, route
from crm_core.customers.identity import CallerIdentity
from ivr.under_way import UnderWay
from ivr.walker import Chosen


class AtWork(Protocol):
    """Who is logged in at an extension; `queues` they serve, the first first."""

    @property
    def agent_id(self) -> int: ...

    @property
    def extension(self) -> str: ...

    @property
    def queues(self) -> tuple[str, ...]: ...


AtExtension = Callable[[str], AtWork | None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who calls which number at what time."""

    number: str | None
    who: CallerIdentity | None
    known: CallerFacts
    did: str
    moment: Moment

    @property
    def salesperson_id(self) -> int | None:
        return self.who.salesperson_id if self.who else None


async def way_of(call: UnderWay, choice: Chosen) -> Route:
    """Where the caller goes after the menu."""
    plan, house = call.line.plan, call.house
    arrival = Arrival(call.number, call.who, call.known, call.record.row.did, call.moment())
    familiar = await familiar_to(arrival, plan, house.familiar)
    return way(plan, arrival, choice, familiar, house.acd.at_extension)


async def familiar_to(arrival: Arrival, plan: LinePlan, agents: FamiliarAgents) -> Familiar:
    """Whom the caller knows here, as far as the plan asks for it."""
    return await agents.of(
        number=arrival.number,
        customer_id=arrival.known.customer_id,
        salesperson_id=arrival.salesperson_id,
        within_days=plan.asks_for_last_agent_within,
    )


def way(
    plan: LinePlan,
    arrival: Arrival,
    choice: Chosen,
    familiar: Familiar,
    at_extension: AtExtension,
) -> Route:
    """The plan's way for somebody who chose this."""
    who, known = arrival.who, arrival.known
    did = plan.did_by_number.get(arrival.did)
    at_number = at_extension(did.agent) if did and did.agent else None
    return route(
        plan,
        CallFacts(
            did=arrival.did,
            menu_choice=choice.choice,
            province=known.province,
            city=known.city,
            area_code=known.area_code,
            level=known.level,
            grade=who.grade if who else None,
            is_vip=who.is_vip if who else False,
            salesperson_id=arrival.salesperson_id,
            deputies=familiar.deputies,
            last_agent=familiar.last_agent,
            last_agent_days=familiar.last_agent_days,
            moment=arrival.moment,
            queue=choice.queue,
            dialled=dialled(plan, at_extension, choice.extension),
            at_number=at_number.agent_id if at_number else None,
        ),
    )


def dialled(plan: LinePlan, at_extension: AtExtension, extension: str | None) -> Dialled | None:
    """Whoever is logged in at the extension that the caller dialled."""
    agent = at_extension(extension) if extension else None
    served = [q for q in agent.queues if q in plan.queue_by_name] if agent else []
    if agent is None or not served:
        return None
    return Dialled(agent.extension, agent.agent_id, served[0])
