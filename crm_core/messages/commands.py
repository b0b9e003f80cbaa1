"""What may be asked of messages to customers and of their words."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from crm_core.fields import PAGE, Command, Id, Limit, Moment, Text, Version
from crm_core.outbox.messages import Channel

MOST_AT_ONCE = 1000

Kind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Reason = Annotated[Text, Field(min_length=1, max_length=300)]
SubjectId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class MessageState(StrEnum):
    """`unknown`: nobody can say whether it went out."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    GIVEN_UP = "given_up"


class MessageFilter(Command):
    """Which messages; what is not given does not matter. `since` and `until` mean when they were written."""

    channel: Channel | None = None
    kind: Kind | None = None
    customer_id: Id | None = None
    subject: Kind | None = None
    subject_id: SubjectId | None = None
    since: Moment | None = None
    until: Moment | None = None


class MessageQuery(MessageFilter):
    """`unsettled`: those that wait for a person. `before`: the last message of the page before; the newest come
    first.
    """

    state: MessageState | None = None
    unsettled: bool = False
    before: Id | None = None
    limit: Limit = PAGE


class MessageStep(Command):
    """What is to become of it, as it was looked at: a message that moved on meanwhile is left alone."""

    state: Literal["failed", "unknown", "given_up"]


class GiveUp(Command):
    """Nobody is to send it; the customer was told otherwise, or need not be told."""

    state: Literal["failed", "unknown"]
    reason: Reason


class ResendMany(MessageFilter):
    """Send again what fits, the oldest first. Those whose fate is unknown may arrive twice, so they are sent
    only when they are asked for by name.
    """

    state: Literal["failed", "unknown"] = "failed"
    limit: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)] = MOST_AT_ONCE


class TemplateWords(Command):
    """Words of the business's own, with placeholders such as {number}. Without `channel` for every channel."""

    kind: Kind
    language: Literal["zh", "en"]
    channel: Channel | None = None
    subject: Annotated[Text, Field(min_length=1, max_length=200)]
    body: Annotated[Text, Field(min_length=1, max_length=2000)]


class NewTemplate(TemplateWords):
    """`version` is that of the own words that were looked at, None when there were none."""

    version: Version | None = None


class Choice(Command):
    """Whether customers are told of a kind of message. `version` is that of the choice that was looked at, None when
    there was none.
    """

    told: bool
    version: Version | None = None


class Preview(TemplateWords):
    """How the words would read; what is not given in `params` is shown by an example."""

    params: Annotated[dict[Kind, Annotated[str, Field(max_length=200)]], Field(max_length=20)] = (
        Field(default_factory=dict)
    )
