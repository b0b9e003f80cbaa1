"""When something that failed is tried again. Rule: pure; each wait is three times the one before, up to
an hour, and there is an end to it.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryRules:
    """`attempts` at a delivery; an endpoint that fails for `gives_up` is asked no more until a person resumes it."""

    attempts: int = 40
    first_wait: timedelta = timedelta(seconds=10)
    longest_wait: timedelta = timedelta(hours=1)
    gives_up: timedelta = timedelta(days=3)
    lease: timedelta = timedelta(seconds=60)

    def wait(self, attempts: int) -> timedelta:
        """How long after that many attempts."""
        return min(self.first_wait * int(3 ** min(attempts - 1, 20)), self.longest_wait)

    def asked(self, retry_after: str | None) -> timedelta:
        """What the receiver asked for in `Retry-After`, as far as we go along with it."""
        if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()):
            return timedelta(0)
        return min(timedelta(seconds=int(retry_after[:9])), self.longest_wait)
