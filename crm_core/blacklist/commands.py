"""What may be asked of the blacklist."""

from typing import Annotated

from pydantic import AfterValidator, Field

from crm_core.blacklist.policy import Policy
from crm_core.fields import PAGE, Command, Id, Limit, Text
from crm_core.numbers import normalise

Reason = Annotated[Text, Field(min_length=1, max_length=200)]
Days = Annotated[int, Field(ge=1, le=3_650)]


def _number(value: str) -> str:
    number = normalise(value)
    if number is None:
        raise ValueError(
            "this is no telephone number: write it in full, a hidden one cannot be listed"
        )
    return number


class Vote(Command):
    """Why the number should be on the list."""

    reason: Reason


class NewEntry(Command):
    """A number for the list, for so many days; without `days` until it is lifted."""

    number: Annotated[Text, Field(max_length=40), AfterValidator(_number)]
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
