"""Searching the trail, newest first.

Rule: a search looks at no more than `_EXAMINED` entries, then hands out the cursor to go on from; who
may not see telephone numbers or a field gets none, and cannot find them out by searching for what stands
in them; who does not see everybody's customers sees what he did himself.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    RowMapping,
    Select,
    String,
    cast,
    column,
    or_,
    select,
    table,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crm_core import field_rights
from crm_core.audit.masking import masked_id, masked_value
from crm_core.audit.tables import AuditEntry
from crm_core.errors import Invalid
from crm_core.rights import Actor, Right, Scope

MOST = 200
_EXAMINED = 20_000
_USERS = table("users", column("id", Integer), column("name", String))


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """`action`: how it begins, such as "customer."; `before_id`: the cursor of the page before;
    `only_of` and `not_in` keep a reader to one person's entries, and from those of some entities.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor_id: int | None = None
    action: str = ""
    entity: str | None = None
    entity_id: str | None = None
    text: str = ""
    before_id: int | None = None
    limit: int = 50
    only_of: int | None = None
    not_in: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's value from and to, as JSON has them."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class AuditLine:
    id: int
    at: datetime
    actor_id: int | None
    actor_name: str | None
    action: str
    entity: str
    entity_id: str
    changes: tuple[FieldChange, ...]
    redacted_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`next`: the cursor of what is older; None when there is nothing more."""

    items: tuple[AuditLine, ...]
    next: int | None


async def search(connection: AsyncConnection, actor: Actor, wanted: AuditSearch) -> AuditPage:
    """Raises Forbidden, Invalid."""
    actor.require(Right.AUDIT_VIEW)
    unmasked = actor.may(Right.NUMBER_UNMASK)
    if not unmasked and any(map(str.isdigit, wanted.text)):
        raise Invalid(
            "Only who may see telephone numbers can search the entries for digits.",
            fields={"q": "digits"},
        )
    if actor.scope is not Scope.ALL:
        wanted = replace(wanted, only_of=actor.user_id)
    if wanted.text:
        wanted = replace(wanted, not_in=field_rights.entities(actor.hidden))
    limit = max(1, min(wanted.limit, MOST))
    rows = (await connection.execute(_page(wanted, limit))).all()
    items = tuple(_line(row._mapping, actor) for row in rows)  # noqa: SLF001
    if len(items) == limit:
        return AuditPage(items, items[-1].id)
    if not _is_filtered(wanted):
        return AuditPage(items, None)
    edge = _candidates(wanted).with_only_columns(AuditEntry.id).offset(_EXAMINED - 1).limit(1)
    return AuditPage(items, await connection.scalar(edge))


def _is_filtered(wanted: AuditSearch) -> bool:
    """Whether by what no index finds, so that many entries may be looked at for few."""
    return bool(wanted.action or wanted.text)


def _page(wanted: AuditSearch, limit: int) -> Select[*tuple[Any, ...]]:
    looked_at = _candidates(wanted).limit(_EXAMINED).subquery()
    entry = aliased(AuditEntry, looked_at)
    page = select(
        entry.id,
        entry.at,
        entry.actor_id,
        _USERS.c.name.label("actor_name"),
        entry.action,
        entry.entity,
        entry.entity_id,
        entry.before,
        entry.after,
        entry.redacted_at,
    ).outerjoin(_USERS, _USERS.c.id == entry.actor_id)
    if wanted.action:
        page = page.where(entry.action.startswith(wanted.action, autoescape=True))
    if wanted.text:
        found = json.dumps(wanted.text, ensure_ascii=False)[1:-1]
        sides = (cast(entry.before, String), cast(entry.after, String))
        page = page.where(or_(*(side.icontains(found, autoescape=True) for side in sides)))
    return page.order_by(entry.id.desc()).limit(limit)


def _candidates(wanted: AuditSearch) -> Select[AuditEntry]:
    """By what indexes find, newest first."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(AuditEntry.at < wanted.until)
    if wanted.actor_id is not None:
        conditions.append(AuditEntry.actor_id == wanted.actor_id)
    if wanted.only_of is not None:
        conditions.append(AuditEntry.actor_id == wanted.only_of)
    if wanted.not_in:
        conditions.append(AuditEntry.entity.not_in(sorted(wanted.not_in)))
    if wanted.entity is not None:
        conditions.append(AuditEntry.entity == wanted.entity)
    if wanted.entity_id is not None:
        conditions.append(AuditEntry.entity_id == wanted.entity_id)
    if wanted.before_id is not None:
        conditions.append(AuditEntry.id < wanted.before_id)
    return select(AuditEntry).where(*conditions).order_by(AuditEntry.id.desc())


def _line(row: RowMapping, actor: Actor) -> AuditLine:
    entity, unmasked = row["entity"], actor.may(Right.NUMBER_UNMASK)
    before, after = (_seen(row[side] or {}, entity, actor) for side in ("before", "after"))
    return AuditLine(
        id=row["id"],
        at=row["at"],
        actor_id=row["actor_id"],
        actor_name=row["actor_name"],
        action=row["action"],
        entity=entity,
        entity_id=row["entity_id"] if unmasked else masked_id(row["entity_id"]),
        changes=tuple(
            _change(field, before, after, unmasked=unmasked) for field in {**before, **after}
        ),
        redacted_at=row["redacted_at"],
    )


def _seen(values: Mapping[str, Any], entity: str, actor: Actor) -> dict[str, Any]:
    """Without the fields that the reader may not see; a field may hold others, as `custom` does."""
    return {
        field: _seen(value, f"{entity}.{field}", actor) if isinstance(value, dict) else value
        for field, value in values.items()
        if not field_rights.is_hidden(f"{entity}.{field}", actor.hidden)
    }


def _change(
    field: str, before: Mapping[str, object], after: Mapping[str, object], *, unmasked: bool
) -> FieldChange:
    was, became = before.get(field), after.get(field)
    if unmasked:
        return FieldChange(field, was, became)
    return FieldChange(masked_id(field), masked_value(field, was), masked_value(field, became))
