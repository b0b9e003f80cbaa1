"""Care rules kept, as SQL inside the caller's transaction.

Rule: a rule's code and occasion never change, and it is never deleted, only switched off. One that is
switched on again begins anew: what passed meanwhile is not told.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.care import views
from crm_core.care.commands import AssignTo, CareRuleEdit, NewCareRule
from crm_core.care.occasions import Occasion
from crm_core.care.tables import CareRule
from crm_core.care.views import CareRuleView
from crm_core.customers.tables import Level
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.people.holders import holders
from crm_core.people.tables import User
from crm_core.rights import Actor, Right

_MOST = 200
_ENTITY = "care_rule"
_DATED: Mapping[str, int | None] = {"days_before": 0, "local_hour": 10}
_AFTER: Mapping[str, int | None] = {"hours_after": 72, "lead_hours": 0}
_SEEDS = (
    {
        "code": "birthday",
        "name_zh": "客户生日",
        "name_en": "Birthday",
        "occasion": Occasion.BIRTHDAY,
        "days_before": 3,
        "local_hour": 10,
        "title_zh": "{customer} {date}生日：送上祝福",
        "title_en": "Birthday of {customer} on {date}: send our wishes",
    },
    {
        "code": "first_order",
        "name_zh": "首单周年",
        "name_en": "Anniversary of the first order",
        "occasion": Occasion.FIRST_ORDER,
        "days_before": 0,
        "local_hour": 10,
        "title_zh": "{customer} 合作满{years}周年（{date}）：致谢",
        "title_en": "{customer}: {years} year(s) since the first order, on {date}: say thank you",
    },
    {
        "code": "after_delivery",
        "name_zh": "送货后72小时回访",
        "name_en": "Follow-up within 72 hours after delivery",
        "occasion": Occasion.AFTER_DELIVERY,
        "hours_after": 72,
        "lead_hours": 24,
        "title_zh": "{customer} 订单{order}已送达：回访",
        "title_en": "Order {order} of {customer} was delivered: follow up",
    },
)


async def seed_care(session: AsyncSession) -> None:
    """Birthdays, anniversaries of the first order, and follow-ups after a delivery."""
    for seed in _SEEDS:
        await session.execute(
            upsert(CareRule).values(assign_to=AssignTo.SALESPERSON, **seed).on_conflict_do_nothing()
        )


async def all_of_them(connection: AsyncConnection) -> tuple[CareRuleView, ...]:
    """At most _MOST, which `add` keeps."""
    rows = await connection.execute(views.rules().order_by(CareRule.code))
    return tuple(CareRuleView(*row) for row in rows)


async def add(session: AsyncSession, actor: Actor, new: NewCareRule, now: datetime) -> CareRuleView:
    """Raises Conflict (code taken, too many), Invalid."""
    if (await session.scalar(select(func.count()).select_from(CareRule)) or 0) >= _MOST:
        raise Conflict(f"There are {_MOST} rules already: change one of them.")
    values = new.model_dump()
    values |= _with_terms(new.occasion, values)
    await _check_references(session, values)
    values |= {"level_codes": sorted(set(new.level_codes)), "active_since": now}
    made = await session.scalar(
        upsert(CareRule).values(**values).on_conflict_do_nothing().returning(CareRule.code)
    )
    if made is None:
        raise Conflict(
            f"There is a rule “{new.code}” already: choose another code.",
            fields={"code": "taken"},
        )
    await trail.record(session, actor.user_id, f"{_ENTITY}.create", _ENTITY, new.code, after=values)
    return await read(session, new.code)


async def change(
    session: AsyncSession, actor: Actor, code: str, edit: CareRuleEdit, now: datetime
) -> CareRuleView:
    """To-dos that are made already stay as they are. Raises NotFound, Conflict, Invalid."""
    await session.execute(select(CareRule.code).where(CareRule.code == code).with_for_update())
    before = await read(session, code)
    if before.version != edit.version:
        raise Conflict(
            "Somebody else has changed this rule since you opened it: look at it as it is now.",
            fields={"version": before.version},
        )
    values = edit.model_dump(exclude_unset=True, exclude={"version"})
    if "level_codes" in values:
        values["level_codes"] = sorted(set(values["level_codes"]))
    if values.get("assign_to", AssignTo.USER) != AssignTo.USER:
        values["assignee_id"] = None
    became = {name: getattr(before, name) for name in CareRuleEdit.model_fields} | values
    values |= _with_terms(Occasion(before.occasion), became)
    await _check_references(session, became)
    was, now_is = trail.changes({name: getattr(before, name) for name in values}, values)
    if values.get("active") and not before.active:
        values |= {"active_since": now, "looked_at": None}
    await session.execute(
        update(CareRule).where(CareRule.code == code).values(**values, version=edit.version + 1)
    )
    await trail.record(
        session, actor.user_id, f"{_ENTITY}.update", _ENTITY, code, before=was, after=now_is
    )
    return await read(session, code)


async def read(holder: AsyncSession | AsyncConnection, code: str) -> CareRuleView:
    """Raises NotFound."""
    row = (await holder.execute(views.rules().where(CareRule.code == code))).one_or_none()
    if row is None:
        raise NotFound(f"There is no rule “{code}”.")
    return CareRuleView(*row)


def _with_terms(occasion: Occasion, values: Mapping[str, object]) -> dict[str, object]:
    """The terms of this occasion, the usual ones where none is given. Raises Invalid."""
    is_after = occasion is Occasion.AFTER_DELIVERY
    own, other = (_AFTER, _DATED) if is_after else (_DATED, _AFTER)
    for name in other:
        if values.get(name) is not None:
            raise Invalid(
                f"A rule for “{occasion}” has no {name}: give {' and '.join(own)}.",
                fields={name: "not of this occasion"},
            )
    terms: dict[str, object] = {
        name: usual if values.get(name) is None else values[name] for name, usual in own.items()
    }
    if is_after and int(str(terms["lead_hours"])) >= int(str(terms["hours_after"])):
        raise Invalid(
            "The follow-up would be due before the delivery: give fewer lead_hours.",
            fields={"lead_hours": "too many"},
        )
    return terms


async def _check_references(session: AsyncSession, values: Mapping[str, object]) -> None:
    """Raises Invalid for an unknown level or somebody who cannot be given to-dos."""
    assignee_id, named = values["assignee_id"], values["assign_to"] == AssignTo.USER
    if named != (assignee_id is not None):
        raise Invalid(
            "Name the person who does it, or choose the salesperson or the supervisor.",
            fields={"assignee_id": "missing" if named else "not of this kind"},
        )
    if named:
        able = holders(Right.TODO_WORK).where(User.id == assignee_id)
        if (await session.execute(able)).first() is None:
            raise Invalid(
                "This person is not at work here or has no to-dos: choose somebody else.",
                fields={"assignee_id": "unknown"},
            )
    wanted = values["level_codes"]
    assert isinstance(wanted, list | tuple)
    known = set(await session.scalars(select(Level.code).where(Level.code.in_(wanted))))
    if unknown := sorted(set(wanted) - known):
        raise Invalid(f"There is no level “{unknown[0]}”.", fields={"level_codes": "unknown"})
