"""The blacklist: agents vote against the number of a call, supervisors keep the list.

Rule: an agent votes about a call of the own screen or of the own record, and needs not see the number for it.
"""

from datetime import datetime

from crm_core.blacklist.commands import Confirmation, EntryQuery, NewEntry, Vote
from crm_core.blacklist.policy import Policy
from crm_core.errors import NotFound
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import CALL, NUMBER, Route, needs
from webui.views import View


class BlacklistVoteBody(Vote, Model):
    """Why the number should be on the list."""


class BlacklistEntryBody(NewEntry, Model):
    """A number for the list, for so many days; without `days` until it is lifted."""


class BlacklistConfirmation(Confirmation, Model):
    """What becomes of a number that agents voted against."""


class BlacklistSearch(EntryQuery, Model):
    """The newest first; `over` adds those that hold no more."""


class BlacklistVoteAnswer(View):
    votes: int
    needed: int
    listed: bool


class BlacklistGivenVote(View):
    """An agent's vote against a number: by whom, why, in which call."""

    by: str
    reason: str
    voted_at: datetime
    call_id: str | None


class BlacklistItem(View):
    """`given` are the votes against the number, the latest first, as long as the entry holds."""

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
    given: tuple[BlacklistGivenVote, ...]


class BlacklistAnswer(View):
    entry: BlacklistItem


class BlacklistList(View):
    items: tuple[BlacklistItem, ...]


class BlacklistVotedItem(View):
    id: int
    number: str
    votes: int
    needed: int
    latest_at: datetime
    given: tuple[BlacklistGivenVote, ...]


class BlacklistVotedList(View):
    items: tuple[BlacklistVotedItem, ...]


async def vote(asked: Asked[BlacklistVoteBody, Nothing]) -> BlacklistVoteAnswer:
    """Vote against the number of a call; enough votes of different agents put it on the list."""
    number = await _number(asked)
    result = await asked.services.blacklist.vote(
        asked.principal, number, asked.body, call_id=asked.id
    )
    return BlacklistVoteAnswer.model_validate(result)


async def listed(asked: Asked[Nothing, BlacklistSearch]) -> BlacklistList:
    """Numbers on the list."""
    found = await asked.services.blacklist.entries(asked.principal, asked.query)
    return BlacklistList(items=tuple(map(BlacklistItem.model_validate, found)))


async def voted(asked: Asked[Nothing, Nothing]) -> BlacklistVotedList:
    """Numbers that agents voted against and that are not on the list, those with the most votes first."""
    found = await asked.services.blacklist.voted(asked.principal)
    return BlacklistVotedList(items=tuple(map(BlacklistVotedItem.model_validate, found)))


async def add(asked: Asked[BlacklistEntryBody, Nothing]) -> BlacklistAnswer:
    """Put a number on the list at once."""
    made = await asked.services.blacklist.add(asked.principal, asked.body)
    return BlacklistAnswer(entry=BlacklistItem.model_validate(made))


async def confirm(asked: Asked[BlacklistConfirmation, Nothing]) -> BlacklistAnswer:
    """Put the number of a vote on the list, without waiting for more votes."""
    made = await asked.services.blacklist.confirm(asked.principal, int(asked.id), asked.body)
    return BlacklistAnswer(entry=BlacklistItem.model_validate(made))


async def lift(asked: Asked[Nothing, Nothing]) -> BlacklistAnswer:
    """Take a number from the list; the votes against it are spent."""
    lifted = await asked.services.blacklist.lift(asked.principal, int(asked.id))
    return BlacklistAnswer(entry=BlacklistItem.model_validate(lifted))


async def _number(asked: Asked[BlacklistVoteBody, Nothing]) -> str | None:
    """The caller's number. Raises NotFound for a call that is not the agent's."""
    who = asked.principal
    pop = asked.door.live.on_screen(who.user_id, asked.id)
    if pop is not None:
        return pop.caller
    row = await asked.services.calls.call(who, asked.id)
    if row is None or row.agent_id != who.user_id:
        raise NotFound("There is no such call of yours.")
    return row.caller


_ALL = "/api/blacklist"
_MANAGE = needs(Right.BLACKLIST_MANAGE)

ROUTES = (
    Route(
        "POST",
        f"/api/calls/{CALL}/blacklist-vote",
        vote,
        needs(Right.AGENT_WORK),
        BlacklistVoteBody,
        answer=BlacklistVoteAnswer,
    ),
    Route("GET", _ALL, listed, _MANAGE, query=BlacklistSearch, answer=BlacklistList),
    Route(
        "POST",
        _ALL,
        add,
        _MANAGE,
        BlacklistEntryBody,
        answer=BlacklistAnswer,
        status=201,
    ),
    Route("GET", f"{_ALL}/votes", voted, _MANAGE, answer=BlacklistVotedList),
    Route(
        "POST",
        f"{_ALL}/votes/{NUMBER}/confirm",
        confirm,
        _MANAGE,
        BlacklistConfirmation,
        answer=BlacklistAnswer,
        status=201,
    ),
    Route("POST", f"{_ALL}/{NUMBER}/lift", lift, _MANAGE, answer=BlacklistAnswer),
)
