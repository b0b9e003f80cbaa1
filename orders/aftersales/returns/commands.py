"""What may be asked of returns."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Moment, Text, Versioned
from orders.aftersales.returns.flow import Kind, State, Way, Why
from orders.lines import MOST_LINES, MOST_OF_ONE

Words = Annotated[Text, Field(min_length=1, max_length=300)]
LineNo = Annotated[int, Field(ge=1, le=MOST_LINES)]
_Many = Annotated[int, Field(ge=0, le=MOST_OF_ONE)]


class GoodsBack(Command):
    """So many of a line of the order, in the line's unit."""

    line_no: LineNo
    quantity: Annotated[int, Field(ge=1, le=MOST_OF_ONE)]


class NewReturn(Command):
    """Without lines everything that is still with the customer. `late_reason` is why a supervisor takes it after
    its time.
    """

    kind: Kind = Kind.RETURN
    way: Way = Way.POST
    reason_code: Why
    reason: Annotated[Text, Field(max_length=500)] | None = None
    late_reason: Words | None = None
    lines: Annotated[tuple[GoodsBack, ...], Field(max_length=MOST_LINES)] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({line.line_no for line in self.lines}) != len(self.lines):
            raise ValueError("lines: a line stands there twice")
        return self


class Approval(Versioned):
    """`waybill_id` is the waybill of the order by which the goods come back."""

    waybill_id: Id | None = None
    words: Words | None = None


class Counted(Command):
    """What came of one line."""

    line_no: LineNo
    good: _Many = 0
    damaged: _Many = 0
    missing: _Many = 0


class Receipt(Versioned):
    """Every line of the return, counted."""

    lines: Annotated[tuple[Counted, ...], Field(min_length=1, max_length=MOST_LINES)]
    words: Words | None = None


class Ending(Versioned):
    """Why it is rejected or cancelled."""

    reason: Words


class Closing(Versioned):
    words: Words | None = None


class ReturnQuery(Command):
    """The newest first, before `before`; `open`: those that are not at their end."""

    order_id: Id | None = None
    customer_id: Id | None = None
    kind: Kind | None = None
    state: State | None = None
    open: bool = False
    since: Moment | None = None
    before: Id | None = None
    limit: Limit = PAGE


class TermContent(Command):
    """Days after the delivery, None: at any time; version 0 makes a new term."""

    days: Annotated[int, Field(ge=0, le=3650)] | None = None
    version: Annotated[int, Field(ge=0, le=999_999_999)]
