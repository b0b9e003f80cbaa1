"""Benefits (权益): coupons, service and compensation packages, referrals.

Rule: kinds and rules need `benefit.manage`, giving to a customer `benefit.issue`; whoever may look at a customer
sees what the customer has and may note that a service was given.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.benefits import coupons, kinds, packages, referrals, runs, timeline
from crm_core.benefits.commands import (
    CouponKindContent,
    CouponRunQuery,
    Grant,
    IssueCoupons,
    NewCouponRun,
    PackageKindContent,
    ReferralContent,
    ReferralRuleContent,
    UseEntitlement,
)
from crm_core.benefits.ports import HasDelivery, nothing_delivered
from crm_core.benefits.tables import Coupon, Entitlement, EntitlementUse, Package
from crm_core.benefits.views import (
    BenefitsOfCustomer,
    CouponKindView,
    CouponRunView,
    PackageKindView,
    PackageView,
    ReferralRuleView,
    Taken,
)
from crm_core.customers.visibility import must_see, within_scope
from crm_core.db import Database
from crm_core.errors import Conflict, NotFound
from crm_core.rights import Actor, Right
from crm_core.timeline import Place, TimelineEntry

log = structlog.get_logger(__name__)

_SHOWN = 200


class NotNew(Conflict):
    code = "referral_too_late"


class BenefitService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
        has_delivery: HasDelivery = nothing_delivered,
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._has_delivery = has_delivery

    async def of_customer(self, actor: Actor, customer_id: int) -> BenefitsOfCustomer:
        """What a customer has. Raises NotFound."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            by, brought = await referrals.of_customer(connection, seen, _SHOWN)
            return BenefitsOfCustomer(
                await coupons.of_customer(connection, seen, self._clock(), _SHOWN),
                await packages.of_customer(connection, seen, self._today(), _SHOWN),
                by,
                brought,
            )

    async def coupon_kinds(self, actor: Actor) -> tuple[CouponKindView, ...]:
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            return await kinds.coupon_kinds(connection)

    async def package_kinds(self, actor: Actor) -> tuple[PackageKindView, ...]:
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            return await kinds.package_kinds(connection)

    async def put_coupon_kind(
        self, actor: Actor, code: str, version: int, content: CouponKindContent
    ) -> None:
        """Version 0 makes a new one. Raises Conflict (edited since, code taken), KindInUse."""
        actor.require(Right.BENEFIT_MANAGE)
        async with self._database.begin() as session:
            await kinds.put_coupon_kind(session, actor, code, version, content)

    async def put_package_kind(
        self, actor: Actor, code: str, version: int, content: PackageKindContent
    ) -> None:
        """Version 0 makes a new one. Raises Conflict, Invalid (a kind of coupon)."""
        actor.require(Right.BENEFIT_MANAGE)
        async with self._database.begin() as session:
            await kinds.put_package_kind(session, actor, code, version, content)

    async def issue(self, actor: Actor, given: IssueCoupons) -> int:
        """How many were issued: all or none. Raises NotFound (a customer), Invalid (the kind)."""
        actor.require(Right.BENEFIT_ISSUE)
        async with self._database.begin() as session:
            seen = [await must_see(session, actor, each) for each in given.customer_ids]
            made = await coupons.issue(
                session, actor, given.kind_code, seen, reason=given.reason, now=self._clock()
            )
        log.info("coupons_issued", kind=given.kind_code, many=len(made), by=actor.user_id)
        return len(made)

    async def begin_run(self, actor: Actor, new: NewCouponRun) -> CouponRunView:
        """Coupons for everybody who fits, in the background.

        Raises Invalid (the kind, a condition, nobody or too many), Forbidden (a hidden field).
        """
        actor.require(Right.BENEFIT_ISSUE)
        async with self._database.begin() as session:
            run_id = await runs.begin(session, actor, new, self._clock())
            found = await runs.read(session, run_id)
        log.info("coupon_run_begun", run=run_id, kind=new.kind_code, customers=found.total)
        return found

    async def run(self, actor: Actor, run_id: int) -> CouponRunView:
        """How far it is. Raises NotFound."""
        actor.require(Right.BENEFIT_ISSUE)
        async with self._database.reading() as connection:
            return await runs.read(connection, run_id)

    async def runs(self, actor: Actor, wanted: CouponRunQuery) -> tuple[CouponRunView, ...]:
        actor.require(Right.BENEFIT_ISSUE)
        async with self._database.reading() as connection:
            return await runs.listed(connection, wanted)

    async def cancel_run(self, actor: Actor, run_id: int) -> CouponRunView:
        """What was issued stays. Raises NotFound, Conflict (at its end already)."""
        actor.require(Right.BENEFIT_ISSUE)
        async with self._database.begin() as session:
            await runs.cancel(session, actor, run_id, self._clock())
            return await runs.read(session, run_id)

    async def check(
        self, actor: Actor, codes: Sequence[str], customer_id: int, total: Decimal
    ) -> tuple[Taken, ...]:
        """What coupons would take off an order. Raises NotFound, CouponRefused."""
        actor.require(Right.ORDER_PLACE)
        async with self._database.begin() as session:
            seen = await must_see(session, actor, customer_id)
            return await coupons.take(
                session, codes, seen, total, self._clock().astimezone(self._zone)
            )

    async def cancel_coupon(self, actor: Actor, coupon_id: int) -> None:
        """Raises NotFound, Conflict (used or cancelled before)."""
        actor.require(Right.BENEFIT_ISSUE)
        async with self._database.begin() as session:
            owner = await session.scalar(select(Coupon.customer_id).where(Coupon.id == coupon_id))
            await self._must_see(session, actor, owner, f"There is no coupon {coupon_id}.")
            await coupons.cancel(session, actor, coupon_id)

    async def grant(self, actor: Actor, customer_id: int, given: Grant) -> int:
        """The package's id. Raises NotFound, Invalid (kind, complaint), Conflict (the limit)."""
        actor.require(Right.BENEFIT_ISSUE)
        async with self._database.begin() as session:
            seen = await must_see(session, actor, customer_id)
            package_id = await packages.grant(
                session, actor, seen, given, now=self._clock(), today=self._today()
            )
        log.info("package_granted", package=package_id, customer=seen, by=actor.user_id)
        return package_id

    async def cancel_package(self, actor: Actor, package_id: int) -> None:
        """Its services end; coupons that came with it stay. Raises NotFound, Conflict."""
        actor.require(Right.BENEFIT_ISSUE)
        async with self._database.begin() as session:
            owner = await packages.cancel(session, actor, package_id, self._clock())
            await must_see(session, actor, owner)

    async def use(self, actor: Actor, entitlement_id: int, given: UseEntitlement) -> int:
        """The use's id. Raises NotFound (also outside its time), UsedUp."""
        actor.require(Right.CUSTOMER_EDIT)
        async with self._database.begin() as session:
            await self._must_see_entitlement(session, actor, Entitlement.id == entitlement_id)
            return await packages.use(
                session, actor, entitlement_id, given, now=self._clock(), today=self._today()
            )

    async def undo_use(self, actor: Actor, use_id: int) -> None:
        """Raises NotFound (also when it was undone before)."""
        actor.require(Right.CUSTOMER_EDIT)
        async with self._database.begin() as session:
            of_use = select(EntitlementUse.entitlement_id).where(EntitlementUse.id == use_id)
            await self._must_see_entitlement(
                session, actor, Entitlement.id == of_use.scalar_subquery()
            )
            await packages.undo(session, actor, use_id, self._clock())

    async def ending(self, actor: Actor, days: int) -> tuple[PackageView, ...]:
        """Service packages to renew: they end within so many days and have no follower."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            return await packages.ending(
                connection, self._today(), days, _SHOWN, within_scope(actor)
            )

    async def refer(self, actor: Actor, customer_id: int, given: ReferralContent) -> int:
        """Who brought this customer, who has no delivery yet: the first one is what is rewarded.

        Raises NotFound, Invalid (a circle), Conflict (known already), NotNew.
        """
        actor.require(Right.CUSTOMER_EDIT)
        async with self._database.begin() as session:
            seen = await must_see(session, actor, customer_id)
            referrer = await must_see(session, actor, given.referrer_customer_id)
            if await self._has_delivery(session, seen):
                raise NotNew(
                    "This customer has had a delivery already: only the first one is rewarded.",
                    fields={"customer_id": "delivered"},
                )
            return await referrals.enter(session, actor, seen, referrer, self._clock())

    async def referral_rule(self, actor: Actor) -> ReferralRuleView:
        actor.require(Right.BENEFIT_MANAGE)
        async with self._database.reading() as connection:
            return await referrals.rule(connection)

    async def change_referral_rule(
        self, actor: Actor, given: ReferralRuleContent
    ) -> ReferralRuleView:
        """Raises Conflict (edited since), Invalid (a kind)."""
        actor.require(Right.BENEFIT_MANAGE)
        async with self._database.begin() as session:
            await referrals.change_rule(session, actor, given)
        return await self.referral_rule(actor)

    async def entries(
        self,
        connection: AsyncConnection,
        customer_ids: Sequence[int],
        after: Place,
        limit: int,
    ) -> tuple[TimelineEntry, ...]:
        """Benefits in the history of customers whom its reader may see, newest first."""
        return await timeline.entries(connection, customer_ids, after, limit)

    def _today(self) -> date:
        return self._clock().astimezone(self._zone).date()

    async def _must_see_entitlement(
        self, session: AsyncSession, actor: Actor, which: object
    ) -> None:
        owner = await session.scalar(
            select(Package.customer_id)
            .join(Entitlement, Entitlement.package_id == Package.id)
            .where(which)  # type: ignore[arg-type]
        )
        await self._must_see(session, actor, owner, "There is no such service.")

    async def _must_see(
        self, session: AsyncSession, actor: Actor, owner: int | None, message: str
    ) -> None:
        if owner is None:
            raise NotFound(message)
        await must_see(session, actor, owner)
