"""What may be asked of the line."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from crm_core.customers import fields as customer_fields
from crm_core.fields import PAGE, Command, Limit, Moment, Text, Versioned
from crm_core.text import printable
from ivr.menu import Language

MOST_TEXT = 60_000
LineText = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=MOST_TEXT)]
Number = Annotated[int, Field(ge=1, le=1_000_000_000)]
Key = Annotated[str, StringConstraints(pattern=r"^[0-9*#]?$")]
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


class TrialCall(Command):
    """A call that nobody makes: to the number `did`, at `at` (now), from `caller`; without one nothing is known of who
    calls. `language`: what is spoken at first, that of the caller if not given.
    """

    did: Annotated[Text, Field(min_length=1, max_length=40)]
    caller: customer_fields.Number | None = None
    at: Moment | None = None
    language: Language | None = None


class TryLine(TrialCall):
    """`keys` in turn, "" for a silence, then silence. `text`: a line file that is not live yet."""

    keys: Annotated[tuple[Key, ...], Field(max_length=200)] = ()
    text: LineText | None = None
