"""Passwords: hashing beside the event loop, and what makes one acceptable.

Rule: argon2 never runs on the event loop and never more than `_AT_ONCE` times at once (each takes
64 MiB); checking a password for nobody takes as long as checking a real one.
"""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crm_core.errors import Invalid

SHORTEST = 10
LONGEST = 200
_AT_ONCE = 2


class Passwords:
    """Hashes and checks with argon2id."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether it is the password of `stored`; None stands for a log-in that does not exist."""
        if stored is None:
            if self._nobody is None:
                self._nobody = await self.hash(secrets.token_urlsafe())
            await self._verify(password, self._nobody)
            return False
        return await self._verify(password, stored)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with weaker parameters than those of today."""
        return self._hasher.check_needs_rehash(stored)

    async def _verify(self, password: str, stored: str) -> bool:
        async with self._turns:
            try:
                return await asyncio.to_thread(self._hasher.verify, stored, password)
            except (VerificationError, InvalidHashError):
                return False


def check_acceptable(password: str, login: str) -> None:
    """Raises Invalid with what is wrong."""
    problem = _problem(password, login)
    if problem is not None:
        raise Invalid(problem, fields={"password": problem})


def _problem(password: str, login: str) -> str | None:
    if len(password) < SHORTEST:
        return f"The password is too short: use at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"The password is too long: use at most {LONGEST} characters."
    if login.lower() in password.lower():
        return "The password contains the log-in name: choose another one."
    if len(set(password)) < SHORTEST // 2:
        return "The password repeats a few characters: choose a less regular one."
    return None
