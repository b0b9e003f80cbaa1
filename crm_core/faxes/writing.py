"""Faxes written, as SQL inside the caller's transaction. Rule: the same transmission is one row, however often it is
told of; one that came in is a task for somebody in the transaction that stores it.
"""

from dataclasses import asdict
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.customers.visibility import there
from crm_core.faxes.tables import Fax
from crm_core.faxes.views import FaxIn, FaxResult
from crm_core.rights import SYSTEM
from crm_core.todos import staff, writing
from crm_core.todos.commands import NewTodo, TodoSource

log = structlog.get_logger(__name__)

SOURCE = "fax"
_TITLES = {
    "zh": "收到传真（{pages}页）：{who}",
    "en": "A fax of {pages} pages has come from {who}",
}
_NOBODY = {"zh": "未知号码", "en": "an unknown number"}


async def came_in(
    session: AsyncSession, fax: FaxIn, now: datetime, *, due_in: timedelta
) -> int | None:
    """The id of the new row; None when it is there already."""
    customer_id, name = await _whose(session, fax.number)
    values = asdict(fax) | asdict(fax.result) | {"direction": "in", "customer_id": customer_id}
    del values["result"]
    fax_id = await _insert(session, values)
    if fax_id is not None and fax.path is not None:
        await _ask(session, fax_id, fax, customer_id, name=name, now=now, due_in=due_in)
    return fax_id


async def went_out(
    session: AsyncSession,
    call_id: str,
    token: str,
    number: str,
    *,
    result: FaxResult,
    at: datetime,
) -> None:
    """What became of a message that was faxed."""
    customer_id, _ = await _whose(session, number)
    values = asdict(result) | {
        "direction": "out", "source": call_id, "call_id": call_id, "message_token": token,
        "number": number, "customer_id": customer_id, "at": at,
    }  # fmt: skip
    await _insert(session, values)


async def _insert(session: AsyncSession, values: dict[str, object]) -> int | None:
    return (
        await session.execute(
            upsert(Fax)
            .values(values)
            .on_conflict_do_nothing(index_elements=["source"])
            .returning(Fax.id)
        )
    ).scalar_one_or_none()


async def _whose(session: AsyncSession, number: str | None) -> tuple[int | None, str | None]:
    """The customer with this telephone or fax number; nobody when several have it as their fax."""
    if number is None:
        return None, None
    owner = select(CustomerPhone.customer_id).where(CustomerPhone.number == number)
    by_phone, by_fax = Customer.id.in_(owner), Customer.fax == number
    rows = await session.execute(
        select(Customer.id, Customer.name, by_phone)
        .where(or_(by_phone, by_fax), *there())
        .order_by(by_phone.desc())
        .limit(2)
    )
    found = rows.all()
    if not found or (len(found) > 1 and not found[0][2]):
        return None, None
    return found[0].id, found[0].name


async def _ask(
    session: AsyncSession,
    fax_id: int,
    fax: FaxIn,
    customer_id: int | None,
    *,
    name: str | None,
    now: datetime,
    due_in: timedelta,
) -> None:
    """The salesperson, or the nearest supervisor who may see the customer, is to look at it."""
    seller = None
    if customer_id is not None:
        found = select(Customer.salesperson_id).where(Customer.id == customer_id)
        seller = await session.scalar(found)
    known = await staff.read(session)
    who = await staff.nearest(session, known, seller, seller, customer_id)
    if who is None:
        log.warning("fax_without_assignee", fax=fax_id)
        return
    language = "en" if who.locale.startswith("en") else "zh"
    sender = name or _NOBODY[language]
    new = NewTodo(
        title=_TITLES[language].format(pages=fax.result.pages, who=sender[:100]),
        due_at=now + due_in,
        customer_id=customer_id,
        call_id=fax.call_id,
        assignee_id=who.id,
    )
    await writing.add(session, SYSTEM, new, TodoSource(kind=SOURCE, reference=str(fax_id)), now)
