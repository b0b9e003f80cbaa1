"""What may be asked of payments."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from crm_core.fields import PAGE, Command, Id, Limit, Moment, Text
from orders.methods import Method
from orders.payments.flow import State

Money = Annotated[Decimal, Field(gt=0, le=1_000_000_000, decimal_places=2)]


class StartPayment(Command):
    """Without `amount` all that is still owed."""

    amount: Money | None = None
    minutes: Annotated[int, Field(ge=5, le=1440)] = 30


class StartRefund(Command):
    """Through the gateway by which `payment_id` came in."""

    payment_id: Id
    amount: Money
    words: Annotated[Text, Field(min_length=1, max_length=80)]


class ByHand(StrEnum):
    """The ways of paying that a person can see and enter."""

    TRANSFER = Method.TRANSFER
    CASH_ON_DELIVERY = Method.CASH_ON_DELIVERY
    CASH = Method.CASH
    ACCOUNT = Method.ACCOUNT


class EnteredMoney(Command):
    """`reference` is the number on the bank's slip or the receipt: entered twice it counts once."""

    amount: Money
    method: ByHand
    reference: Annotated[Text, Field(min_length=1, max_length=40)]
    paid_at: Moment


class Resolution(Command):
    """`book`: the money that came in is this order's and goes into the ledger."""

    reason: Annotated[Text, Field(min_length=1, max_length=300)]
    book: bool = False


class DifferenceQuery(Command):
    """The newest first, before `before`."""

    state: Annotated[str, StringConstraints(pattern=r"^(open|resolved)$")] | None = None
    order_id: Id | None = None
    before: Id | None = None
    limit: Limit = PAGE


class PaymentQuery(Command):
    """The newest first, before `before`."""

    state: State | None = None
    before: Id | None = None
    limit: Limit = PAGE
