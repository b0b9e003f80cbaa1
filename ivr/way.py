"""The way of a call, from what is known of it when the menu is done."""

from acd.routing import CallFacts, Dialled, Route, route
from ivr.under_way import UnderWay
from ivr.walker import Chosen


async def way_of(call: UnderWay, choice: Chosen) -> Route:
    """Where the caller goes after the menu."""
    row, plan, who = call.record.row, call.line.plan, call.who
    did = call.did
    familiar = await call.house.familiar.of(
        number=call.number,
        customer_id=row.customer_id,
        salesperson_id=who.salesperson_id if who else None,
        within_days=plan.asks_for_last_agent_within,
    )
    at_number = call.house.acd.at_extension(did.agent) if did and did.agent else None
    return route(
        plan,
        CallFacts(
            did=row.did,
            menu_choice=choice.choice,
            province=row.province,
            city=row.city,
            area_code=row.area_code,
            level=row.level,
            grade=who.grade if who else None,
            is_vip=who.is_vip if who else False,
            salesperson_id=who.salesperson_id if who else None,
            deputies=familiar.deputies,
            last_agent=familiar.last_agent,
            last_agent_days=familiar.last_agent_days,
            moment=call.moment(),
            queue=choice.queue,
            dialled=dialled(call, choice.extension),
            at_number=at_number.agent_id if at_number else None,
        ),
    )


def dialled(call: UnderWay, extension: str | None) -> Dialled | None:
    """Whoever is logged in at the extension that the caller dialled."""
    agent = call.house.acd.at_extension(extension) if extension else None
    served = [q for q in agent.queues if q in call.line.plan.queue_by_name] if agent else []
    if agent is None or not served:
        return None
    return Dialled(agent.extension, agent.agent_id, served[0])
