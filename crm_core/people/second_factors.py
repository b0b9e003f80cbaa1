"""Authenticators and recovery codes, as SQL inside the caller's transaction.

Rule: a code is spent by the one UPDATE that finds it unspent, so that of two log-ins with the same
code one gets in; a step is never accepted again, nor an earlier one.
"""

from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.people import totp
from crm_core.people.refusals import SecondFactorRefused, SecondFactorRequired
from crm_core.people.tables import RecoveryCode, SecondFactor
from crm_core.people.vault import Vault

_CONFIRMED = SecondFactor.confirmed_at.is_not(None)


async def admit(
    session: AsyncSession, vault: Vault, user_id: int, code: str | None, now: datetime
) -> None:
    """Spend the code of somebody who has a second factor; the others need none.

    Raises SecondFactorRequired, SecondFactorRefused, SecondFactorUnavailable.
    """
    sealed = await session.scalar(
        select(SecondFactor.secret).where(SecondFactor.user_id == user_id, _CONFIRMED)
    )
    if sealed is None:
        return
    if not code or not code.strip():
        raise SecondFactorRequired("Enter the code of your authenticator too.")
    given = totp.typed(code)
    if totp.is_code(given):
        accepted = await _spend_step(session, vault, user_id, sealed=sealed, code=given, now=now)
    else:
        accepted = await _spend_recovery_code(session, user_id, given, now)
    if not accepted:
        raise SecondFactorRefused("This code is wrong or was used before: wait for the next one.")


async def offer(session: AsyncSession, user_id: int, sealed: str, now: datetime) -> None:
    """Keep a secret that is not yet confirmed, in place of one before. Raises Conflict."""
    fresh = upsert(SecondFactor).values(user_id=user_id, secret=sealed, created_at=now)
    kept = await session.scalar(
        fresh.on_conflict_do_update(
            index_elements=["user_id"],
            set_={"secret": fresh.excluded.secret, "created_at": fresh.excluded.created_at},
            where=SecondFactor.confirmed_at.is_(None),
        ).returning(SecondFactor.user_id)
    )
    if kept is None:
        raise Conflict("You have an authenticator already: switch that one off first.")


async def confirm(
    session: AsyncSession, vault: Vault, user_id: int, code: str, now: datetime
) -> tuple[str, ...]:
    """The first code switches it on; returns the recovery codes. Raises NotFound, Invalid."""
    sealed = await session.scalar(
        select(SecondFactor.secret).where(SecondFactor.user_id == user_id, ~_CONFIRMED)
    )
    if sealed is None:
        raise NotFound("No authenticator waits for its first code: ask for a new secret.")
    found = totp.steps(vault.open(user_id, sealed), totp.typed(code), now)
    if not found:
        raise Invalid(
            "This is not the code of this secret: check the clock of the telephone and try again.",
            fields={"code": "wrong"},
        )
    switched = await session.scalar(
        update(SecondFactor)
        .where(SecondFactor.user_id == user_id, SecondFactor.secret == sealed, ~_CONFIRMED)
        .values(confirmed_at=now, last_step=found[-1])
        .returning(SecondFactor.user_id)
    )
    if switched is None:
        raise Conflict("This was confirmed or begun anew a moment ago: look again.")
    codes = totp.new_recovery_codes()
    digests = ({"user_id": user_id, "code_sha256": totp.recovery_digest(each)} for each in codes)
    await session.execute(insert(RecoveryCode), list(digests))
    return codes


async def remove(session: AsyncSession, user_id: int) -> bool:
    """Forget authenticator and recovery codes; False when there was no confirmed one."""
    confirmed = await session.scalar(
        delete(SecondFactor)
        .where(SecondFactor.user_id == user_id)
        .returning(SecondFactor.confirmed_at)
    )
    return confirmed is not None


async def _spend_step(
    session: AsyncSession, vault: Vault, user_id: int, *, sealed: str, code: str, now: datetime
) -> bool:
    for step in totp.steps(vault.open(user_id, sealed), code, now):
        spent = await session.scalar(
            update(SecondFactor)
            .where(
                SecondFactor.user_id == user_id,
                SecondFactor.secret == sealed,
                SecondFactor.last_step < step,
            )
            .values(last_step=step)
            .returning(SecondFactor.user_id)
        )
        if spent is not None:
            return True
    return False


async def _spend_recovery_code(
    session: AsyncSession, user_id: int, code: str, now: datetime
) -> bool:
    spent = await session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_sha256 == totp.recovery_digest(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
    )
    if spent is None:
        return False
    left = await session.scalar(
        select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    )
    await trail.record(
        session, user_id, "second_factor.recovery", "user", user_id, after={"left": left or 0}
    )
    return True
