"""The blacklist as people keep it: agents vote, supervisors list, confirm and lift.

Rule: the votes that count are those of different people within the period, given after the number was last lifted; the
vote that makes them enough puts the number on the list, in the same transaction, once.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Select, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from crm_core.audit import trail
from crm_core.blacklist.commands import Confirmation, EntryQuery, NewEntry, Vote
from crm_core.blacklist.errors import AlreadyListed, LiftedBefore
from crm_core.blacklist.policy import BlacklistRules, Policy
from crm_core.blacklist.tables import BlacklistEntry, BlacklistVote
from crm_core.blacklist.views import EntryView, GivenVote, VotedView, VoteResult
from crm_core.db import Database
from crm_core.errors import Invalid, NotFound
from crm_core.numbers import mask, shown
from crm_core.people.tables import User
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)

_ENTITY, _VOTE = "blacklist", "blacklist_vote"
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('blacklist.' || :number))")
_MOST_VOTED = 200


class BlacklistService:
    """`changed` makes the list that calls are held against agree; it is awaited after each commit."""

    def __init__(
        self,
        database: Database,
        rules: BlacklistRules,
        *,
        clock: Callable[[], datetime],
        changed: Callable[[], Awaitable[object]],
    ) -> None:
        self._database = database
        self._rules = rules
        self._clock = clock
        self._changed = changed

    async def vote(
        self, actor: Actor, number: str | None, command: Vote, *, call_id: str | None = None
    ) -> VoteResult:
        """An agent's vote; a second one of the same agent takes the place of the first. Raises Invalid (number hidden)."""
        actor.require(Right.AGENT_WORK)
        if number is None or actor.user_id is None:
            raise Invalid("The caller hid the number: there is nothing to vote against.")
        now = self._clock()
        async with self._database.begin() as session:
            await session.execute(_ONE_AT_A_TIME, {"number": number})
            kept = await self._keep_vote(session, number, actor.user_id, command.reason, call_id)
            votes = await self._votes(session, number)
            listed = await _holding(session, number, now) is not None
            after = {"number": mask(number), "votes": votes}
            await trail.record(session, actor.user_id, "blacklist.vote", _VOTE, kept, after=after)
            if votes >= self._rules.votes and not listed:
                await self._list(
                    session,
                    number,
                    self._rules.by_votes,
                    command.reason,
                    by=None,
                    until=self._until(),
                )
                listed = True
        log.info("blacklist_vote", by=actor.user_id, votes=votes, listed=listed)
        await self._changed()
        return VoteResult(votes, self._rules.votes, listed)

    async def add(self, actor: Actor, command: NewEntry) -> EntryView:
        """Raises Conflict when the number is on the list."""
        actor.require(Right.BLACKLIST_MANAGE)
        return await self._add(actor, command.number, command.policy, command.reason, command.days)

    async def confirm(self, actor: Actor, vote_id: int, command: Confirmation) -> EntryView:
        """A number that agents voted against, without waiting for more votes. Raises NotFound, Conflict."""
        actor.require(Right.BLACKLIST_MANAGE)
        async with self._database.reading() as connection:
            number = await connection.scalar(
                select(BlacklistVote.number).where(BlacklistVote.id == vote_id)
            )
        if number is None:
            raise NotFound("There is no such vote (any more).")
        return await self._add(actor, number, command.policy, command.reason, command.days)

    async def lift(self, actor: Actor, entry_id: int) -> EntryView:
        """The number may call again; the votes against it are spent. Raises NotFound, Conflict (lifted before)."""
        actor.require(Right.BLACKLIST_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            number = await session.scalar(
                update(BlacklistEntry)
                .where(BlacklistEntry.id == entry_id, BlacklistEntry.lifted_at.is_(None))
                .values(lifted_at=now, lifted_by=actor.user_id)
                .returning(BlacklistEntry.number)
            )
            if number is None:
                await _entry(session, actor, entry_id, now)
                raise LiftedBefore("This entry was lifted before.")
            await session.execute(delete(BlacklistVote).where(BlacklistVote.number == number))
            after = {"number": mask(number)}
            await trail.record(
                session, actor.user_id, "blacklist.lift", _ENTITY, entry_id, after=after
            )
            view = await _entry(session, actor, entry_id, now)
        log.info("blacklist_lifted", by=actor.user_id, entry_id=entry_id)
        await self._changed()
        return view

    async def entries(self, actor: Actor, query: EntryQuery) -> tuple[EntryView, ...]:
        actor.require(Right.BLACKLIST_MANAGE)
        now = self._clock()
        found = _ENTRIES.order_by(BlacklistEntry.id.desc()).limit(query.limit)
        if not query.over:
            found = found.where(*_holds(now))
        if query.before is not None:
            found = found.where(BlacklistEntry.id < query.before)
        async with self._database.reading() as connection:
            rows = (await connection.execute(found)).all()
            given = await _given(connection, [row.number for row in rows])
        views = ((_view(row, actor, now), given[row.number]) for row in rows)
        return tuple(replace(view, given=votes) if view.holds else view for view, votes in views)

    async def voted(self, actor: Actor) -> tuple[VotedView, ...]:
        """Numbers that agents voted against and that are not on the list, those with the most votes first."""
        actor.require(Right.BLACKLIST_MANAGE)
        now, vote = self._clock(), BlacklistVote
        holding = select(BlacklistEntry.number).where(*_holds(now))
        found = (
            select(
                func.max(vote.id).label("id"),
                vote.number,
                func.count().label("votes"),
                func.max(vote.voted_at).label("latest_at"),
            )
            .where(vote.voted_at > now - self._rules.period, vote.number.not_in(holding))
            .group_by(vote.number)
            .order_by(func.count().desc(), func.max(vote.voted_at).desc())
            .limit(_MOST_VOTED)
        )
        unmasked = actor.may(Right.NUMBER_UNMASK)
        async with self._database.reading() as connection:
            rows = (await connection.execute(found)).all()
            since = now - self._rules.period
            given = await _given(connection, [row.number for row in rows], since)
        return tuple(
            VotedView(
                id=row.id,
                number=shown(row.number, unmasked=unmasked),
                votes=row.votes,
                needed=self._rules.votes,
                latest_at=row.latest_at,
                given=given[row.number],
            )
            for row in rows
        )

    async def _add(
        self, actor: Actor, number: str, policy: Policy, reason: str, days: int | None
    ) -> EntryView:
        now = self._clock()
        async with self._database.begin() as session:
            await session.execute(_ONE_AT_A_TIME, {"number": number})
            if (there := await _holding(session, number, now)) is not None:
                raise AlreadyListed(
                    "This number is on the list: lift that entry first.", fields={"entry": there}
                )
            until = None if days is None else now + timedelta(days=days)
            made = await self._list(session, number, policy, reason, by=actor.user_id, until=until)
            view = await _entry(session, actor, made, now)
        await self._changed()
        return view

    async def _list(
        self,
        session: AsyncSession,
        number: str,
        policy: Policy,
        reason: str,
        *,
        by: int | None,
        until: datetime | None,
    ) -> int:
        """Put the number on the list; an entry whose time is over gives way."""
        now = self._clock()
        await session.execute(
            update(BlacklistEntry)
            .where(BlacklistEntry.number == number, BlacklistEntry.lifted_at.is_(None))
            .values(lifted_at=BlacklistEntry.until)
        )
        values = {
            "number": number,
            "policy": policy,
            "reason": reason,
            "added_by": by,
            "added_at": now,
            "until": until,
        }
        made = (
            await session.execute(
                insert(BlacklistEntry).values(values).returning(BlacklistEntry.id)
            )
        ).scalar_one()
        after = {"number": mask(number), "policy": policy, "until": until}
        await trail.record(session, by, "blacklist.add", _ENTITY, made, after=after)
        log.info("blacklisted", by=by, entry_id=made, policy=policy)
        return made

    async def _keep_vote(
        self, session: AsyncSession, number: str, user_id: int, reason: str, call_id: str | None
    ) -> int:
        values = {
            "number": number,
            "user_id": user_id,
            "reason": reason,
            "call_id": call_id,
            "voted_at": self._clock(),
        }
        vote = insert(BlacklistVote).values(values)
        return (
            await session.execute(
                vote.on_conflict_do_update(
                    index_elements=["number", "user_id"], set_=values
                ).returning(BlacklistVote.id)
            )
        ).scalar_one()

    async def _votes(self, session: AsyncSession, number: str) -> int:
        counted = select(func.count()).where(
            BlacklistVote.number == number,
            BlacklistVote.voted_at > self._clock() - self._rules.period,
        )
        return await session.scalar(counted) or 0

    def _until(self) -> datetime | None:
        return None if self._rules.block is None else self._clock() + self._rules.block


_Adder, _Lifter = aliased(User), aliased(User)
_ENTRIES: Select[*tuple[Any, ...]] = (
    select(
        BlacklistEntry.id,
        BlacklistEntry.number,
        BlacklistEntry.policy,
        BlacklistEntry.reason,
        _Adder.name.label("added_by"),
        BlacklistEntry.added_at,
        BlacklistEntry.until,
        _Lifter.name.label("lifted_by"),
        BlacklistEntry.lifted_at,
    )
    .outerjoin(_Adder, _Adder.id == BlacklistEntry.added_by)
    .outerjoin(_Lifter, _Lifter.id == BlacklistEntry.lifted_by)
)


def _holds(now: datetime) -> tuple[Any, Any]:
    until = BlacklistEntry.until
    return BlacklistEntry.lifted_at.is_(None), or_(until.is_(None), until > now)


async def _holding(session: AsyncSession, number: str, now: datetime) -> int | None:
    found = select(BlacklistEntry.id).where(BlacklistEntry.number == number, *_holds(now))
    return await session.scalar(found)


async def _entry(session: AsyncSession, actor: Actor, entry_id: int, now: datetime) -> EntryView:
    row = (await session.execute(_ENTRIES.where(BlacklistEntry.id == entry_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such entry of the blacklist.")
    return _view(row, actor, now)


async def _given(
    connection: AsyncConnection, numbers: Collection[str], since: datetime | None = None
) -> Mapping[str, tuple[GivenVote, ...]]:
    """The votes against these numbers, the latest first."""
    vote = BlacklistVote
    found = (
        select(vote.number, User.name, vote.reason, vote.voted_at, vote.call_id)
        .join(User, User.id == vote.user_id)
        .where(vote.number.in_(numbers))
        .order_by(vote.voted_at.desc(), vote.id.desc())
    )
    if since is not None:
        found = found.where(vote.voted_at > since)
    given: defaultdict[str, tuple[GivenVote, ...]] = defaultdict(tuple)
    for number, name, reason, voted_at, call_id in await connection.execute(found):
        given[number] += (GivenVote(name, reason, voted_at, call_id),)
    return given


def _view(row: Any, actor: Actor, now: datetime) -> EntryView:
    return EntryView(
        id=row.id,
        number=shown(row.number, unmasked=actor.may(Right.NUMBER_UNMASK)),
        policy=Policy(row.policy),
        reason=row.reason,
        added_by=row.added_by,
        added_at=row.added_at,
        until=row.until,
        lifted_by=row.lifted_by,
        lifted_at=row.lifted_at,
        holds=row.lifted_at is None and (row.until is None or row.until > now),
    )
