"""What several tests of the SQL core share: a clock, people, quick hashing."""

from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher

from crm_core.people.passwords import Passwords
from crm_core.rights import ROLES, Principal


class Clock:
    """A time that only moves when a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


def quick_passwords() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def person(role: str, user_id: int = 1) -> Principal:
    return Principal(user_id, role, role, role, ROLES[role].rights, "zh-CN", None, 1)
