"""What may be asked of the line."""

from typing import Annotated

from pydantic import AfterValidator, Field

from crm_core.fields import PAGE, Command, Limit, Text, Versioned
from crm_core.text import printable

MOST_TEXT = 60_000
LineText = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=MOST_TEXT)]
Number = Annotated[int, Field(ge=1, le=1_000_000_000)]
Note = Annotated[Text, Field(max_length=200)]


class CheckLine(Command):
    """A line file to be looked through, not applied."""

    text: LineText


class ApplyLine(Versioned):
    """The whole line file anew, made from `version`."""

    text: LineText
    note: Note = ""


class RollBackLine(Versioned):
    """The text of version `to` again, as a new version; `version` is the one that is live now."""

    to: Number
    note: Note = ""


class LineQuery(Command):
    """Versions, the newest first, from before `before` on."""

    before: Number | None = None
    limit: Limit = PAGE
