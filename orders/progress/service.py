"""The customer's page of an order, as the web door and agents use it. Rule: whoever asks by a link shows it with every
question, and wrong ones are counted by the network address that they come from.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from crm_core.audit import trail
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.outbox.tables import OutboxMessage
from crm_core.people import login_limits
from crm_core.people.login_limits import Allowance
from crm_core.rights import SYSTEM, Actor, Right
from orders.payments.commands import StartPayment
from orders.payments.gateway import GatewayService
from orders.progress import changing, links, reading
from orders.progress.commands import CustomerChange
from orders.progress.errors import LinkNotValid, LinksNotSet
from orders.progress.links import Claim, LinkTerms
from orders.progress.tables import OrderLinks
from orders.progress.views import LinkView, ProgressView
from orders.sales import moving
from orders.sales.events import OrderChanged
from orders.sales.tables import SUBJECT

log = structlog.get_logger(__name__)

FAILURES = Allowance(free=30)
_SECOND = timedelta(seconds=1)
_ON_THE_PAGE = ("addresses", "city", "phones", "province")
"""Of the customer's fields those that whoever has a link sees, as a whole or in part."""


class ProgressService:
    """What is asked by a link may raise LinkNotValid and TooManyAttempts; all may raise DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        gateway: GatewayService,
        terms: LinkTerms,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
    ) -> None:
        self._database = database
        self._bus = bus
        self._gateway = gateway
        self._terms = terms
        self._clock = clock
        self._zone = zone

    async def show(self, token: str, address: str) -> ProgressView:
        """The order as its customer sees it; `address` is the network's, of whoever asks."""
        claim, expires_at = await self._admit(token, address)
        return await self._view(claim.order_id, expires_at)

    async def change(self, token: str, address: str, wanted: CustomerChange) -> ProgressView:
        """Raises TooLateToChange, ChangedMeanwhile, Conflict, Invalid, NotDelivered."""
        claim, _ = await self._admit(token, address)
        now = self._clock()
        async with self._database.begin() as session:
            expires_at = await reading.ends_at(session, claim, self._terms, now)
            if expires_at is None:
                raise LinkNotValid
            order = await changing.change(session, claim.order_id, wanted, now, self._zone)
            event = OrderChanged(order.id, order.number, order.customer_id, order.status, now)
        log.info("order_changed_by_customer", number=event.number)
        self._bus.publish(event)
        return await self._view(claim.order_id, expires_at)

    async def pay(self, token: str, address: str, key: str) -> ProgressView:
        """Begin a payment, or go on with the one that was begun. Raises NoGateway, NothingToPay, PaymentOpen."""
        claim, expires_at = await self._admit(token, address)
        order_id = claim.order_id
        async with self._database.reading() as connection:
            begun = await reading.open_payment(connection, order_id, self._clock())
        if begun is None:
            own = hashlib.sha256(f"{order_id}:{key}".encode()).hexdigest()
            await self._gateway.start(SYSTEM, order_id, StartPayment(), own)
        return await self._view(order_id, expires_at)

    async def issue(self, actor: Actor, order_id: int) -> LinkView:
        """A link to give to the customer. Raises Forbidden, UnknownOrder, LinksNotSet, LinkNotValid (was erased)."""
        actor.require(Right.ORDER_PLACE)
        actor.require_read("customer", _ON_THE_PAGE)
        async with self._database.begin() as session:
            await moving.held(session, order_id, actor)
            revoked_at = await session.scalar(
                select(OrderLinks.revoked_at).where(OrderLinks.order_id == order_id)
            )
            made_at = _after(self._clock(), revoked_at)
            link = links.address(self._terms, order_id, made_at)
            if link is None:
                raise LinksNotSet
            claim = Claim(order_id, made_at, self._terms.days)
            expires_at = await reading.ends_at(session, claim, self._terms, made_at)
            if expires_at is None:
                raise LinkNotValid
            new = insert(OrderLinks).values(order_id=order_id, issued_at=made_at)
            latest = func.greatest(new.excluded.issued_at, OrderLinks.issued_at)
            await session.execute(
                new.on_conflict_do_update(index_elements=["order_id"], set_={"issued_at": latest})
            )
            await trail.record(session, actor.user_id, "order.link", "order", order_id)
        return LinkView(link, expires_at)

    async def revoke(self, actor: Actor, order_id: int) -> None:
        """All links of the order that there are, also those made before the clock was set back. Raises Forbidden,
        UnknownOrder.
        """
        actor.require(Right.ORDER_PLACE)
        async with self._database.begin() as session:
            await moving.held(session, order_id, actor)
            table = OutboxMessage
            sent = await session.scalar(
                select(func.max(table.queued_at)).where(
                    table.subject == SUBJECT, table.subject_id == order_id
                )
            )
            now = self._clock()
            new = insert(OrderLinks).values(
                order_id=order_id, revoked_at=max(now, sent or now), revoked_by=actor.user_id
            )
            # A link that was made within the second of the last revocation bears the next one.
            later = func.greatest(
                new.excluded.revoked_at, OrderLinks.revoked_at + _SECOND, OrderLinks.issued_at
            )
            await session.execute(
                new.on_conflict_do_update(
                    index_elements=["order_id"],
                    set_={"revoked_at": later, "revoked_by": new.excluded.revoked_by},
                )
            )
            await trail.record(session, actor.user_id, "order.link_revoke", "order", order_id)

    async def _admit(self, token: str, address: str) -> tuple[Claim, datetime]:
        """What the link says and when it ends. A right one is let in whatever else comes from its address, which
        may be that of a whole town.
        """
        now, subject = self._clock(), f"order-links:{address[:100]}"
        claim = links.read(self._terms, token)
        async with self._database.reading() as connection:
            if claim is not None:
                ends = await reading.ends_at(connection, claim, self._terms, now)
                if ends is not None:
                    return claim, ends
            await login_limits.refuse_blocked(connection, subject, FAILURES, now)
        async with self._database.begin() as session:
            await login_limits.count(session, subject, FAILURES, now)
        raise LinkNotValid

    async def _view(self, order_id: int, expires_at: datetime) -> ProgressView:
        async with self._database.reading_entities() as session:
            return await reading.progress(
                session,
                order_id,
                self._terms,
                online=self._gateway.is_set,
                zone=self._zone,
                now=self._clock(),
                expires_at=expires_at,
            )


def _after(now: datetime, revoked_at: datetime | None) -> datetime:
    """The second in which a link is made that revoking does not meet."""
    if revoked_at is None or int(now.timestamp()) > revoked_at.timestamp():
        return now
    return datetime.fromtimestamp(int(revoked_at.timestamp()) + 1, UTC)
