"""What becomes of callers on the blacklist (黑名单).

Rule: pure. An entry holds until its time is over; whoever is of a protected level is never turned away, only warned of.
Only a number can be listed: callers who hide theirs are never taken for one another.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Policy(StrEnum):
    """`reject` ends the call before a menu; `warn` lets it through and tells the agent."""

    REJECT = "reject"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class BlacklistRules:
    """`votes` of different agents within `period` list a number for `block` (None: until it is lifted), with the policy
    `by_votes`. `protected` are codes of levels. `busy`: who is rejected hears the busy tone and no words.
    """

    votes: int = 3
    period: timedelta = timedelta(days=30)
    block: timedelta | None = timedelta(days=90)
    by_votes: Policy = Policy.REJECT
    protected: Collection[str] = ()
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A number that is on the list now; `until` None: until it is lifted. `level` is that of the customer who has it."""

    number: str
    policy: Policy
    reason: str
    until: datetime | None
    level: str | None = None


def judged(
    listed: Listed | None, level: str | None, rules: BlacklistRules, now: datetime
) -> Listed | None:
    """What holds for this caller; None: nothing. `level` None: it is not known now, what was known of the number counts."""
    if listed is None or (listed.until is not None and listed.until <= now):
        return None
    if (level or listed.level) in rules.protected:
        return replace(listed, policy=Policy.WARN)
    return listed
