"""Faxes, for those who may see them. Rule: a fax of nobody is everybody's who has the right; of a customer it is
shown to who sees the customer; that a document was opened stands in the audit trail.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import Row, Select, String, cast, select

from crm_core.audit import trail
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import concerns_seen
from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.faxes.commands import FaxQuery
from crm_core.faxes.tables import Fax
from crm_core.faxes.views import FaxMessage, FaxTodo, FaxView
from crm_core.faxes.writing import SOURCE
from crm_core.outbox.tables import OutboxMessage
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from crm_core.todos.tables import Todo

_FAX = (
    Fax.id, Fax.direction, Fax.call_id, Fax.message_token, Fax.number, Fax.did, Fax.customer_id,
    Customer.name.label("customer_name"), Fax.status, Fax.mode, Fax.pages, Fax.rate, Fax.station, Fax.error,
    Fax.path, Fax.size_bytes, Fax.at,
)  # fmt: skip
_TODO = (Todo.id, Todo.state, Todo.version, User.name)
_MESSAGE = (OutboxMessage.id, OutboxMessage.state)
_VIEW = (
    select(*_FAX, *_TODO, *_MESSAGE)
    .outerjoin(Customer, Customer.id == Fax.customer_id)
    .outerjoin(Todo, (Todo.source_kind == SOURCE) & (Todo.source_reference == cast(Fax.id, String)))
    .outerjoin(User, User.id == Todo.assignee_id)
    .outerjoin(OutboxMessage, OutboxMessage.token == Fax.message_token)
)


class FaxService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, actor: Actor, wanted: FaxQuery) -> tuple[FaxView, ...]:
        """The newest first."""
        found = self._seen(actor)
        if wanted.direction is not None:
            found = found.where(Fax.direction == wanted.direction)
        if wanted.customer_id is not None:
            found = found.where(Fax.customer_id == wanted.customer_id)
        if wanted.before is not None:
            found = found.where(Fax.id < wanted.before)
        async with self._database.reading() as connection:
            rows = await connection.execute(found.order_by(Fax.id.desc()).limit(wanted.limit))
            return tuple(map(_view, rows))

    async def get(self, actor: Actor, fax_id: int) -> FaxView:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = (
                await connection.execute(self._seen(actor).where(Fax.id == fax_id))
            ).one_or_none()
        if row is None:
            raise NotFound(f"There is no fax {fax_id}.")
        return _view(row)

    async def opened(self, actor: Actor, fax_id: int) -> FaxView:
        """The fax whose document is going to be shown. Raises NotFound, also when it has none."""
        fax = await self.get(actor, fax_id)
        if fax.path is None:
            raise NotFound("This fax has no sheets here.")
        async with self._database.begin() as session:
            await trail.record(session, actor.user_id, "fax.open", "fax", fax_id)
        return fax

    def _seen(self, actor: Actor) -> Select[*tuple[Any, ...]]:
        actor.require(Right.FAX_VIEW)
        return _VIEW.where(concerns_seen(Fax.customer_id, actor))


def _view(row: Row[*tuple[Any, ...]]) -> FaxView:
    fax, more = row[: len(_FAX)], row[len(_FAX) :]
    todo, message = more[: len(_TODO)], more[len(_TODO) :]
    return replace(
        FaxView(*fax),
        todo=None if todo[0] is None else FaxTodo(*todo),
        message=None if message[0] is None else FaxMessage(*message),
    )
