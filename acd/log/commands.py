"""What may be asked of the keypad log (IVR 日志)."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import PAGE, Command, Limit, Moment, Text

DAYS = 31
"""So far back it looks when `since` is not given."""
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Keys = Annotated[str, Field(pattern=r"^[0-9*#](-[0-9*#])*$", max_length=99)]
Did = Annotated[Text, Field(min_length=1, max_length=80)]
LineNumber = Annotated[int, Field(ge=0, le=999_999_999)]


class _Range(Command):
    since: Moment | None = None
    until: Moment | None = None
    did: Did | None = None
    version: LineNumber | None = Field(default=None, description="the version of the line")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("until must be later than since")
        return self


class LogSearch(_Range):
    """Calls by what was done with keys. Without `since`, those of the 31 days before `until`."""

    caller: Annotated[Text, Field(max_length=40)] | None = None
    menu: Code | None = Field(default=None, description="a menu that was heard")
    keys: Keys | None = Field(
        default=None, description="the keys that led on, from the first: 1-2 finds 1-2 and 1-2-3"
    )
    outcome: Code | None = None
    wrong_keys: Annotated[int, Field(ge=1, le=999)] | None = Field(
        default=None, description="at least so many wrong keys"
    )
    service: Code | None = None
    left_at: Code | None = Field(default=None, description="the menu in which the caller hung up")


class LogQuery(LogSearch):
    """`after` is the `next` of the page before."""

    after: Annotated[Text, Field(max_length=100)] | None = None
    limit: Limit = PAGE


class BranchQuery(_Range):
    """Which calls to count. Without `since`, those of the 31 days before `until`."""
