"""The line as operations keep it: looked through before it goes live, in versions that can be compared and brought
back. Rule: a version is applied by whoever still sees the one before it as the newest; its prompts are spoken first.
"""

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import structlog
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from acd.lineplan import LinePlan
from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from ivr.line.checking import Checked, Fault, checked, faults
from ivr.line.commands import ApplyLine, LineQuery, RollBackLine
from ivr.line.mark import unmarked
from ivr.line.tables import LineVersion
from ivr.line_file import read_line
from ivr.menu import Menus
from ivr.recordings import Recordings

log = structlog.get_logger(__name__)

_ENTITY = "line"
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('line_versions'))")
_VIEW = select(
    LineVersion.number.label("version"),
    LineVersion.note,
    LineVersion.same_as,
    User.name.label("made_by"),
    LineVersion.made_at,
    func.length(LineVersion.text).label("size"),
).outerjoin(User, User.id == LineVersion.made_by)


@dataclass(frozen=True, slots=True)
class VersionView:
    """`made_by` is a person's name, None for Zongji itself; `size` in characters."""

    version: int
    note: str
    same_as: int | None
    made_by: str | None
    made_at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class LineView(VersionView):
    """A version with its text."""

    text: str


Prepare = Callable[[Menus], Awaitable[None]]


class LineService:
    """`prepare` speaks the prompts of menus before they go live; `recordings` are played in the place of some;
    `music`: its classes; `applied` hears that there is a new version.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
        prepare: Prepare,
        recordings: Recordings,
        music: Callable[[], Collection[str]] = tuple,
        applied: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._prepare = prepare
        self._recordings = recordings
        self._music = music
        self._applied = applied

    async def live(self, actor: Actor) -> LineView:
        """The newest version. Raises NotFound while there is none."""
        actor.require(Right.LINE_MANAGE)
        async with self._database.reading() as connection:
            return await _line(connection, await _newest(connection))

    async def get(self, actor: Actor, number: int) -> LineView:
        """Raises NotFound."""
        actor.require(Right.LINE_MANAGE)
        async with self._database.reading() as connection:
            return await _line(connection, number)

    async def versions(self, actor: Actor, query: LineQuery) -> tuple[VersionView, ...]:
        actor.require(Right.LINE_MANAGE)
        found = _VIEW.order_by(LineVersion.number.desc()).limit(query.limit)
        if query.before is not None:
            found = found.where(LineVersion.number < query.before)
        async with self._database.reading() as connection:
            return tuple(VersionView(*row) for row in await connection.execute(found))

    async def diff(self, actor: Actor, older: int, newer: int) -> str:
        """What changed, as a unified diff; "" when nothing did. Raises NotFound."""
        was, became = await self.get(actor, older), await self.get(actor, newer)
        return changes(was.text, became.text, f"version {older}", f"version {newer}")

    async def check(self, actor: Actor, text: str) -> Checked:
        """Everything that keeps a line file from going live, and what needs a look."""
        actor.require(Right.LINE_MANAGE)
        today = self._clock().astimezone(self._zone).date()
        return await asyncio.to_thread(
            lambda: checked(text, self._recordings, today, music=self._music())
        )

    async def apply(self, actor: Actor, command: ApplyLine) -> LineView:
        """Raises Invalid (with every fault), Conflict (a newer version is live)."""
        actor.require(Right.LINE_MANAGE)
        return await self._store(actor, command.version, command.text, command.note, None)

    async def roll_back(self, actor: Actor, command: RollBackLine) -> LineView:
        """Raises NotFound, Invalid, Conflict."""
        kept = await self.get(actor, command.to)
        return await self._store(actor, command.version, kept.text, command.note, command.to)

    async def _store(
        self, actor: Actor, base: int, content: str, note: str, same_as: int | None
    ) -> LineView:
        _refuse((await self.check(actor, content)).faults)
        await self._prepare(read_line(content)[1])
        async with self._database.begin() as session:
            await session.execute(_ONE_AT_A_TIME)
            newest = await _newest(session)
            if newest != base:
                other = await _line(session, newest)
                raise Conflict(
                    f"Version {newest} was applied meanwhile by {other.made_by or 'Zongji'}: compare yours with"
                    " it and apply the two together.",
                    fields={"version": newest},
                )
            values = {
                "number": newest + 1,
                "text": unmarked(content),
                "note": note,
                "same_as": same_as,
                "made_by": actor.user_id,
                "made_at": self._clock(),
            }
            await session.execute(insert(LineVersion).values(values))
            after = {"version": newest + 1, "note": note, "same_as": same_as}
            await trail.record(
                session,
                actor.user_id,
                "line.apply",
                _ENTITY,
                newest + 1,
                before={"version": newest},
                after=after,
            )
            view = await _line(session, newest + 1)
        log.info("line_applied", version=view.version, by=actor.user_id)
        self._applied()
        return view


def must_read(content: str) -> tuple[LinePlan, Menus]:
    """Raises Invalid with every fault."""
    _refuse(faults(content))
    return read_line(content)


def _refuse(found: Sequence[Fault]) -> None:
    if found:
        raise Invalid(
            "The line file has faults: mend them and apply it again.",
            fields={f"line {each.line}": each.reason for each in found},
        )


def changes(was: str, became: str, old: str, new: str) -> str:
    """A unified diff."""
    lines: Sequence[str] = list(
        difflib.unified_diff(was.splitlines(), became.splitlines(), old, new, lineterm="")
    )
    return "\n".join(lines)


async def newest(connection: AsyncConnection) -> tuple[int, str] | None:
    """Number and text of the newest version."""
    found = select(LineVersion.number, LineVersion.text).order_by(LineVersion.number.desc())
    row = (await connection.execute(found.limit(1))).one_or_none()
    return None if row is None else (row.number, row.text)


async def text_of(connection: AsyncConnection, number: int) -> str | None:
    """The text of a version."""
    found = select(LineVersion.text).where(LineVersion.number == number)
    return (await connection.execute(found)).scalar_one_or_none()


async def seed(database: Database, content: str, now: datetime) -> None:
    """The first version, unless there is one."""
    async with database.begin() as session:
        await session.execute(_ONE_AT_A_TIME)
        if await _newest(session):
            return
        values = {"number": 1, "text": content, "note": "", "made_at": now}
        await session.execute(insert(LineVersion).values(values))


async def _newest(holder: AsyncConnection | AsyncSession) -> int:
    return await holder.scalar(select(func.coalesce(func.max(LineVersion.number), 0))) or 0


async def _line(holder: AsyncConnection | AsyncSession, number: int) -> LineView:
    row = (await holder.execute(_VIEW.where(LineVersion.number == number))).one_or_none()
    if row is None:
        raise NotFound(f"There is no version {number} of the line.", fields={"version": number})
    content = await holder.scalar(select(LineVersion.text).where(LineVersion.number == number))
    return LineView(**row._mapping, text=content or "")  # noqa: SLF001
