"""Who belongs to whom: those below a customer, where it stood before, who may be the same.

Rule: pure reading, within what the reader may see; every list has an end.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from crm_core.customers.search import CustomerHit, hits
from crm_core.customers.tables import Customer, CustomerAddress, CustomerMove
from crm_core.customers.visibility import must_see, there, within_scope
from crm_core.db import Database
from crm_core.errors import Forbidden
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from crm_core.search_text import contains, plain

_MOST = 100
# What a Chinese company's name ends with whatever the company.
_FORM = re.compile(
    r"(?:股份)?(?:有限)?(?:责任)?公司$|(?:个体)?(?:工商户|经营部|商行|商店|批发部|门市部|商贸|贸易)+$"
)


@dataclass(frozen=True, slots=True)
class MoveView:
    """A change of standing in the channel."""

    id: int
    at: datetime
    actor: str | None
    from_parent_id: int | None
    from_parent: str | None
    to_parent_id: int | None
    to_parent: str | None
    from_level_code: str
    to_level_code: str
    from_salesperson: str | None
    to_salesperson: str | None


@dataclass(frozen=True, slots=True)
class Below:
    """One page of those directly below; `in_all` counts everybody under the customer whom the reader may see."""

    hits: tuple[CustomerHit, ...]
    after: int | None
    in_all: int


class FamilyService:
    """Reads the channel tree around a customer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def below(
        self, actor: Actor, customer_id: int, *, after: int | None = None, limit: int = 50
    ) -> Below:
        """Those directly below, in the order they came. Raises Forbidden (also when one may not see
        who stands above whom), NotFound.
        """
        actor.require(Right.CUSTOMER_VIEW)
        if not actor.may_read("customer", "parent"):
            raise Forbidden(
                "Your role does not see who stands above whom: ask an administrator.",
                fields={"parent": "forbidden"},
            )
        limit = min(limit, _MOST)
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            shown = (*there(), within_scope(actor))
            rows = (
                await connection.execute(
                    hits(Customer.parent_id == seen, Customer.id > (after or 0), *shown)
                    .order_by(Customer.id)
                    .limit(limit + 1)
                )
            ).all()
            under = select(func.count()).where(Customer.path.contains([seen]), *shown)
            in_all = await connection.scalar(under)
        found = tuple(CustomerHit(*row) for row in rows[:limit])
        return Below(found, found[-1].id if len(rows) > limit else None, int(in_all or 0))

    async def moves(
        self, actor: Actor, customer_id: int, *, before: int | None = None, limit: int = 50
    ) -> tuple[MoveView, ...]:
        """Where the customer stood, the latest move first; `before`: the last one of the page before. Raises Forbidden,
        NotFound.
        """
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            query = _MOVES.where(CustomerMove.customer_id == seen).limit(min(limit, _MOST))
            if before is not None:
                query = query.where(CustomerMove.id < before)
            return tuple(MoveView(*row) for row in await connection.execute(query))

    async def duplicates(self, actor: Actor, customer_id: int) -> tuple[CustomerHit, ...]:
        """Who may be the same: of the same name, or e-mail or address if one may see those. Raises Forbidden, NotFound."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            own = (await connection.execute(_OWN.where(Customer.id == seen))).one()
            rows = await connection.execute(
                hits(
                    or_(*_alike(actor, own)),
                    Customer.id != seen,
                    *there(),
                    within_scope(actor),
                )
                .order_by(Customer.id)
                .limit(20)
            )
            return tuple(CustomerHit(*row) for row in rows)


_Before, _After = aliased(Customer), aliased(Customer)
_Had, _Has, _Who = aliased(User), aliased(User), aliased(User)
_MOVES = (
    select(
        CustomerMove.id,
        CustomerMove.at,
        _Who.name,
        CustomerMove.from_parent_id,
        _Before.name,
        CustomerMove.to_parent_id,
        _After.name,
        CustomerMove.from_level_code,
        CustomerMove.to_level_code,
        _Had.name,
        _Has.name,
    )
    .outerjoin(_Who, _Who.id == CustomerMove.actor_id)
    .outerjoin(_Before, _Before.id == CustomerMove.from_parent_id)
    .outerjoin(_After, _After.id == CustomerMove.to_parent_id)
    .outerjoin(_Had, _Had.id == CustomerMove.from_salesperson_id)
    .outerjoin(_Has, _Has.id == CustomerMove.to_salesperson_id)
    .order_by(CustomerMove.id.desc())
)
_OWN = select(
    Customer.name,
    Customer.email,
    select(CustomerAddress.detail)
    .where(CustomerAddress.customer_id == Customer.id, CustomerAddress.is_main)
    .scalar_subquery()
    .label("address"),
)


def core_name(name: str) -> str:
    """The part that tells one company from another: 天津海河商贸有限公司 → 天津海河."""
    known = plain(name).replace(" ", "")
    shorter = _FORM.sub("", _FORM.sub("", known))
    return shorter if len(shorter) > 1 else known


def _alike(actor: Actor, own: Any) -> list[Any]:
    same = [Customer.name == own.name]
    named = contains(Customer.search_text, core_name(own.name))
    if named is not None:
        same.append(named)
    if own.email and actor.may_read("customer", "email"):
        same.append(Customer.email == own.email)
    if own.address and actor.may_read("customer", "addresses"):
        lives = contains(CustomerAddress.search_text, own.address)
        if lives is not None:
            homes = select(CustomerAddress.customer_id).where(
                lives, CustomerAddress.detail == own.address
            )
            same.append(Customer.id.in_(homes))
    return same
