"""Refusals of invoices.

DomainError
├── NotFound
│   └── UnknownInvoice     no such invoice or title
└── Conflict
    ├── NothingToInvoice   all of the order is invoiced, or it was not carried out
    ├── InvoiceClosed      it was issued or made void before (fields: state)
    ├── MoreThanInvoiced   a red letter takes back no more than is left (fields: left)
    ├── NumberUsed         another invoice has this number
    └── NoTitle            a special invoice needs a title with all the buyer's data (fields: names)
"""

from decimal import Decimal

from crm_core.errors import Conflict, NotFound


class UnknownInvoice(NotFound):
    code = "unknown_invoice"

    def __init__(self, what: str, number: int) -> None:
        super().__init__(f"There is no {what} {number}.")


class NothingToInvoice(Conflict):
    code = "nothing_to_invoice"

    def __init__(self) -> None:
        super().__init__("Nothing of this order is left to be invoiced.")


class InvoiceClosed(Conflict):
    code = "invoice_closed"

    def __init__(self, state: str) -> None:
        super().__init__(f"This invoice is {state}: look at it again.", fields={"state": state})


class MoreThanInvoiced(Conflict):
    code = "more_than_invoiced"

    def __init__(self, line: int, left: Decimal) -> None:
        super().__init__(
            f"Of line {line} only {left} is left to take back.", fields={"left": str(left)}
        )


class NumberUsed(Conflict):
    code = "invoice_number_used"


class NoTitle(Conflict):
    code = "no_invoice_title"

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(
            "Enter the buyer's title first; a special invoice needs every part of it.",
            fields=dict.fromkeys(missing, "missing"),
        )
