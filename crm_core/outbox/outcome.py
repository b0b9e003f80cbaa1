"""What becomes of a message after an attempt, as one decision. Rule: pure. A message that may have gone out is
sent again only while its provider removes the double; later, or when nobody would, it is `unknown`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crm_core.clock import SKEW
from crm_core.outbox.ports import MaybeSent, Message, NotNow, NotSent

LONGEST_REASON = 300
LONGEST_REFERENCE = 200
TOO_LATE = "the provider would not remove the double any more"


@dataclass(frozen=True, slots=True)
class OutboxRules:
    """`lease` must be longer than any connector waits for its provider; `longest_life` is how long a message
    waits for a provider that is away.
    """

    attempts: int = 6
    first_wait: timedelta = timedelta(seconds=15)
    longest_wait: timedelta = timedelta(hours=1)
    longest_life: timedelta = timedelta(days=3)
    lease: timedelta = timedelta(seconds=300)
    look_again_s: float = 2.0

    def wait(self, attempts: int) -> timedelta:
        """How long after that many attempts: each wait is four times the one before."""
        return min(self.first_wait * int(4 ** (min(attempts, 10) - 1)), self.longest_wait)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message this attempt may send. `claims` counts every attempt, `attempts` those that count."""

    id: int
    subject: str
    subject_id: int
    channel: str
    attempts: int
    claims: int
    queued_at: datetime
    tried_at: datetime
    doubtful_since: datetime | None
    message: Message


@dataclass(frozen=True, slots=True)
class Result:
    """`next_at` is when to try again, for the state pending."""

    state: str
    at: datetime
    attempts: int
    reference: str | None = None
    reason: str | None = None
    next_at: datetime | None = None
    doubtful_since: datetime | None = None


class Outcomes:
    """The decisions for messages of one channel."""

    def __init__(self, rules: OutboxRules, removes_doubles_within: timedelta) -> None:
        self._rules = rules
        self._window = removes_doubles_within

    def too_late(self, claimed: Claimed) -> Result | None:
        """Before it is sent: a doubt that has outlived the time in which the double would be removed, or of which
        nobody can say how old it is, because the clock was set back.
        """
        since = claimed.doubtful_since
        if since is None or -SKEW <= claimed.tried_at - since < self._window:
            return None
        uncounted = replace(claimed, attempts=claimed.attempts - 1)
        return self._over(uncounted, TOO_LATE, claimed.tried_at)

    def sent(self, claimed: Claimed, reference: str, now: datetime) -> Result:
        return Result("sent", now, claimed.attempts, reference=reference[:LONGEST_REFERENCE])

    def not_sent(self, claimed: Claimed, error: NotSent, now: datetime) -> Result:
        if error.permanent or claimed.attempts >= self._rules.attempts:
            return self._over(claimed, error.reason, now)
        wait = max(self._rules.wait(claimed.attempts), error.wait or timedelta(0))
        return self._again(claimed, error.reason, now, now + wait)

    def not_now(self, claimed: Claimed, error: NotNow, now: datetime, again: datetime) -> Result:
        """It did not count; `again` is when it may be tried."""
        if now - claimed.queued_at >= self._rules.longest_life:
            return self._over(claimed, error.reason, now)
        uncounted = replace(claimed, attempts=claimed.attempts - 1)
        return self._again(uncounted, error.reason, now, again)

    def maybe_sent(self, claimed: Claimed, error: MaybeSent, now: datetime) -> Result:
        since = claimed.doubtful_since or claimed.tried_at
        next_at = now + self._rules.wait(claimed.attempts)
        if claimed.attempts >= self._rules.attempts or next_at - since >= self._window:
            return self._over(replace(claimed, doubtful_since=since), error.reason, now)
        return _pending(claimed, error.reason, now, next_at, since)

    def _again(self, claimed: Claimed, reason: str, now: datetime, next_at: datetime) -> Result:
        """Surely not sent this time; an earlier one may leave a doubt that has run out of time."""
        since = claimed.doubtful_since
        if since is not None and next_at - since >= self._window:
            return self._over(claimed, reason, now)
        return _pending(claimed, reason, now, next_at, since)

    def _over(self, claimed: Claimed, reason: str, now: datetime) -> Result:
        """Nothing more is tried: surely not sent, unless an earlier attempt left a doubt."""
        state = "failed" if claimed.doubtful_since is None else "unknown"
        return Result(state, now, claimed.attempts, reason=reason[:LONGEST_REASON])


def _pending(
    claimed: Claimed, reason: str, now: datetime, next_at: datetime, since: datetime | None
) -> Result:
    return Result(
        "pending",
        now,
        claimed.attempts,
        reason=reason[:LONGEST_REASON],
        next_at=next_at,
        doubtful_since=since,
    )
