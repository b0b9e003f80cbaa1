"""The load list as it is printed, read from the database."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.rights import Actor
from orders.delivery import consignees, paper_data, runs
from orders.delivery.papers.content import LoadSheet, LoadStop
from orders.delivery.run_tables import DeliveryRoute, Driver
from orders.delivery.run_views import StopView


async def load_sheet(session: AsyncSession, actor: Actor, run_id: int) -> LoadSheet:
    """Raises UnknownRun."""
    found = await runs.read(session, actor, run_id)
    run = found.run
    phone = await session.scalar(select(Driver.phone).where(Driver.code == run.driver_code))
    route = await session.scalar(
        select(DeliveryRoute.name_zh).where(DeliveryRoute.code == run.route_code)
    )
    goods = await paper_data.goods_of(session, [stop.order_id for stop in found.stops])
    return LoadSheet(
        run.number,
        run.day,
        route or "",
        run.plate,
        run.driver_name,
        phone or "",
        tuple(
            [
                await _stop(
                    session,
                    stop,
                    "、".join(f"{g.name}×{g.quantity}{g.unit}" for g in goods[stop.order_id]),
                )
                for stop in found.stops
            ]
        ),
    )


async def _stop(session: AsyncSession, stop: StopView, contents: str) -> LoadStop:
    to = await consignees.read(session, stop.order_id)
    return LoadStop(
        stop.place,
        stop.order_number,
        stop.number,
        to.recipient,
        to.phone or "",
        to.line,
        stop.weight_g,
        stop.cash_due,
        contents,
    )
