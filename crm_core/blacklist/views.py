"""The blacklist as it is shown. Rule: numbers are masked for who may not see them in full."""

from dataclasses import dataclass
from datetime import datetime

from crm_core.blacklist.policy import Policy


@dataclass(frozen=True, slots=True)
class GivenVote:
    """An agent's vote against a number: by whom, why, in which call."""

    by: str
    reason: str
    voted_at: datetime
    call_id: str | None


@dataclass(frozen=True, slots=True)
class EntryView:
    """`added_by` None: by votes. `holds`: neither lifted nor over. `given` are the votes against the number, the latest
    first, as long as the entry holds.
    """

    id: int
    number: str
    policy: Policy
    reason: str
    added_by: str | None
    added_at: datetime
    until: datetime | None
    lifted_by: str | None
    lifted_at: datetime | None
    holds: bool
    given: tuple[GivenVote, ...] = ()


@dataclass(frozen=True, slots=True)
class VotedView:
    """A number that agents voted against and that is not on the list; `id` is the latest vote's.

    `given` are the votes that count, the latest first.
    """

    id: int
    number: str
    votes: int
    needed: int
    latest_at: datetime
    given: tuple[GivenVote, ...]


@dataclass(frozen=True, slots=True)
class VoteResult:
    """How many agents have voted against the number, and whether it is on the list now."""

    votes: int
    needed: int
    listed: bool
