"""Payments through a gateway. Rule: our row with its token is committed before the gateway is asked, so whatever
dies in between is found again by the token; what the gateway says, asked or not, goes one way (`settling`).
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.payments import booking, reading, refunding, settling
from orders.payments.booking import Occasion
from orders.payments.commands import StartPayment, StartRefund
from orders.payments.errors import (
    NoGateway,
    NothingToPay,
    NoticeRefused,
    PaymentOpen,
    SameKeyOtherPayment,
)
from orders.payments.flow import OPEN, State
from orders.payments.ports import (
    BadNotice,
    Charge,
    Fact,
    Fate,
    Gateway,
    Notice,
    Refused,
    Repayment,
    Unclear,
)
from orders.payments.refunding import SOON, AskedBy
from orders.payments.settling import Outcome, Settled
from orders.payments.tables import GatewayNotice, Payment, PaymentRefund
from orders.payments.views import PaymentView, RefundView
from orders.receipts import book
from orders.sales.tables import Order

log = structlog.get_logger(__name__)


class GatewayService:
    """Every method but `hear` may raise NoGateway; all may raise DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        gateway: Gateway | None,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str] = (),
    ) -> None:
        self._database = database
        self._bus = bus
        self._gateway = gateway
        self._clock = clock
        self._channels = frozenset(channels)

    @property
    def gateway(self) -> Gateway:
        """Raises NoGateway."""
        if self._gateway is None:
            raise NoGateway
        return self._gateway

    @property
    def is_set(self) -> bool:
        """Whether anybody can pay online."""
        return self._gateway is not None

    async def start(
        self, actor: Actor, order_id: int, wanted: StartPayment, key: str
    ) -> PaymentView:
        """Ask the gateway for a place to pay; the same `key`, made by the sender, gives the same payment.

        Without an answer it stays `requested` and is asked for again in the background. Raises UnknownOrder,
        NothingToPay, PaymentOpen, SameKeyOtherPayment.
        """
        actor.require(Right.PAYMENT_VIEW)
        _ = self.gateway
        async with self._database.begin() as session:
            await reading.seen_order(session, actor, order_id)
            order = await booking.held(session, order_id)
            payment_id = await self._add(session, actor, order, wanted, key)
        await self._ask(payment_id)
        async with self._database.reading() as connection:
            return await reading.payment(connection, actor, payment_id)

    async def refund(
        self, actor: Actor, order_id: int, wanted: StartRefund, key: str
    ) -> RefundView:
        """Send back what is not owed, the way it came; the same key gives the same refund.

        Raises UnknownOrder, UnknownPayment, MoreThanRefundable, SameKeyOtherPayment.
        """
        actor.require(Right.PAYMENT_MANAGE)
        _ = self.gateway
        async with self._database.begin() as session:
            await reading.seen_order(session, actor, order_id)
            order = await booking.held(session, order_id)
            asked = AskedBy(actor.user_id, self._clock())
            refund_id = await refunding.ask(session, order, wanted, key, asked)
        await self.look_at_refund(refund_id)
        async with self._database.reading() as connection:
            return await reading.refund(connection, refund_id)

    async def check(self, actor: Actor, payment_id: int) -> PaymentView:
        """Ask the gateway now what became of it. Raises UnknownPayment."""
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading() as connection:
            await reading.payment(connection, actor, payment_id)
        await self.look(payment_id)
        async with self._database.reading() as connection:
            return await reading.payment(connection, actor, payment_id)

    async def hear(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        """A call-back. Raises NoticeRefused (not the gateway's, too old, a replay)."""
        gateway, now = self.gateway, self._clock()
        try:
            notice = gateway.read_notice(headers, body, now)
        except BadNotice as error:
            log.warning("gateway_notice_refused", reason=str(error))
            raise NoticeRefused("This call-back is refused.") from error
        async with self._database.begin() as session:
            row_id = await _note(session, gateway.name, notice, now)
            if row_id is None:
                raise NoticeRefused("This call-back was heard before.")
            settled = await self._settle_notice(session, notice)
            await session.execute(
                update(GatewayNotice)
                .where(GatewayNotice.id == row_id)
                .values(outcome=settled.outcome)
            )
        log.info("gateway_notice", about=notice.about, outcome=settled.outcome)
        self._tell(settled)
        return settled.outcome

    async def look(self, payment_id: int) -> None:
        """What became of an open attempt: its call-back may be lost, or we may have died after asking."""
        payment, _ = await self._read(payment_id)
        if payment.state not in OPEN:
            return
        now = self._clock()
        try:
            fact = await self.gateway.find_charge(payment.token)
            if fact is None and now < payment.expires_at:
                await self._ask(payment_id)
                return
            if fact is not None and fact.fate is Fate.OPEN:
                if now < payment.expires_at:
                    if payment.state == State.REQUESTED:
                        await self._ask(payment_id)
                    return
                await self.gateway.close_charge(payment.token)
                fact = Fact(Fate.CLOSED, payment.token, detail="expired")
        except (Unclear, Refused) as error:
            log.info("payment_unclear", payment=payment_id, reason=str(error))
            return
        await self._settle(fact or Fact(Fate.CLOSED, payment.token, detail="unknown there"))

    async def look_at_refund(self, refund_id: int) -> None:
        """Ask for it, or what became of it: the same token goes back once."""
        async with self._database.reading_entities() as session:
            refund = await session.get_one(PaymentRefund, refund_id)
            payment = await session.get_one(Payment, refund.payment_id)
        if refund.state not in ("requested", "pending"):
            return
        assert payment.received is not None
        try:
            fact = await self.gateway.find_repayment(refund.token) if refund.looks else None
            fact = fact or await self.gateway.repay(
                Repayment(
                    refund.token, payment.token, refund.amount, payment.received, refund.words
                )
            )
        except Unclear as error:
            log.info("refund_unclear", refund=refund_id, reason=str(error))
            return
        except Refused as error:
            await self._fail_refund(refund_id, str(error))
            return
        async with self._database.begin() as session:
            settled = await settling.repayment(session, self.gateway.name, fact, self._occasion())
        self._tell(settled)

    async def _add(
        self,
        session: AsyncSession,
        actor: Actor,
        order: Order,
        wanted: StartPayment,
        key: str,
    ) -> int:
        now = self._clock()
        known = await session.scalar(select(Payment).where(Payment.key == key))
        if known is not None:
            if known.order_id != order.id or wanted.amount not in (None, known.amount):
                raise SameKeyOtherPayment
            return known.id
        there = await session.scalar(
            select(Payment.id).where(Payment.order_id == order.id, Payment.state.in_(OPEN))
        )
        if there is not None:
            raise PaymentOpen(there)
        left = booking.owed(order) - await book.paid(session, order.id)
        amount = wanted.amount or left
        if not 0 < amount <= left:
            raise NothingToPay(max(left, type(left)(0)))
        made: int | None = await session.scalar(
            insert(Payment)
            .values(
                token=uuid4().hex,
                key=key,
                order_id=order.id,
                gateway=self.gateway.name,
                amount=amount,
                expires_at=now + timedelta(minutes=wanted.minutes),
                next_look_at=now + SOON,
                created_by=actor.user_id,
                created_at=now,
            )
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(Payment.id)
        )
        if made is None:
            raise SameKeyOtherPayment
        await trail.record(
            session, actor.user_id, "payment.start", "payment", made,
            after={"order": order.number, "amount": amount},
        )  # fmt: skip
        return made

    async def _ask(self, payment_id: int) -> None:
        """Have the charge made; the gateway knows its token when it was made before."""
        payment, number = await self._read(payment_id)
        if payment.state != State.REQUESTED:
            return
        try:
            url = await self.gateway.charge(
                Charge(payment.token, payment.amount, f"订单 {number}", payment.expires_at)
            )
        except Unclear as error:
            log.info("payment_unclear", payment=payment_id, reason=str(error))
            return
        except Refused as error:
            values: dict[str, object] = {"state": State.FAILED, "reason": str(error)[:300]}
        else:
            values = {"state": State.PENDING, "pay_url": url}
        async with self._database.begin() as session:
            await session.execute(
                update(Payment)
                .where(Payment.id == payment_id, Payment.state == State.REQUESTED)
                .values(values)
            )
        log.info("payment_asked", payment=payment_id, state=values["state"])

    async def _read(self, payment_id: int) -> tuple[Payment, str]:
        """The attempt and its order's number."""
        async with self._database.reading_entities() as session:
            row = await session.execute(
                select(Payment, Order.number)
                .join(Order, Order.id == Payment.order_id)
                .where(Payment.id == payment_id)
            )
            payment, number = row.one()
            return payment, number

    async def _settle(self, fact: Fact) -> None:
        async with self._database.begin() as session:
            settled = await settling.charge(session, self.gateway.name, fact, self._occasion())
        self._tell(settled)

    async def _settle_notice(self, session: AsyncSession, notice: Notice) -> Settled:
        settle = {"charge": settling.charge, "repayment": settling.repayment}.get(notice.about)
        if settle is None:
            return Settled(Outcome.IGNORED)
        return await settle(session, self.gateway.name, notice.fact, self._occasion())

    async def _fail_refund(self, refund_id: int, reason: str) -> None:
        async with self._database.begin() as session:
            refund = await session.get_one(PaymentRefund, refund_id, with_for_update=True)
            if refund.state in ("requested", "pending"):
                await settling.fail_refund(session, refund, reason, self._clock())

    def _occasion(self) -> Occasion:
        return Occasion(self._channels, self._clock())

    def _tell(self, settled: Settled) -> None:
        if settled.event is not None:
            event = settled.event
            log.info("payment_booked", order=event.order_id, kind=event.kind)
            self._bus.publish(event)


async def _note(session: AsyncSession, gateway: str, notice: Notice, now: datetime) -> int | None:
    """None for a nonce that came before."""
    fact = notice.fact
    return await session.scalar(
        insert(GatewayNotice)
        .values(
            gateway=gateway,
            nonce=notice.nonce,
            notice_id=notice.id,
            about=notice.about,
            token=fact.token,
            reference=fact.reference,
            amount=fact.amount,
            currency=fact.currency[:3],
            outcome=Outcome.IGNORED,
            received_at=now,
        )
        .on_conflict_do_nothing(constraint="uq_gateway_notices_nonce")
        .returning(GatewayNotice.id)
    )
