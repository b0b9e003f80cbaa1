"""Finding customers: by a few typed signs, or by any combination of fields; searches that are kept.

Rule: a search costs what it shows, not what matches: a page is read in the order of an index, and
counting stops at `_COUNTED`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    ColumnElement,
    Select,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    union,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from crm_core.audit import trail
from crm_core.customers import custom_values
from crm_core.customers.criteria import (
    FIELDS,
    Clause,
    Condition,
    Conditions,
    clause,
    coded,
    fields,
)
from crm_core.customers.tables import Customer, CustomerContact, CustomerPhone, SavedSearch
from crm_core.customers.visibility import there, within_scope
from crm_core.db import Database
from crm_core.errors import Conflict, Forbidden, NotFound
from crm_core.fields import Text
from crm_core.numbers import MOBILE
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from crm_core.search_text import contains, plain
from crm_core.text import is_control

MOST_FOUND = 200
_COUNTED = 10_000
_CANDIDATES = 400

Order = Literal["newest", "name"]


@dataclass(frozen=True, slots=True)
class CustomerHit:
    """A line of a search's result."""

    id: int
    name: str
    level_code: str
    number: str | None
    province: str | None
    city: str | None
    salesperson: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits; `after` asks for the next one, None when this is the last.

    `total` counts up to ten thousand, and is None when it was not asked for.
    """

    hits: tuple[CustomerHit, ...]
    after: int | None
    total: int | None = None


class SavedContent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[Text, Field(min_length=1, max_length=50)]
    conditions: Conditions
    shared: bool = False


@dataclass(frozen=True, slots=True)
class SavedView:
    """`conditions` as they were written; `own` tells whether the reader may change it."""

    id: int
    name: str
    conditions: tuple[Condition, ...]
    shared: bool
    owner: str
    own: bool
    version: int
    updated_at: datetime


class SearchService:
    """Searches, for those who hold `customer.view`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def quick(self, actor: Actor, wanted: str, limit: int = 20) -> tuple[CustomerHit, ...]:
        """By a part of the name of the customer or of a contact, its pinyin or initials, of a number, or by code;
        nothing for too little.
        """
        typed = "".join(sign for sign in wanted if not is_control(sign)).strip()
        if not typed:
            return ()
        async with self._database.searching() as connection:
            found = await _closest(connection, actor, typed, min(limit, MOST_FOUND))
        return tuple(found)

    async def numbers_to_call(
        self, actor: Actor, conditions: Sequence[Condition], *, limit: int
    ) -> tuple[str, ...]:
        """A number of each who fits and wants to be called, by customer. Raises Invalid, Forbidden."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.searching() as connection:
            where = await clauses(connection, actor, conditions)
            number = _number_to_call()
            found = await connection.scalars(
                select(number)
                .where(*where, ~Customer.opt_outs.contains(["call"]), number.is_not(None))
                .order_by(Customer.id)
                .limit(limit)
            )
            return tuple(found)

    async def find(
        self,
        actor: Actor,
        conditions: Sequence[Condition],
        *,
        order: Order = "newest",
        after: int | None = None,
        limit: int = 50,
        count: bool = False,
    ) -> Found:
        """A page of those that fulfil every condition. Raises Forbidden, Invalid."""
        actor.require(Right.CUSTOMER_VIEW)
        limit = min(limit, MOST_FOUND)
        async with self._database.searching() as connection:
            where = await clauses(connection, actor, conditions)
            query = hits(*where).limit(limit + 1)
            rows = (await connection.execute(_page(query, order, after))).all()
            total = await _count(connection, where) if count else None
        page = tuple(CustomerHit(*row) for row in rows[:limit])
        return Found(page, page[-1].id if len(rows) > limit else None, total)

    async def ids(
        self,
        actor: Actor,
        conditions: Sequence[Condition],
        *,
        after: int | None = None,
        limit: int,
    ) -> tuple[int, ...]:
        """The next of those that fulfil every condition, the newest first, for who goes through all of them.

        Raises Forbidden, Invalid.
        """
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            where = await clauses(connection, actor, conditions)
            query = _page(select(Customer.id).where(*where), "newest", after)
            return tuple(await connection.scalars(query.limit(limit)))

    async def fields(self, actor: Actor) -> Mapping[str, frozenset[str]]:
        """What this person can search by, with the operators of each field. Raises Forbidden."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            every = fields(await custom_values.definitions(connection))
        return {name: ops for name, ops in every.items() if actor.may_read("customer", name)}

    async def count(self, actor: Actor, conditions: Sequence[Condition], most: int) -> int:
        """How many fulfil every condition, counted up to `most`. Raises Forbidden, Invalid."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.searching() as connection:
            return await _count(connection, await clauses(connection, actor, conditions), most)

    async def saved(self, actor: Actor) -> tuple[SavedView, ...]:
        """One's own searches and those that are shared, by name."""
        table = SavedSearch
        async with self._database.reading() as connection:
            rows = await connection.execute(
                _SAVED.where(or_(table.owner_id == actor.user_id, table.shared)).order_by(
                    table.name, table.id
                )
            )
            return tuple(_saved(row, actor) for row in rows)

    async def save(self, actor: Actor, content: SavedContent) -> SavedView:
        """Raises Forbidden, Invalid (a condition), Conflict (name taken)."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.begin() as session:
            await clauses(session, actor, content.conditions)
            try:
                made = await session.scalar(
                    insert(SavedSearch)
                    .values(owner_id=actor.user_id, **_values(content))
                    .returning(SavedSearch.id)
                )
            except IntegrityError as error:
                raise _taken() from error
            after = await _own(session, actor, made or 0)
            await trail.record(
                session, actor.user_id, "saved_search.create", "saved_search", after.id,
                after=_values(content),
            )  # fmt: skip
            return after

    async def change(
        self, actor: Actor, search_id: int, version: int, content: SavedContent
    ) -> SavedView:
        """Raises NotFound, Forbidden (another's), Conflict (edited since, name taken), Invalid."""
        async with self._database.begin() as session:
            before = await _own(session, actor, search_id)
            await clauses(session, actor, content.conditions)
            try:
                changed = await session.scalar(
                    update(SavedSearch)
                    .where(SavedSearch.id == search_id, SavedSearch.version == version)
                    .values(**_values(content), version=version + 1, updated_at=func.now())
                    .returning(SavedSearch.id)
                )
            except IntegrityError as error:
                raise _taken() from error
            if changed is None:
                raise Conflict(
                    "This search was changed since you opened it: look again.",
                    fields={"version": before.version},
                )
            was, became = trail.changes(_values(before), _values(content))
            await trail.record(
                session, actor.user_id, "saved_search.update", "saved_search", search_id,
                before=was, after=became,
            )  # fmt: skip
            return await _own(session, actor, search_id)

    async def remove(self, actor: Actor, search_id: int) -> None:
        """Raises NotFound, Forbidden (another's)."""
        async with self._database.begin() as session:
            before = await _own(session, actor, search_id)
            await session.execute(delete(SavedSearch).where(SavedSearch.id == search_id))
            await trail.record(
                session,
                actor.user_id,
                "saved_search.remove",
                "saved_search",
                search_id,
                before={"name": before.name},
            )

    async def conditions_of(self, actor: Actor, search_id: int) -> tuple[Condition, ...]:
        """Those of a search that is one's own or shared. Raises NotFound."""
        for each in await self.saved(actor):
            if each.id == search_id:
                return each.conditions
        raise NotFound(f"There is no saved search {search_id}.")


def _number_to_call() -> ColumnElement[str]:
    """A mobile one rather than the main one."""
    table = CustomerPhone
    return (
        select(table.number)
        .where(table.customer_id == Customer.id)
        .order_by(table.number.regexp_match(MOBILE).desc(), table.is_main.desc(), table.number)
        .limit(1)
        .correlate(Customer)
        .scalar_subquery()
    )


async def clauses(
    holder: AsyncConnection | AsyncSession, actor: Actor, conditions: Sequence[Condition]
) -> tuple[Clause, ...]:
    """The conditions as SQL, within what the actor may see. Raises Invalid, Forbidden."""
    hidden = sorted(
        {each.field for each in conditions if not actor.may_read("customer", each.field)}
    )
    if hidden:
        raise Forbidden(
            f"Your role does not see {', '.join(hidden)}, so it cannot search by it.",
            fields=dict.fromkeys(hidden, "forbidden"),
        )
    own = any(each.field.startswith("custom.") for each in conditions)
    known = await custom_values.definitions(holder) if own else {}
    unmasked = actor.may(Right.NUMBER_UNMASK)
    built = (clause(each, known, unmasked=unmasked) for each in conditions)
    return (*there(), within_scope(actor), *built)


_MAIN_NUMBER = (
    select(CustomerPhone.number)
    .where(CustomerPhone.customer_id == Customer.id, CustomerPhone.is_main)
    .scalar_subquery()
)


def hits(*where: Clause) -> Select[Any]:
    """Rows of `CustomerHit`."""
    return (
        select(
            Customer.id,
            Customer.name,
            Customer.level_code,
            _MAIN_NUMBER,
            Customer.province,
            Customer.city,
            User.name.label("salesperson"),
        )
        .outerjoin(User, User.id == Customer.salesperson_id)
        .where(*where)
    )


def _page(query: Select[Any], order: Order, after: int | None) -> Select[Any]:
    if order == "newest":
        query = query.order_by(Customer.id.desc())
        return query if after is None else query.where(Customer.id < after)
    query = query.order_by(Customer.name, Customer.id)
    if after is None:
        return query
    last = aliased(Customer)
    name = select(last.name).where(last.id == after).scalar_subquery()
    return query.where(tuple_(Customer.name, Customer.id) > tuple_(name, after))


async def _count(connection: AsyncConnection, where: Sequence[Clause], most: int = _COUNTED) -> int:
    some: Select[Any] = select(literal_column("1")).select_from(Customer).where(*where).limit(most)
    return int(await connection.scalar(select(func.count()).select_from(some.subquery())) or 0)


async def _closest(
    connection: AsyncConnection, actor: Actor, typed: str, limit: int
) -> list[CustomerHit]:
    """Exact names and codes first, then names that begin so, then those that contain it."""
    seen = (*there(), within_scope(actor))
    ways = [
        select(Customer.id).where(each, *seen).limit(_CANDIDATES).subquery().select()
        for each in _matches(actor, typed)
    ]
    rows = await connection.execute(hits(Customer.id.in_(union(*ways))))
    found = [CustomerHit(*row) for row in rows]
    return sorted(found, key=lambda hit: _closeness(hit, typed))[:limit]


def _matches(actor: Actor, typed: str) -> Iterator[Clause]:
    """The ways in which a few signs may mean a customer, each with an index of its own; not by a field that the
    actor does not see.
    """
    yield Customer.name.startswith(typed, autoescape=True)
    if actor.may_read("customer", "code"):
        yield coded((typed, typed.upper(), plain(typed)))
    words = contains(Customer.search_text, typed)
    if words is not None:
        yield words
    person = contains(CustomerContact.search_text, typed)
    if person is not None and actor.may_read("customer", "contacts"):
        yield Customer.id.in_(select(CustomerContact.customer_id).where(person))
    if not any(sign.isalpha() for sign in typed):
        yield from _numbers(typed, actor)


def _numbers(typed: str, actor: Actor) -> Iterator[Clause]:
    """The customer's own numbers, and those at which goods are received; none for too few digits."""
    unmasked = actor.may(Right.NUMBER_UNMASK)
    for field in ("phones", "address_phones"):
        if actor.may_read("customer", field):
            with suppress(ValueError):
                yield FIELDS[field].seen(unmasked=unmasked)("contains", typed)


def _closeness(hit: CustomerHit, typed: str) -> tuple[int, int, str, int]:
    name, typed = plain(hit.name), plain(typed)
    nearness = 0 if name == typed else 1 if name.startswith(typed) else 2 if typed in name else 3
    return nearness, len(name), name, hit.id


_SAVED = select(
    SavedSearch.id,
    SavedSearch.name,
    SavedSearch.conditions,
    SavedSearch.shared,
    SavedSearch.owner_id,
    User.name.label("owner"),
    SavedSearch.version,
    SavedSearch.updated_at,
).join(User, User.id == SavedSearch.owner_id)


async def _own(session: AsyncSession, actor: Actor, search_id: int) -> SavedView:
    row = (await session.execute(_SAVED.where(SavedSearch.id == search_id))).one_or_none()
    if row is None or (row.owner_id != actor.user_id and not row.shared):
        raise NotFound(f"There is no saved search {search_id}.")
    if row.owner_id != actor.user_id:
        raise Forbidden(f"This search belongs to {row.owner}: save one of your own.")
    return _saved(row, actor)


def _saved(row: Any, actor: Actor) -> SavedView:
    conditions = tuple(Condition.model_validate(each) for each in row.conditions)
    return SavedView(
        id=row.id,
        name=row.name,
        conditions=conditions,
        shared=row.shared,
        owner=row.owner,
        own=row.owner_id == actor.user_id,
        version=row.version,
        updated_at=row.updated_at,
    )


def _values(content: SavedContent | SavedView) -> dict[str, object]:
    kept = [each.model_dump(mode="json") for each in content.conditions]
    return {"name": content.name, "conditions": kept, "shared": content.shared}


def _taken() -> Conflict:
    return Conflict("You have a search of this name already.", fields={"name": "taken"})
