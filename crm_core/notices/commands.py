"""What may be asked of notices."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from crm_core.customers.criteria import Conditions
from crm_core.fields import PAGE, CallId, Command, Id, Limit, Moment, Text, Versioned


class Channel(StrEnum):
    """`call`: somebody of the house telephones, as a to-do; `voice`: the notice is said by the line itself."""

    CALL = "call"
    EMAIL = "email"
    FAX = "fax"
    SMS = "sms"
    VOICE = "voice"
    WECOM = "wecom"
    WECOM_GROUP = "wecom_group"

    @property
    def refused_as(self) -> str:
        """The way in a customer's `opt_outs` that keeps this one away: who wants no calls wants no spoken ones."""
        return Channel.CALL.value if self is Channel.VOICE else self.value


class NoticeState(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"
    CANCELLED = "cancelled"


def _once(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    return tuple(dict.fromkeys(channels))


LONGEST_SAID = 200
"""Characters that are said thrice, with their keys, well within the time that a call may take."""
Title = Annotated[Text, Field(min_length=1, max_length=100)]
Body = Annotated[Text, Field(min_length=1, max_length=2000)]
Channels = Annotated[tuple[Channel, ...], Field(max_length=10), AfterValidator(_once)]
Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]


class NewNotice(Command):
    """`conditions` are those of a customer search; without any, everybody is meant.

    Without channels it is told to those who call. `expires_on` is the last day on which they are.
    """

    title: Title
    body: Body
    channels: Channels = ()
    conditions: Conditions = ()
    expires_on: Day | None = None


class NoticeEdit(Versioned):
    """Only what is given is changed."""

    title: Title = ""
    body: Body = ""
    channels: Channels = ()
    conditions: Conditions = ()
    expires_on: Day | None = None


class NoticeStep(Versioned):
    """Cancel it, as it was looked at."""


class Send(Versioned):
    """Send it as it was looked at: now, or at `send_at` to everybody who fits then."""

    send_at: Moment | None = None


class Told(Command):
    """The customer has been told of it, in a call when there was one."""

    customer_id: Id
    call_id: CallId | None = None


class NoticeQuery(Command):
    """`after`: the last notice of the page before; the newest come first."""

    state: NoticeState | None = None
    after: Id | None = None
    limit: Limit = PAGE


class RecipientQuery(Command):
    """`unreached`: only those whom no channel reaches and who were not told otherwise."""

    unreached: bool = False
    after: Id | None = None
    limit: Limit = PAGE
