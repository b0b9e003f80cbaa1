"""Tokens of programs that use the API: some of their maker's rights, and an end.

Rule: a token never does more than its maker may at that moment, and nothing while its maker is held; it
ends when somebody else sets its maker's password; it leaves here once, when it is made,
and PostgreSQL keeps only its SHA-256. What it does is audited as its maker's, and the log names it.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import structlog
from pydantic import Field
from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.fields import PAGE, Command, Id, Limit, Moment, Text
from crm_core.people import principals
from crm_core.people.login_sessions import digest
from crm_core.people.refusals import Held
from crm_core.people.tables import ServiceToken, User
from crm_core.rights import Actor, Principal, Right

log = structlog.get_logger(__name__)

MARK = "zj_"
_SHOWN = 10
_USED_EVERY = timedelta(minutes=1)


class NewToken(Command):
    """`rights` are its scopes; without `expires_at` it holds until it is revoked."""

    name: Annotated[Text, Field(min_length=1, max_length=50)]
    rights: Annotated[frozenset[Right], Field(min_length=1)]
    expires_at: Moment | None = None


class TokenQuery(Command):
    """`before`: the last token of the page before this one; the newest come first."""

    before: Id | None = None
    limit: Limit = PAGE


@dataclass(frozen=True, slots=True)
class TokenView:
    """`prefix` is how the token begins, to be found again in a program's settings."""

    id: int
    name: str
    prefix: str
    rights: tuple[str, ...]
    created_by: int
    creator: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenService:
    """Service tokens, for those who hold `token.manage`."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self, actor: Actor, new: NewToken, *, maker_id: int | None = None
    ) -> tuple[TokenView, str]:
        """The token itself is shown this once. `maker_id`: for Zongji itself, whose token it is.

        Raises Forbidden (also for a right that the maker lacks), Held, NotFound, Invalid, Conflict (name).
        """
        actor.require(Right.TOKEN_MANAGE)
        owner = actor.user_id or maker_id
        if owner is None:
            raise Invalid("Whose token is it? Name a person.", fields={"maker_id": "missing"})
        now = self._clock()
        if new.expires_at is not None and new.expires_at <= now:
            raise Invalid("This time is over: choose a later one.", fields={"expires_at": "past"})
        await self._check_scope(actor, owner, new.rights)
        token = MARK + secrets.token_urlsafe(32)
        async with self._database.begin() as session:
            made = await session.scalar(
                upsert(ServiceToken)
                .values(
                    name=new.name,
                    token_sha256=digest(token),
                    prefix=token[:_SHOWN],
                    rights=sorted(new.rights),
                    created_by=owner,
                    created_at=now,
                    expires_at=new.expires_at,
                )
                .on_conflict_do_nothing(index_elements=["name"])
                .returning(ServiceToken.id)
            )
            if made is None:
                raise Conflict("Another token has this name.", fields={"name": "taken"})
            await trail.record(
                session,
                actor.user_id,
                "token.create",
                "service_token",
                made,
                after={**new.model_dump(mode="json"), "created_by": owner},
            )
            row = (await session.execute(_views().where(ServiceToken.id == made))).one()
        log.info("token_created", token=new.name, by=owner, rights=sorted(new.rights))
        return _view(row), token

    async def all(self, actor: Actor, wanted: TokenQuery) -> tuple[TokenView, ...]:
        """Also those that are over. Raises Forbidden."""
        actor.require(Right.TOKEN_MANAGE)
        query = _views().order_by(ServiceToken.id.desc()).limit(wanted.limit)
        if wanted.before is not None:
            query = query.where(ServiceToken.id < wanted.before)
        async with self._database.reading() as connection:
            return tuple(_view(row) for row in await connection.execute(query))

    async def revoke(self, actor: Actor, token_id: int) -> TokenView:
        """It is refused from its next request. Raises Forbidden, NotFound, Conflict (revoked)."""
        actor.require(Right.TOKEN_MANAGE)
        async with self._database.begin() as session:
            revoked = await session.scalar(
                update(ServiceToken)
                .where(ServiceToken.id == token_id, ServiceToken.revoked_at.is_(None))
                .values(revoked_at=self._clock())
                .returning(ServiceToken.name)
            )
            row = (await session.execute(_views().where(ServiceToken.id == token_id))).one_or_none()
            if row is None:
                raise NotFound(f"There is no token {token_id}.")
            if revoked is None:
                raise Conflict("This token was revoked already.")
            await _record_revoked(session, actor, token_id, revoked)
        return _view(row)

    async def principal(self, token: str) -> Principal | None:
        """For whom this token acts, with its rights of this moment; None when it is no good.

        Raises DatabaseUnavailable.
        """
        now = self._clock()
        async with self._database.reading() as connection:
            found = (
                await connection.execute(
                    select(
                        ServiceToken.id,
                        ServiceToken.name,
                        ServiceToken.rights,
                        ServiceToken.created_by,
                        ServiceToken.last_used_at,
                    ).where(
                        ServiceToken.token_sha256 == digest(token),
                        ServiceToken.revoked_at.is_(None),
                        ServiceToken.expires_at.is_(None) | (ServiceToken.expires_at > now),
                    )
                )
            ).one_or_none()
            maker = await principals.of_user(connection, found.created_by) if found else None
        if found is None or maker is None:
            return None
        if found.last_used_at is None or now - found.last_used_at >= _USED_EVERY:
            await self._see(found.id, now)
        return replace(maker, rights=maker.rights & frozenset(found.rights), token=found.name)

    async def _check_scope(self, actor: Actor, owner: int, wanted: frozenset[Right]) -> None:
        async with self._database.reading() as connection:
            maker = await principals.of_user(connection, owner)
        if maker is None:
            raise NotFound(f"There is nobody active with the id {owner}.")
        if maker.hold is not None:
            raise Held(maker.hold)
        beyond = sorted(each for each in wanted if not (actor.may(each) and maker.may(each)))
        if beyond:
            raise Forbidden(
                f"A token cannot have what its maker does not hold: {', '.join(beyond)}.",
                fields={"rights": "beyond your own"},
            )

    async def _see(self, token_id: int, now: datetime) -> None:
        async with self._database.begin() as session:
            await session.execute(
                update(ServiceToken).where(ServiceToken.id == token_id).values(last_used_at=now)
            )


async def revoke_of(session: AsyncSession, actor: Actor, maker_id: int, now: datetime) -> None:
    """Revoke every token that somebody made, in the caller's transaction."""
    revoked = await session.execute(
        update(ServiceToken)
        .where(ServiceToken.created_by == maker_id, ServiceToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ServiceToken.id, ServiceToken.name)
    )
    for token_id, name in revoked.all():
        await _record_revoked(session, actor, token_id, name)


async def _record_revoked(session: AsyncSession, actor: Actor, token_id: int, name: str) -> None:
    await trail.record(
        session, actor.user_id, "token.revoke", "service_token", token_id, before={"name": name}
    )
    log.info("token_revoked", token=name, by=actor.user_id)


def _views() -> Select[*tuple[Any, ...]]:
    return select(
        ServiceToken.id,
        ServiceToken.name,
        ServiceToken.prefix,
        ServiceToken.rights,
        ServiceToken.created_by,
        User.name.label("creator"),
        ServiceToken.created_at,
        ServiceToken.expires_at,
        ServiceToken.last_used_at,
        ServiceToken.revoked_at,
    ).join(User, User.id == ServiceToken.created_by)


def _view(row: Row[*tuple[Any, ...]]) -> TokenView:
    values = row._asdict()
    return TokenView(**{**values, "rights": tuple(row.rights)})
