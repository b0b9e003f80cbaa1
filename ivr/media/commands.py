"""What may be asked of the report of adverts."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import Command, Moment, Text

DAYS = 31
"""So far back it looks when `since` is not given."""


class Grouping(StrEnum):
    """`did` is the number called, `hour` that of the day (0 to 23); days and hours are the company's."""

    MEDIUM = "medium"
    DID = "did"
    DAY = "day"
    HOUR = "hour"


class MediaQuery(Command):
    """Without `since`, the 31 days before `until`."""

    since: Moment | None = None
    until: Moment | None = None
    medium: Annotated[Text, Field(max_length=100)] | None = None
    did: Annotated[Text, Field(max_length=80)] | None = None
    by: Annotated[tuple[Grouping, ...], Field(max_length=4)] = (Grouping.MEDIUM,)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("until must be later than since")
        return self
