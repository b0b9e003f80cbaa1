"""The present password, asked for once more before something that a stolen session must not do.

Rule: guesses are counted like those at log-in, under a name of their own, so that whoever found an
open page cannot lock its owner out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.people import login_limits
from crm_core.people.login_limits import LoginLimits
from crm_core.people.login_sessions import Checked
from crm_core.people.passwords import Passwords
from crm_core.people.refusals import WrongPassword
from crm_core.people.tables import User


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What it takes to ask for a password again."""

    database: Database
    passwords: Passwords
    limits: LoginLimits
    clock: Callable[[], datetime]

    async def of(self, user_id: int, password: str, *, forgive: bool = True) -> Checked:
        """`forgive`: the right password clears the count of wrong ones.

        Raises WrongPassword, TooManyAttempts, NotFound.
        """
        async with self.database.begin() as session:
            await login_limits.count_confirmation(session, self.limits, user_id, self.clock())
        async with self.database.reading() as connection:
            found = (
                await connection.execute(
                    select(User.login, User.password_hash).where(User.id == user_id, User.active)
                )
            ).one_or_none()
        if found is None:
            raise NotFound(f"There is no user {user_id}.")
        if not await self.passwords.matches(password, found.password_hash):
            raise WrongPassword(
                "This is not your present password.", fields={"password": "not the present one"}
            )
        if forgive:
            async with self.database.begin() as session:
                await login_limits.forgive_confirmation(session, user_id)
        return Checked(user_id, found.login, found.password_hash)
