"""What may be asked about personal data."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from crm_core.fields import PAGE, Command, Id, Limit, Text


class RequestKind(StrEnum):
    ACCESS = "access"
    ERASURE = "erasure"


class RequestState(StrEnum):
    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"


class NewRequest(Command):
    """`identified_by`: how it was made sure that the person is who they say; it names nobody."""

    customer_id: Id
    kind: RequestKind
    identified_by: Annotated[Text, Field(min_length=1, max_length=200)]


class Refusal(Command):
    """Why the law allows to refuse; it names nobody."""

    reason: Annotated[Text, Field(min_length=1, max_length=500)]


class RequestQuery(Command):
    """`after`: the last request of the page before; the oldest open ones come first."""

    state: RequestState = RequestState.OPEN
    after: Id | None = None
    limit: Limit = PAGE
