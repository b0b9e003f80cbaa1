"""Enrolling an authenticator, switching it off, and the reset by a manager.

Rule: one's own needs a code before it counts and password and code to go; a reset is somebody
else's doing, is audited, and ends the person's sessions.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.people import login_limits, second_factors, totp, users
from crm_core.people.confirming import Confirmation
from crm_core.people.refusals import SecondFactorRefused, SecondFactorRequired
from crm_core.people.tables import LoginSession
from crm_core.people.vault import Vault
from crm_core.rights import Actor, Principal, Right

log = structlog.get_logger(__name__)

End = Callable[[AsyncSession, ColumnElement[bool]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Shown once: the secret as text, and as the address that an authenticator reads."""

    secret: str
    uri: str


class SecondFactorService:
    """`end` ends sessions in a transaction."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        confirmation: Confirmation,
        *,
        end: End,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._vault = vault
        self._confirmation = confirmation
        self._end = end
        self._clock = clock

    def require_available(self) -> None:
        """Before a role asks for what nobody could enrol. Raises SecondFactorUnavailable."""
        self._vault.require_key()

    async def begin(self, who: Principal) -> Enrolment:
        """A new secret, which counts once `confirm` has heard its code.

        Raises SecondFactorUnavailable, Conflict (there is one already).
        """
        secret = totp.new_secret()
        sealed = self._vault.seal(who.user_id, secret)
        async with self._database.begin() as session:
            await second_factors.offer(session, who.user_id, sealed, self._clock())
        return Enrolment(secret, totp.address(secret, who.login))

    async def confirm(self, who: Principal, code: str) -> tuple[str, ...]:
        """Switch it on; returns the recovery codes, which are shown once. Other sessions end.

        Raises NotFound, Invalid, Conflict.
        """
        user_id = who.user_id
        others = (LoginSession.user_id == user_id) & (LoginSession.id != who.session_id)
        async with self._database.begin() as session:
            await users.lock(session, user_id)
            codes = await second_factors.confirm(session, self._vault, user_id, code, self._clock())
            await self._end(session, others)
            await trail.record(session, user_id, "second_factor.enrol", "user", user_id)
        log.info("second_factor_enrolled", user=user_id)
        return codes

    async def switch_off(self, who: Principal, password: str, code: str) -> None:
        """Raises WrongPassword, Invalid (code), TooManyAttempts, Conflict (there is none)."""
        user_id, now = who.user_id, self._clock()
        await self._confirmation.of(user_id, password, forgive=False)  # the code may be wrong yet
        async with self._database.begin() as session:
            await users.lock(session, user_id)
            try:
                await second_factors.admit(session, self._vault, user_id, code, now)
            except (SecondFactorRequired, SecondFactorRefused) as error:
                raise Invalid(error.message, fields={"code": "wrong"}) from error
            if not await second_factors.remove(session, user_id):
                raise Conflict("You have no authenticator to switch off.")
            await login_limits.forgive_confirmation(session, user_id)
            await trail.record(session, user_id, "second_factor.remove", "user", user_id)
        log.info("second_factor_removed", user=user_id)

    async def reset(self, actor: Actor, user_id: int) -> None:
        """For somebody who has lost authenticator and recovery codes.

        Raises Forbidden (also for oneself), BeyondOwnRights, NotFound, Conflict (there is none).
        """
        actor.require(Right.USER_MANAGE)
        if actor.user_id == user_id:
            raise Forbidden("Switch your own off with password and code, or ask somebody else.")
        async with self._database.begin() as session:
            await users.held(session, actor, user_id)
            if not await second_factors.remove(session, user_id):
                raise Conflict("This person has no authenticator.")
            await self._end(session, LoginSession.user_id == user_id)
            await trail.record(session, actor.user_id, "second_factor.reset", "user", user_id)
        log.info("second_factor_reset", user=user_id, by=actor.user_id)
