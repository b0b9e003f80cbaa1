"""What may be asked of the blacklist."""

from typing import Annotated

from pydantic import Field

from crm_core.blacklist.policy import Policy
from crm_core.fields import PAGE, Command, Id, Limit, Number, Text

Reason = Annotated[Text, Field(min_length=1, max_length=200)]
Days = Annotated[int, Field(ge=1, le=3_650)]


class Vote(Command):
    """Why the number should be on the list."""

    reason: Reason


class NewEntry(Command):
    """A number for the list, for so many days; without `days` until it is lifted."""

    number: Number
    policy: Policy = Policy.REJECT
    reason: Reason
    days: Days | None = None


class Confirmation(Command):
    """What becomes of a number that agents voted against."""

    policy: Policy = Policy.REJECT
    reason: Reason
    days: Days | None = None


class EntryQuery(Command):
    """The newest first; `over` adds those that hold no more."""

    over: bool = False
    limit: Limit = PAGE
    before: Id | None = None
