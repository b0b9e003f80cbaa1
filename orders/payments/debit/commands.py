"""What may be asked of bank debit."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from crm_core.fields import PAGE, Command, Id, Limit, Text
from orders.payments.debit.file import MOST_LINES, fits
from orders.sales.quote_commands import Day


def _fits(text: str) -> str:
    if not fits(text):
        raise ValueError("the bank's file has only signs of GBK and no bar")
    return text


class NewDebitAccount(Command):
    """An account whose owner agreed to be debited; `bank_code` is the bank's number in the payment system."""

    account_no: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9-]{6,32}[0-9]$")]
    account_name: Annotated[Text, Field(min_length=1, max_length=60), AfterValidator(_fits)]
    bank_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
    mandate: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,32}$")]


class NewBatch(Command):
    """Orders to be paid by debit: those named, else all that are delivered and not paid."""

    due_on: Day
    order_ids: Annotated[tuple[Id, ...], Field(max_length=MOST_LINES)] = ()


class BatchQuery(Command):
    """The newest first, before `before`."""

    before: Id | None = None
    limit: Limit = PAGE
