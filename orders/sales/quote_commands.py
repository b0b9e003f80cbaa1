"""What may be asked of quotes."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from crm_core.fields import PAGE, CallId, Command, Id, Limit, Text
from orders.lines import MOST_OF_ONE
from orders.methods import Method

Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]


class QuoteLine(Command):
    """`discount_percent` comes off the customer's own price."""

    sku: Annotated[Text, Field(min_length=1, max_length=40)]
    quantity: Annotated[int, Field(ge=1, le=MOST_OF_ONE)]
    discount_percent: Percent = Decimal(0)


def _each_once(lines: tuple[QuoteLine, ...]) -> tuple[QuoteLine, ...]:
    if len({line.sku for line in lines}) != len(lines):
        raise ValueError("a product stands in two lines: put them together")
    return lines


class QuoteContent(Command):
    lines: Annotated[
        tuple[QuoteLine, ...], Field(min_length=1, max_length=200), AfterValidator(_each_once)
    ]
    valid_until: Day
    note: Annotated[Text, Field(max_length=500)] | None = None

    @property
    def discounts(self) -> dict[str, Decimal]:
        """What comes off, by product, where anything does."""
        return {line.sku: line.discount_percent for line in self.lines if line.discount_percent}


class NewQuote(QuoteContent):
    """For a customer, or for an opportunity of the customer's."""

    customer_id: Id
    opportunity_id: Id | None = None


class RejectQuote(Command):
    reason: Annotated[Text, Field(min_length=1, max_length=200)]


class AcceptQuote(Command):
    """What the order needs besides."""

    call_id: CallId | None = None
    address: Annotated[Text, Field(max_length=300)] | None = None
    note: Annotated[Text, Field(max_length=500)] | None = None
    payment: Method | None = None


class QuoteQuery(Command):
    """`before`: the last quote of the page before; the newest come first."""

    customer_id: Id | None = None
    opportunity_id: Id | None = None
    before: Id | None = None
    limit: Limit = PAGE
