"""What the house asks of passwords and log-ins, chosen once for whoever composes a program."""

from dataclasses import dataclass, field
from datetime import timedelta

from crm_core.people.login_limits import LoginLimits
from crm_core.people.login_sessions import Lifetimes
from crm_core.people.passwords import PasswordRules


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """A password that is older than `password_age` at log-in must be changed; None: it never grows old."""

    rules: PasswordRules = field(default_factory=PasswordRules)
    password_age: timedelta | None = None
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    limits: LoginLimits = field(default_factory=LoginLimits)
