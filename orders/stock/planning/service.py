"""The planning of stock, as those who buy use it: policies, alarms, forecasts, advice."""

from sqlalchemy import insert, select, update

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict
from crm_core.rights import Actor, Right
from orders.stock import posting, warehouses
from orders.stock.planning import reading
from orders.stock.planning.commands import AdviceQuery, AlarmQuery, PlanQuery, Policy
from orders.stock.planning.tables import StockPolicy
from orders.stock.planning.views import AdviceView, AlarmView, ForecastView, PolicyView

_EDITED = "Somebody else has changed this policy since you opened it: look at it as it is now."


class PlanningService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def policies(self, actor: Actor, query: PlanQuery) -> tuple[PolicyView, ...]:
        actor.require(Right.STOCK_VIEW)
        async with self._database.reading() as connection:
            return await reading.policies(connection, query)

    async def set_policy(self, actor: Actor, policy: Policy) -> PolicyView:
        """Raises UnknownProduct, UnknownWarehouse, Conflict (edited since)."""
        actor.require(Right.STOCK_MANAGE)
        values = policy.model_dump(exclude={"version"})
        same = (StockPolicy.sku == policy.sku, StockPolicy.warehouse == policy.warehouse)
        async with self._database.begin() as session:
            await warehouses.must_exist(session, policy.warehouse)
            await posting.prepare(session, policy.warehouse, (policy.sku,))
            version = await session.scalar(select(StockPolicy.version).where(*same))
            if version != policy.version:
                raise Conflict(_EDITED, fields={"version": version or 0})
            if version is None:
                await session.execute(insert(StockPolicy).values(values))
            else:
                await session.execute(
                    update(StockPolicy).where(*same).values(**values, version=version + 1)
                )
            await trail.record(
                session,
                actor.user_id,
                "stock_policy.set",
                "stock_policy",
                f"{policy.warehouse}/{policy.sku}"[:50],
                after=values,
            )
        return PolicyView(**values, version=(version or 0) + 1)

    async def alarms(self, actor: Actor, query: AlarmQuery) -> tuple[AlarmView, ...]:
        """The newest first."""
        actor.require(Right.STOCK_VIEW)
        async with self._database.reading() as connection:
            return await reading.alarms(connection, query)

    async def forecasts(self, actor: Actor, query: PlanQuery) -> tuple[ForecastView, ...]:
        """As they were made last night."""
        actor.require(Right.STOCK_VIEW)
        async with self._database.reading() as connection:
            return await reading.forecasts(connection, query)

    async def advice(self, actor: Actor, query: AdviceQuery) -> tuple[AdviceView, ...]:
        """How much to restock now; of what has been forecast."""
        actor.require(Right.STOCK_VIEW)
        async with self._database.reading() as connection:
            return await reading.advice(connection, query)
