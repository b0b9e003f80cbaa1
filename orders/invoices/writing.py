"""Invoices and red letters written, inside the caller's transaction. Rule: the caller holds the order's row and has
worked out what is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from orders.invoices import store
from orders.invoices.store import BUYER
from orders.invoices.tables import Invoice, InvoiceLine, InvoiceTitle
from orders.invoices.tax import Split, part_of
from orders.invoices.views import InvoiceLineView
from orders.payments.errors import SameKeyOtherPayment
from orders.sales.tables import Order
from orders.sales.views import InvoiceWanted

ENTITY = "invoice"
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class RedOf:
    """A red letter: of which invoice, why, and the key of whoever asks for it."""

    whole: Invoice
    reason: str
    key: str


async def add(
    session: AsyncSession,
    actor_id: int | None,
    values: Mapping[str, object],
    lines: Sequence[InvoiceLineView],
    now: datetime,
) -> int:
    """Its id. Raises SameKeyOtherPayment."""
    sums = {
        name: sum((getattr(line, name) for line in lines), _NOTHING)
        for name in ("gross", "net", "tax")
    }
    made: int | None = await session.scalar(
        upsert(Invoice)
        .values(**values, **sums, requested_by=actor_id, requested_at=now)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(Invoice.id)
    )
    if made is None:
        raise SameKeyOtherPayment
    rows = [
        {name: getattr(line, name) for name in InvoiceLineView.__dataclass_fields__}
        | {"invoice_id": made}
        for line in lines
    ]
    await session.execute(insert(InvoiceLine), rows)
    action = "invoice.take_back" if "red_of" in values else "invoice.request"
    told = {"order_id": values["order_id"], "kind": values["kind"], **sums}
    await trail.record(session, actor_id, action, ENTITY, made, after=told)
    return made


async def keep_title(
    session: AsyncSession, customer_id: int, wish: InvoiceWanted, now: datetime
) -> None:
    """What stands on the invoice is offered for the customer's next one; a title of this name stays as it is."""
    has_main = select(InvoiceTitle.id).where(
        InvoiceTitle.customer_id == customer_id, InvoiceTitle.is_main
    )
    values = {name: getattr(wish, name) for name in BUYER}
    values |= {"customer_id": customer_id, "is_main": ~has_main.exists(), "changed_at": now}
    await session.execute(upsert(InvoiceTitle).values(values).on_conflict_do_nothing())


async def add_red(
    session: AsyncSession,
    actor_id: int | None,
    red: RedOf,
    lines: Sequence[InvoiceLineView],
    now: datetime,
) -> int:
    """The red letter's id. Raises SameKeyOtherPayment."""
    whole = red.whole
    values: dict[str, object] = {name: getattr(whole, name) for name in BUYER}
    values |= {"key": red.key, "reason": red.reason, "red_of": whole.id}
    values |= {"kind": whole.kind, "electronic": whole.electronic, "order_id": whole.order_id}
    return await add(session, actor_id, values, lines, now)


async def take_back_beyond(
    session: AsyncSession,
    order: Order,
    *,
    reason: str,
    key: str,
    actor_id: int | None,
    now: datetime,
) -> tuple[int, ...]:
    """Red letters for what the issued invoices of an order say beyond what each line is to bring now, the newest
    invoice first; `key` opens their keys.
    """
    allowed = await store.worth_now(session, order)
    invoices = await session.scalars(
        select(Invoice)
        .where(
            Invoice.order_id == order.id,
            Invoice.state == "issued",
            Invoice.red_of.is_(None),
        )
        .order_by(Invoice.id)
    )
    made = []
    for invoice in invoices.all():
        lines = []
        for line in (await store.left_of(session, invoice.id)).values():
            covered = min(line.gross, allowed.get(line.order_line, _NOTHING))
            allowed[line.order_line] = allowed.get(line.order_line, _NOTHING) - covered
            if line.gross > covered:
                whole = Split(line.gross, line.net, line.tax)
                part = part_of(whole, line.gross - covered, line.tax_rate)
                lines.append(store.with_split(line, part))
        if lines:
            red = RedOf(invoice, reason, f"{key}:{invoice.id}")
            made.append(await add_red(session, actor_id, red, lines, now))
    return tuple(made)
