"""What may be asked of invoices."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from crm_core.fields import PAGE, Command, Id, Limit, Moment, Text
from orders.buyers import Kind, TitleContent
from orders.payments.commands import Money


class NewTitle(TitleContent):
    """`is_main`: used when none is named. Of one that is there, what is not given stays."""

    is_main: bool = True


class NewInvoice(Command):
    """All of the order that is not invoiced yet: when nothing is said, as it was wished with the order; without
    `title_id` to the customer's main title.
    """

    kind: Kind = Kind.NORMAL
    electronic: bool = True
    title_id: Id | None = None


class RedLine(Command):
    order_line: Annotated[int, Field(ge=1, le=10_000)]
    amount: Money


class RedLetter(Command):
    """Without `lines` all that is left of the invoice."""

    reason: Annotated[Text, Field(min_length=1, max_length=200)]
    lines: Annotated[tuple[RedLine, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({line.order_line for line in self.lines}) != len(self.lines):
            raise ValueError("lines: a line stands there twice")
        return self


class Issued(Command):
    """What the tax system gave: `code` only where the kind has one (全电发票 have a number of 20 digits alone)."""

    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}([0-9]{12})?$")]
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{10}([0-9]{2})?$")] | None = None
    issued_at: Moment


class Voided(Command):
    """A request that is not to be issued any more."""

    reason: Annotated[Text, Field(min_length=1, max_length=200)]


class InvoiceQuery(Command):
    """The newest first, before `before`. `to_take_back`: those issued for orders that were not carried out."""

    to_take_back: bool = False
    state: Annotated[str, StringConstraints(pattern=r"^(requested|issued|void)$")] | None = None
    order_id: Id | None = None
    before: Id | None = None
    limit: Limit = PAGE
