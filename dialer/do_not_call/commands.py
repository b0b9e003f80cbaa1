"""What may be asked of the do-not-call lists."""

from typing import Annotated, Literal

from pydantic import Field

from crm_core.fields import PAGE, Command, Id, Limit, Number, Text
from dialer.policy import Purpose

Source = Literal["agent", "key", "inbound", "api", "cli"]
Covers = Literal["everything", "campaigns"]
Reason = Annotated[Text, Field(min_length=1, max_length=200)]
ListName = Annotated[Text, Field(min_length=1, max_length=50)]


class NewRefusal(Command):
    """A number that is not to be dialled any more; with `campaign_id` only not in that campaign."""

    number: Number
    reason: Reason
    campaign_id: Id | None = None


class CallRefusal(Command):
    """What somebody said in a call; `only_campaign`: of the campaign alone that the call belongs to."""

    reason: Reason
    only_campaign: bool = False


class Lift(Command):
    """Why the number may be dialled again."""

    reason: Reason


class RefusalQuery(Command):
    """The newest first; `lifted` adds those that hold no more."""

    number: Number | None = None
    lifted: bool = False
    limit: Limit = PAGE
    before: Id | None = None


class Check(Command):
    """May this number be dialled now?"""

    number: Number
    purpose: Purpose = "campaign"
    campaign_id: Id | None = None
