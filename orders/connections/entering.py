"""An order from outside becomes ours. Rule: order, link and what became of the paper are one transaction, and
the outcome depends on which papers came, never on how often or in which order:

- a cancellation is the end, also when it comes first;
- else the paper with the largest (version, digest) counts, and older ones are ignored;
- newer content replaces an order that is not yet under way; one that is, is for a person to mend;
- an order that was split ends with all its parts, or not at all.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.rights import SYSTEM
from orders.connections import matching
from orders.connections.clients import Opened
from orders.connections.documents import Claimed, Outcome
from orders.connections.errors import ConnectorError
from orders.connections.matching import Matched
from orders.connections.papers import OutsideOrder
from orders.connections.ports import ShopRules
from orders.connections.tables import ConnectionLink
from orders.money import line_total, to_fen
from orders.sales import moving, placing
from orders.sales.commands import PlaceOrder
from orders.sales.events import OrderPlaced
from orders.sales.flow import Status
from orders.sales.placing import Setting
from orders.sales.tables import SalesQuote, SalesQuoteLine

_NOT_YET_UNDER_WAY = (Status.BACKORDERED, Status.REVIEW, Status.PLACED, Status.REVIEWED)


class AskAgain(Exception):
    """The same is being done at this very moment: try again in a new transaction."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of a paper, and what to tell the bus after the commit."""

    outcome: Outcome
    events: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Entering:
    """How an order is entered here; `channels` are those that have a notifier."""

    channels: Collection[str]
    zone: tzinfo

    async def enter(
        self, session: AsyncSession, opened: Opened, claimed: Claimed, now: datetime
    ) -> Entered:
        """In the caller's transaction. Raises ConnectorError, AskAgain, and what placing an order raises."""
        paper = OutsideOrder.model_validate(claimed.body)
        link = await session.get(ConnectionLink, (opened.id, paper.number), with_for_update=True)
        if link is not None and link.state == "cancelled":
            return Entered(Outcome("ignored", "cancelled_before", order_id=link.order_id))
        if paper.cancelled:
            return await self._cancel(session, opened, paper, link=link, now=now)
        if link is not None and (paper.version, paper.digest) <= (link.version, link.digest):
            return Entered(Outcome("ignored", "older_or_same", order_id=link.order_id))
        if link is not None and link.content == paper.content:
            link.version, link.digest = paper.version, paper.digest
            return Entered(Outcome("done", "nothing_new", order_id=link.order_id))
        return await self._place(session, opened, claimed, paper=paper, link=link, now=now)

    async def _cancel(
        self,
        session: AsyncSession,
        opened: Opened,
        paper: OutsideOrder,
        *,
        link: ConnectionLink | None,
        now: datetime,
    ) -> Entered:
        if link is None:
            session.add(_link(opened, paper, None, "cancelled"))
            await session.flush()
            return Entered(Outcome("done", "cancelled_before_it_came"))
        events = await self._end(session, link, now, late=True)
        link.state, link.version, link.digest = "cancelled", paper.version, paper.digest
        return Entered(Outcome("done", "cancelled", order_id=link.order_id), events)

    async def _end(
        self, session: AsyncSession, link: ConnectionLink, now: datetime, *, late: bool
    ) -> tuple[object, ...]:
        """The order of this link is cancelled with all its parts. Raises ConnectorError when it is too late for one."""
        if link.order_id is None:
            return ()
        parts = await moving.held_with_parts(session, link.order_id)
        left = [part for part in parts if part.status != Status.CANCELLED]
        allowed = (*_NOT_YET_UNDER_WAY, Status.PICKING) if late else _NOT_YET_UNDER_WAY
        for part in left:
            if part.status not in allowed:
                raise ConnectorError(
                    "under_way",
                    f"our order {part.number} is {part.status} already: settle it with the shop by hand.",
                    permanent=True,
                )
        events: list[object] = []
        for part in left:
            moved = await moving.move(
                session,
                part.id,
                Status.CANCELLED,
                actor=SYSTEM,
                channels=self.channels,
                now=now,
                zone=self.zone,
            )
            events += [moved.event, *moved.stock]
        return tuple(events)

    async def _place(
        self,
        session: AsyncSession,
        opened: Opened,
        claimed: Claimed,
        *,
        paper: OutsideOrder,
        link: ConnectionLink | None,
        now: datetime,
    ) -> Entered:
        rules = opened.settings
        if not isinstance(rules, ShopRules):
            raise ConnectorError("no_rules", "this connection takes no orders", permanent=True)
        lines = await matching.products(session, opened.id, paper.lines)
        customer_id = await matching.buyer(session, opened.id, rules, paper)
        ended = () if link is None else await self._end(session, link, now, late=False)
        command = PlaceOrder(
            key=_key(opened, paper),
            customer_id=customer_id,
            lines=tuple(each.line for each in lines),
            address=paper.address,
            note=f"{opened.name} {paper.number} {paper.note or ''}".strip()[:500],
            payment=rules.payment_paid if paper.paid else rules.payment_unpaid,
            quote_id=await self._agreed(session, rules, claimed, customer_id, lines=lines, now=now),
        )
        done = await placing.place(session, command, Setting(SYSTEM, self.channels, now, self.zone))
        if done is None:
            raise AskAgain
        order = done.placed.order
        flags = _difference(paper, order.total, rules.tolerance)
        if link is None:
            session.add(_link(opened, paper, order.id, "open"))
        else:
            link.order_id, link.version, link.digest = order.id, paper.version, paper.digest
            link.content = paper.content
        await session.flush()
        placed = OrderPlaced(
            order.id,
            order.number,
            order.customer_id,
            order.call_id,
            order.total,
            order.status,
            order.placed_at,
        )
        outcome = Outcome("done", "placed", None, flags, order.id, order.customer_id)
        return Entered(outcome, (*ended, placed, *done.stock))

    async def _agreed(
        self,
        session: AsyncSession,
        rules: ShopRules,
        claimed: Claimed,
        customer_id: int,
        *,
        lines: Sequence[Matched],
        now: datetime,
    ) -> int | None:
        """The shop's prices as a quote that the order accepts; None for our own prices."""
        if rules.prices == "own" or any(each.price is None for each in lines):
            return None
        sums: dict[str, Decimal] = defaultdict(Decimal)
        counts: dict[str, int] = defaultdict(int)
        for each in lines:
            sums[each.line.sku] += (each.price or Decimal(0)) * each.line.quantity
            counts[each.line.sku] += each.line.quantity * each.factor
        prices = {sku: to_fen(sums[sku] / counts[sku]) for sku in sums}
        totals = {sku: line_total(prices[sku], counts[sku]) for sku in prices}
        quote_id = await session.scalar(
            insert(SalesQuote)
            .values(
                number=f"W{claimed.id}-{claimed.attempts}",
                customer_id=customer_id,
                valid_until=now.astimezone(self.zone).date(),
                total=sum(totals.values(), Decimal(0)),
                created_at=now,
            )
            .returning(SalesQuote.id)
        )
        await session.execute(
            insert(SalesQuoteLine),
            [
                {
                    "quote_id": quote_id,
                    "line_no": line_no,
                    "sku": sku,
                    "quantity": counts[sku],
                    "own_price": prices[sku],
                    "discount_percent": Decimal(0),
                    "unit_price": prices[sku],
                    "line_total": totals[sku],
                }
                for line_no, sku in enumerate(prices, 1)
            ],
        )
        return quote_id


def _link(opened: Opened, paper: OutsideOrder, order_id: int | None, state: str) -> ConnectionLink:
    return ConnectionLink(
        connection_id=opened.id,
        outside_key=paper.number,
        order_id=order_id,
        version=paper.version,
        digest=paper.digest,
        content=paper.content,
        state=state,
    )


def _key(opened: Opened, paper: OutsideOrder) -> str:
    said = f"{paper.number}\n{paper.version}\n{paper.digest}".encode()
    return f"connection-{opened.id}-{hashlib.sha256(said).hexdigest()[:32]}"


def _difference(
    paper: OutsideOrder, total: Decimal, tolerance: Decimal
) -> Sequence[dict[str, str]]:
    """Raises ConnectorError when the two totals are too far apart."""
    if paper.total is None or paper.total == total:
        return ()
    if abs(paper.total - total) > tolerance:
        raise ConnectorError(
            "price_differs",
            f"it is {paper.total} there and {total} here: agree on a price, or allow the difference.",
            permanent=True,
        )
    return ({"code": "price_differs", "theirs": str(paper.total), "ours": str(total)},)
