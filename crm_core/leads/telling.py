"""Who hears that a lead or an opportunity is his. Rule: somebody of ours always has a to-do: the receiver, or for a
dealer who has no salesperson the nearest supervisor, and then the dealer is told, too.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.contact import contact_of
from crm_core.customers.tables import Customer
from crm_core.leads.tables import Lead
from crm_core.leads.wording import KIND, TO_ARRANGE, TO_BEGIN
from crm_core.outbox import messages
from crm_core.people.holders import holders
from crm_core.people.tables import User
from crm_core.rights import SYSTEM, Right
from crm_core.todos import staff, writing
from crm_core.todos.commands import NewTodo, TodoKind, TodoSource

log = structlog.get_logger(__name__)

SUBJECT = "lead"
_WITHIN = timedelta(hours=24)


async def receiver(
    session: AsyncSession,
    user_id: int,
    source: TodoSource,
    customer_id: int | None,
    now: datetime,
) -> None:
    """Whoever is given it, unless he works no to-dos."""
    locale = await session.scalar(
        holders(Right.TODO_WORK).with_only_columns(User.locale).where(User.id == user_id)
    )
    if locale is None:
        log.info("handover_without_todo", source=source.reference, to=user_id)
        return
    title = _title(TO_BEGIN[source.kind], locale, source)
    new = _todo(user_id, title, customer_id, now)
    await writing.add(session, SYSTEM, new, source, now)


async def supervisor(
    session: AsyncSession,
    near: int | None,
    source: TodoSource,
    customer_id: int | None,
    now: datetime,
) -> None:
    """The nearest one above this person who may see the customer."""
    above = await staff.nearest_above(session, await staff.read(session), near, customer_id)
    if not above:
        log.info("handover_without_todo", source=source.reference, to=None)
        return
    title = _title(TO_ARRANGE[source.kind], above[0].locale, source)
    new = _todo(above[0].id, title, customer_id, now)
    await writing.add(session, SYSTEM, new, source, now)


async def dealer(
    session: AsyncSession,
    dealer_id: int,
    lead_id: int,
    channels: Collection[str],
    now: datetime,
    *,
    step: str,
) -> None:
    """By the channels that the dealer wishes, and by none that was refused."""
    refused = await session.scalar(select(Customer.opt_outs).where(Customer.id == dealer_id))
    lead = (await session.execute(select(Lead.province, Lead.city).where(Lead.id == lead_id))).one()
    contact = await contact_of(session, dealer_id)
    params = {"number": f"#{lead_id}", "place": " ".join(filter(None, lead))}
    wanted = frozenset(channels) - frozenset(refused or ())
    told = messages.messages(KIND, contact, wanted, params)
    await messages.tell(
        session, SUBJECT, lead_id, customer_id=dealer_id, told=told, now=now, step=step
    )


def _title(words: Mapping[str, str], locale: str, source: TodoSource) -> str:
    said = words["en" if locale.startswith("en") else "zh"]
    return said.format(id=source.reference.partition(":")[0])


def _todo(user_id: int, title: str, customer_id: int | None, now: datetime) -> NewTodo:
    return NewTodo(
        title=title,
        due_at=now + _WITHIN,
        customer_id=customer_id,
        kind=TodoKind.FOLLOW_UP,
        assignee_id=user_id,
    )
