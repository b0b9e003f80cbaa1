"""Kinds of input that the rooms share. Rule: what passes here fits its column and PostgreSQL, so that
bad input is refused by name and never becomes an error of ours.
"""

from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from crm_core.numbers import is_masked, normalise
from crm_core.text import printable

_FIRST_YEAR, _LAST_YEAR = 1970, 2199
PAGE, LONGEST_PAGE = 50, 200


def _within_reason(value: datetime) -> datetime:
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"give a time between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return value


def in_full(number: str) -> str:
    """Raises ValueError for a masked number, which a reader who sees none in full sends back."""
    if is_masked(number):
        raise ValueError(
            f"“{number[:40]}” is masked and no number: write it in full, or leave it as it is"
        )
    return number


def _number(value: str) -> str:
    number = normalise(value)
    if number is None:
        raise ValueError("this is no telephone number: write it in full, not a hidden one")
    return number


Text = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(printable)]
Id = Annotated[int, Field(ge=1, le=999_999_999)]
Version = Annotated[int, Field(ge=1, le=999_999_999)]
CallId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Moment = Annotated[AwareDatetime, AfterValidator(_within_reason)]
Limit = Annotated[int, Field(ge=1, le=LONGEST_PAGE)]
Number = Annotated[Text, Field(max_length=40), AfterValidator(_number)]
"""A telephone number, in the form that it is kept in."""


class Command(BaseModel):
    """What may be asked of a service, and nothing besides."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Versioned(Command):
    """An edit names the version of the record that its author looked at."""

    version: Version
