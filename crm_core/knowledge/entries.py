"""Entries read and written, as SQL inside the caller's transaction.

Rule: every text and state that an entry ever had is a row of `knowledge_versions`, its present one
too; an edit of an older version is refused. The audit trail names the version, which holds the text.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.errors import Conflict, NotFound
from crm_core.knowledge import views, words
from crm_core.knowledge.categories import check_active
from crm_core.knowledge.commands import EntryState, NewEntry, VersionQuery
from crm_core.knowledge.tables import KnowledgeEntry, KnowledgeUseCount, KnowledgeVersion
from crm_core.knowledge.views import EntryView, VersionBrief, VersionView
from crm_core.rights import Actor, Right

ENTITY = "knowledge_entry"
TEXT = ("title", "category_code", "keywords", "sku", "body")
_KEPT = (*TEXT, "state")


async def add(session: AsyncSession, actor: Actor, new: NewEntry, now: datetime) -> EntryView:
    """Raises Invalid (category)."""
    await check_active(session, new.category_code)
    values = new.model_dump()
    found_by = await _words(values)
    stamps = {"author_id": actor.user_id, "editor_id": actor.user_id}
    entry_id = (
        await session.execute(
            insert(KnowledgeEntry)
            .values(values | stamps | found_by | {"created_at": now, "updated_at": now})
            .returning(KnowledgeEntry.id)
        )
    ).scalar_one()
    await session.execute(insert(KnowledgeUseCount).values(entry_id=entry_id))
    await _keep(session, actor, entry_id, 1, values=values, now=now)
    await _record(session, actor, entry_id, "create", before={}, after=values | {"version": 1})
    return await read(session, entry_id)


async def change(
    session: AsyncSession,
    actor: Actor,
    entry: EntryView,
    values: Mapping[str, object],
    now: datetime,
    *,
    restored_from: int | None = None,
) -> EntryView:
    """Change an entry that is held; where nothing differs nothing is done. Raises Invalid."""
    was: dict[str, object] = {key: getattr(entry, key) for key in _KEPT}
    _, changed = trail.changes(was, values)
    if not changed:
        return entry
    if "category_code" in changed and restored_from is None:
        await check_active(session, str(changed["category_code"]))
    becomes, version = was | changed, entry.version + 1
    found_by = await _words(becomes) if changed.keys() & set(TEXT) else {}
    await session.execute(
        update(KnowledgeEntry)
        .where(KnowledgeEntry.id == entry.id)
        .values(changed | found_by)
        .values(version=version, editor_id=actor.user_id, updated_at=now)
    )
    await _keep(
        session, actor, entry.id, version, values=becomes, now=now, restored_from=restored_from
    )
    action = "update" if restored_from is None else "restore"
    before = {key: was[key] for key in changed} | {"version": entry.version}
    after = changed | {"version": version}
    await _record(session, actor, entry.id, action, before=before, after=after)
    return await read(session, entry.id)


async def held(session: AsyncSession, entry_id: int, version: int) -> EntryView:
    """The entry as it is, locked. Raises NotFound, Conflict (edited since)."""
    await session.execute(
        select(KnowledgeEntry.id).where(KnowledgeEntry.id == entry_id).with_for_update()
    )
    entry = await read(session, entry_id)
    if entry.version != version:
        raise Conflict(
            "Somebody else has changed this entry since you opened it: look at it as it is now "
            "and enter your change again.",
            fields={"version": entry.version},
        )
    return entry


async def read(holder: AsyncSession | AsyncConnection, entry_id: int) -> EntryView:
    """Raises NotFound."""
    row = (await holder.execute(views.entries().where(KnowledgeEntry.id == entry_id))).one_or_none()
    if row is None:
        raise _not_found(entry_id)
    return EntryView(*row)


async def must_read(
    holder: AsyncSession | AsyncConnection, actor: Actor, entry_id: int
) -> EntryView:
    """One that is not published is there only for those who edit. Raises NotFound."""
    entry = await read(holder, entry_id)
    if entry.state != EntryState.PUBLISHED and not actor.may(Right.KNOWLEDGE_EDIT):
        raise _not_found(entry_id)
    return entry


async def history(
    connection: AsyncConnection, entry_id: int, wanted: VersionQuery
) -> tuple[VersionBrief, ...]:
    """Newest first."""
    query = (
        views.version_briefs()
        .where(KnowledgeVersion.entry_id == entry_id)
        .order_by(KnowledgeVersion.version.desc())
        .limit(wanted.limit)
    )
    if wanted.before is not None:
        query = query.where(KnowledgeVersion.version < wanted.before)
    return tuple(VersionBrief(*row) for row in await connection.execute(query))


async def version_of(
    holder: AsyncSession | AsyncConnection, entry_id: int, version: int
) -> VersionView:
    """Raises NotFound."""
    query = views.versions().where(
        KnowledgeVersion.entry_id == entry_id, KnowledgeVersion.version == version
    )
    row = (await holder.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no version {version} of this entry.")
    return VersionView(*row)


async def _words(values: Mapping[str, object]) -> dict[str, object]:
    """The columns that the entry is found by."""
    keywords, sku = values["keywords"], values["sku"]
    assert isinstance(keywords, tuple)
    body = await asyncio.to_thread(words.of_body, str(values["body"]))
    return {
        "head_words": words.of_head(str(values["title"]), keywords, str(sku) if sku else None),
        "body_words": body.text,
        "body_initials": body.initials,
    }


async def _keep(
    session: AsyncSession,
    actor: Actor,
    entry_id: int,
    version: int,
    *,
    values: Mapping[str, object],
    now: datetime,
    restored_from: int | None = None,
) -> None:
    kept = {key: values[key] for key in _KEPT} | {
        "entry_id": entry_id,
        "version": version,
        "restored_from": restored_from,
        "editor_id": actor.user_id,
        "at": now,
    }
    await session.execute(insert(KnowledgeVersion).values(kept))


async def _record(
    session: AsyncSession,
    actor: Actor,
    entry_id: int,
    action: str,
    *,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> None:
    await trail.record(
        session,
        actor.user_id,
        f"{ENTITY}.{action}",
        ENTITY,
        entry_id,
        before={key: value for key, value in before.items() if key != "body"} or None,
        after={key: value for key, value in after.items() if key != "body"},
    )


def _not_found(entry_id: int) -> NotFound:
    return NotFound(f"There is no entry {entry_id} in the knowledge base.")
