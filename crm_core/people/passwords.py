"""Passwords: hashing beside the event loop, and what makes one acceptable.

Rule: argon2 never runs on the event loop and never more than `_AT_ONCE` times at once (each takes
64 MiB); checking a password for nobody takes as long as checking a real one.

`common_passwords.txt` is the head of zxcvbn's ranked list (MIT licence) with what is usual in China.
"""

import asyncio
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crm_core.errors import Invalid

LONGEST = 200
_PROBLEMS = {
    "too_short": "The password is too short: use at least {shortest} characters.",
    "too_long": f"The password is too long: use at most {LONGEST} characters.",
    "has_login": "The password contains the log-in name: choose another one.",
    "repetitive": "The password repeats a few characters: choose a less regular one.",
    "common": "Too many people use this password or one much like it: choose another one.",
    "used_before": "This is one of the last {remembered} passwords: choose a new one.",
}
_AT_ONCE = 2
_FEWEST_SIGNS = 5
_COMMON = Path(__file__).with_name("common_passwords.txt")
_TAIL = string.digits + string.punctuation + string.whitespace


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """At least so many characters, and none of the last so many passwords, the present one among them."""

    shortest: int = 10
    remembered: int = 5


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

    async def matches_any(self, password: str, stored: Iterable[str]) -> bool:
        """Whether it is one of these."""
        for each in stored:
            if await self._verify(password, each):
                return True
        return False

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with weaker parameters than those of today."""
        return self._hasher.check_needs_rehash(stored)

    async def _verify(self, password: str, stored: str) -> bool:
        async with self._turns:
            try:
                return await asyncio.to_thread(self._hasher.verify, stored, password)
            except (VerificationError, InvalidHashError):
                return False


def check_acceptable(password: str, login: str, rules: PasswordRules) -> None:
    """Raises Invalid."""
    problem = _problem(password, login, rules.shortest)
    if problem is not None:
        raise unacceptable(problem, rules)


def unacceptable(problem: str, rules: PasswordRules) -> Invalid:
    """Its field is a code that screens translate, with the number that belongs to it."""
    numbers = {
        "too_short": {"shortest": rules.shortest},
        "used_before": {"remembered": rules.remembered},
    }
    fields = {"password": problem, **numbers.get(problem, {})}
    return Invalid(_PROBLEMS[problem].format_map(fields), fields=fields)


def _problem(password: str, login: str, shortest: int) -> str | None:
    if len(password) < shortest:
        return "too_short"
    if len(password) > LONGEST:
        return "too_long"
    if login.lower() in password.lower():
        return "has_login"
    if len(set(password)) < _FEWEST_SIGNS:
        return "repetitive"
    if is_common(password):
        return "common"
    return None


def is_common(password: str) -> bool:
    """Whether it is a common password, also with digits and punctuation after it."""
    folded = password.strip().lower()
    shortest = len(folded.rstrip(_TAIL))
    return any(folded[:end] in _common() for end in range(len(folded), shortest - 1, -1))


@cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text(encoding="ascii").split())
