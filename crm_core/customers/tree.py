"""The channel tree: who stands above whom.

Rule: one change of the tree at a time (`_LOCK`), while new customers may be entered beside each other;
no circle, and nobody below a customer whose level stands further out. `customers.path` always holds
everybody above; the table itself refuses one that does not end at the parent or contains the customer.
"""

from collections.abc import Mapping

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer, CustomerMove, Level
from crm_core.customers.visibility import within_scope
from crm_core.errors import Invalid
from crm_core.rights import Actor

STANDING = ("parent_id", "level_code", "salesperson_id")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('zongji.customer.tree'))")
_LOCK_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtext('zongji.customer.tree'))")
_MOVE_BELOW = text(
    "UPDATE customers SET path = CAST(:above AS integer[]) || path[array_position(path, :id):]"
    " WHERE path @> ARRAY[CAST(:id AS integer)]"
)


async def lock(session: AsyncSession) -> None:
    """Before the customer's own row is locked, when parent or level may change."""
    await session.execute(_LOCK)


async def lock_shared(session: AsyncSession) -> None:
    """While new customers are entered: others may be entered too, but nobody moves."""
    await session.execute(_LOCK_SHARED)


async def path_of_new(
    session: AsyncSession, actor: Actor, parent_id: int | None, level_code: str
) -> list[int]:
    """Everybody above a customer who is being entered. Raises Invalid."""
    if parent_id is None:
        return []
    await lock_shared(session)
    return await _path_below(session, actor, parent_id, level_code)


async def move(
    session: AsyncSession, actor: Actor, customer_id: int, parent_id: int | None, level_code: str
) -> list[int]:
    """The customer's new path; those below it are moved along. Raises Invalid.

    The caller holds the lock and writes the customer's own row.
    """
    path = [] if parent_id is None else await _path_below(session, actor, parent_id, level_code)
    if customer_id in path:
        raise Invalid(
            "The customer above would then stand below this one: choose another one above.",
            fields={"parent_id": "circle"},
        )
    await _check_below(session, customer_id, level_code)
    await session.execute(_MOVE_BELOW, {"above": path, "id": customer_id})
    return path


async def keep_history(
    session: AsyncSession, actor_id: int | None, before: Customer, after: Mapping[str, object]
) -> None:
    """Note where a customer stood, when something of `STANDING` changed."""
    was = {name: getattr(before, name) for name in STANDING}
    if was == after:
        return
    values = {f"from_{name}": value for name, value in was.items()}
    values |= {f"to_{name}": value for name, value in after.items()}
    await session.execute(
        insert(CustomerMove).values(customer_id=before.id, actor_id=actor_id, **values)
    )


async def _path_below(
    session: AsyncSession, actor: Actor, parent_id: int, level_code: str
) -> list[int]:
    row = (
        await session.execute(
            select(Customer.path, Level.rank, Customer.name, within_scope(actor).label("seen"))
            .join(Level, Level.code == Customer.level_code)
            .where(
                Customer.id == parent_id,
                Customer.merged_into_id.is_(None),
                Customer.erased_at.is_(None),
            )
        )
    ).one_or_none()
    if row is None:
        raise Invalid("There is no such customer above.", fields={"parent_id": "unknown"})
    if row.rank > await rank(session, level_code):
        who = row.name if row.seen else "The customer above"
        raise Invalid(
            f"{who} stands further out in the channel than this customer would: choose one "
            "above of a higher level, or another level here.",
            fields={"parent_id": "level"},
        )
    return [*row.path, parent_id]


async def fits_above(session: AsyncSession, customer_id: int, level_code: str) -> bool:
    """Whether those below this customer may stand below one of this level."""
    higher = await session.scalar(
        select(func.min(Level.rank))
        .join(Customer, Customer.level_code == Level.code)
        .where(Customer.parent_id == customer_id, Customer.merged_into_id.is_(None))
    )
    return higher is None or higher >= await rank(session, level_code)


async def _check_below(session: AsyncSession, customer_id: int, level_code: str) -> None:
    if not await fits_above(session, customer_id, level_code):
        raise Invalid(
            "Customers below this one have a higher level than that: change or move them first.",
            fields={"level_code": "below"},
        )


async def rank(session: AsyncSession, level_code: str) -> int:
    """Of a level. Raises Invalid when there is none."""
    found = await session.scalar(select(Level.rank).where(Level.code == level_code))
    if found is None:
        raise Invalid("There is no such level_code.", fields={"level_code": "unknown"})
    return found
