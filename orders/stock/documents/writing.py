"""Documents written, as SQL inside the caller's transaction. Rule: the same key is the same document, also
when it comes twice at the same time.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.fields import Command
from orders.errors import DocumentClosed, SameKeyOtherDocument, UnknownDocument
from orders.stock.documents.kinds import PREFIX, Kind, State
from orders.stock.documents.tables import StockDocument, StockDocumentLine
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause


@dataclass(frozen=True, slots=True)
class Setting:
    """Who works on a document, when, and on which day of the company's calendar."""

    actor_id: int | None
    now: datetime
    today: date

    def cause(self, document_id: int) -> Cause:
        return Cause(self.now, document_id=document_id, actor_id=self.actor_id)


@dataclass(frozen=True, slots=True)
class Head:
    """What is written at the top; `key` and `command` make it one document, however often it comes."""

    kind: Kind
    state: State
    warehouse: str
    key: str
    command: Command
    more: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    sku: str
    quantity: int | None
    batch_id: int | None = None
    expected: int | None = None
    unit_cost: Decimal | None = None
    price: Decimal | None = None
    price_before: Decimal | None = None
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """`changed` are the balances that it changed, none when the same key had made it before."""

    document_id: int
    changed: tuple[StockChanged, ...] = ()
    created: bool = True


async def store(session: AsyncSession, head: Head, setting: Setting) -> Written:
    """Raises SameKeyOtherDocument. `created` False: the key made it before."""
    fingerprint = _fingerprint(head)
    document_id = await session.scalar(select(_NEXT_ID))
    assert document_id is not None
    number = f"{PREFIX[head.kind]}{setting.today:%y%m%d}-{document_id:06d}"
    posted = head.state is State.POSTED
    made = await session.scalar(
        upsert(StockDocument)
        .values(
            id=document_id,
            number=number,
            kind=head.kind,
            state=head.state,
            warehouse=head.warehouse,
            key=head.key,
            fingerprint=fingerprint,
            created_by=setting.actor_id,
            created_at=setting.now,
            posted_by=setting.actor_id if posted else None,
            posted_at=setting.now if posted else None,
            **head.more,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(StockDocument.id)
    )
    if made is not None:
        return Written(made)
    before = await session.execute(
        select(StockDocument.id, StockDocument.number, StockDocument.fingerprint).where(
            StockDocument.key == head.key
        )
    )
    found = before.one()
    if found.fingerprint != fingerprint:
        raise SameKeyOtherDocument(found.number)
    return Written(found.id, created=False)


async def write_lines(session: AsyncSession, document_id: int, lines: Iterable[Line]) -> None:
    rows = [
        {
            "document_id": document_id,
            "line_no": line_no,
            "sku": line.sku,
            "quantity": line.quantity,
            "batch_id": line.batch_id,
            "expected": line.expected,
            "unit_cost": line.unit_cost,
            "price": line.price,
            "price_before": line.price_before,
            "value": line.value,
        }
        for line_no, line in enumerate(lines, 1)
    ]
    if rows:
        await session.execute(insert(StockDocumentLine), rows)


async def hold(
    session: AsyncSession, document_id: int, kind: Kind | None, state: State
) -> StockDocument:
    """The document, locked. Raises UnknownDocument (none of this kind), DocumentClosed (in another state)."""
    found = await session.get(StockDocument, document_id, with_for_update=True)
    if found is None or (kind is not None and found.kind != kind):
        raise UnknownDocument(document_id)
    if found.state != state:
        raise DocumentClosed(found.state)
    return found


async def lines_of(session: AsyncSession, document_id: int) -> Sequence[StockDocumentLine]:
    found = await session.scalars(
        select(StockDocumentLine)
        .where(StockDocumentLine.document_id == document_id)
        .order_by(StockDocumentLine.line_no)
    )
    return found.all()


async def close(session: AsyncSession, document_id: int, state: State, setting: Setting) -> None:
    """The last change it sees."""
    values: dict[str, Any] = {"state": state}
    if state is State.POSTED:
        values |= {"posted_by": setting.actor_id, "posted_at": setting.now}
    await session.flush()
    await session.execute(
        update(StockDocument)
        .where(StockDocument.id == document_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def _fingerprint(head: Head) -> str:
    content = f"{head.kind} {head.more.get('reverses_id')} {head.command.model_dump_json()}"
    return hashlib.sha256(content.encode()).hexdigest()


_NEXT_ID = func.nextval(func.pg_get_serial_sequence("stock_documents", "id"))
