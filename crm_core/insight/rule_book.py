"""The rules in force, read and replaced. Rule: of two people who edit the same version one is refused, by
the table's key; whoever reads while rules change has the one set or the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Level
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.insight.commands import VersionQuery
from crm_core.insight.ports import Holder
from crm_core.insight.rules import InsightRules
from crm_core.insight.tables import InsightRulesVersion
from crm_core.insight.usual_rules import usual_rules
from crm_core.insight.views import RulesVersion
from crm_core.people.tables import User

# The key decides between two who write the same number; who comes late writes nothing.
_ADD = text(
    "INSERT INTO insight_rules (version, rules, actor_id)"
    " SELECT :version + 1, CAST(:rules AS jsonb), CAST(:actor_id AS int)"
    " WHERE :version = (SELECT coalesce(max(version), 0) FROM insight_rules)"
    " ON CONFLICT (version) DO NOTHING RETURNING version"
)


@dataclass(frozen=True, slots=True)
class RulesInForce:
    version: int
    rules: InsightRules
    at: datetime
    actor_id: int | None


def latest() -> Select[int]:
    """The number of the version in force, as a part of other statements."""
    return select(func.coalesce(func.max(InsightRulesVersion.version), 0))


class RuleBook:
    """Remembers the set it read last: taking the rules apart costs more than asking for their version."""

    def __init__(self) -> None:
        self._known: RulesInForce | None = None

    async def in_force(self, holder: Holder) -> RulesInForce:
        """Raises NotFound when the database was never seeded."""
        version = (await holder.execute(latest())).scalar_one()
        if self._known is None or self._known.version != version:
            self._known = await _read(holder, version)
        return self._known


async def versions(holder: Holder, wanted: VersionQuery) -> tuple[RulesVersion, ...]:
    """The newest first."""
    table = InsightRulesVersion
    query = (
        select(table.version, table.at, table.actor_id, User.name)
        .outerjoin(User, User.id == table.actor_id)
        .order_by(table.version.desc())
        .limit(wanted.limit)
    )
    if wanted.before is not None:
        query = query.where(table.version < wanted.before)
    return tuple(RulesVersion(*row) for row in await holder.execute(query))


async def of_version(holder: Holder, version: int) -> RulesInForce:
    """Rules as they were. Raises NotFound."""
    try:
        return await _read(holder, version)
    except NotFound as error:
        raise NotFound(f"There are no rules of version {version}.") from error


async def _read(holder: Holder, version: int) -> RulesInForce:
    row = (
        await holder.execute(
            select(
                InsightRulesVersion.rules, InsightRulesVersion.at, InsightRulesVersion.actor_id
            ).where(InsightRulesVersion.version == version)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("There are no rules of insight yet: run `zongji db upgrade`.")
    return RulesInForce(version, InsightRules.model_validate(row.rules), row.at, row.actor_id)


async def replace(
    session: AsyncSession, version: int, rules: InsightRules, actor_id: int | None
) -> int:
    """The number of the new version. Raises Conflict (changed since `version`), Invalid."""
    await _check_levels(session, rules.level_codes())
    found = await session.scalar(
        _ADD, {"version": version, "rules": rules.model_dump_json(), "actor_id": actor_id}
    )
    if found is None:
        now = (await session.execute(latest())).scalar_one()
        raise Conflict(
            "Somebody else has changed the rules since you opened them: look at the new version and "
            "enter your change again.",
            fields={"version": now},
        )
    return int(found)


async def _check_levels(session: AsyncSession, named: Sequence[str]) -> None:
    there = set(await session.scalars(select(Level.code)))
    unknown = [code for code in named if code not in there]
    if unknown:
        raise Invalid(
            f"There is no level {unknown[0]} in the channel.",
            fields={"rules.grades": f"unknown level: {', '.join(unknown)}"},
        )


async def seed_insight(session: AsyncSession) -> None:
    """The first version of the rules, unless there is one."""
    levels = frozenset(await session.scalars(select(Level.code)))
    rules = usual_rules(levels)
    await session.execute(_ADD, {"version": 0, "rules": rules.model_dump_json(), "actor_id": None})
