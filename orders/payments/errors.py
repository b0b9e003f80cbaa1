"""Refusals of payments. Rule: a refusal leaves nothing behind.

DomainError
├── NotFound
│   └── UnknownPayment      no such attempt, refund, difference, batch or statement
├── Conflict
│   ├── NothingToPay        the order is paid, or is not to be paid (fields: owed)
│   ├── PaymentOpen         another attempt is still open (fields: payment_id)
│   ├── MoreThanRefundable  only what is not owed goes back (fields: refundable)
│   ├── AlreadyBooked       this transaction is in the ledger
│   ├── SameKeyOtherPayment the key was used for something else
│   ├── AlreadyResolved     somebody has resolved this difference
│   └── NoGateway           no payment gateway is set up
├── Invalid
│   ├── BadStatement        the file is no statement of this gateway
│   └── BadDebitFile        the file is no answer to this batch
└── NoticeRefused           a call-back that is not the gateway's
"""

from decimal import Decimal

from crm_core.errors import Conflict, DomainError, Invalid, NotFound


class UnknownPayment(NotFound):
    code = "unknown_payment"


class NothingToPay(Conflict):
    code = "nothing_to_pay"

    def __init__(self, owed: Decimal) -> None:
        super().__init__(
            f"Of this order {owed} is still to be paid: ask for no more than that.",
            fields={"owed": str(owed)},
        )


class PaymentOpen(Conflict):
    code = "payment_open"

    def __init__(self, payment_id: int) -> None:
        super().__init__(
            "Another payment of this order is still open: use it, or wait until it has expired.",
            fields={"payment_id": payment_id},
        )


class MoreThanRefundable(Conflict):
    code = "more_than_refundable"

    def __init__(self, refundable: Decimal) -> None:
        super().__init__(
            f"{refundable} of this order can go back: what is paid beyond what is owed.",
            fields={"refundable": str(refundable)},
        )


class AlreadyBooked(Conflict):
    code = "already_booked"


class SameKeyOtherPayment(Conflict):
    code = "same_key_other_payment"

    def __init__(self) -> None:
        super().__init__("This key was used for something else: use a new key.")


class AlreadyResolved(Conflict):
    code = "already_resolved"


class NoGateway(Conflict):
    code = "no_gateway"

    def __init__(self) -> None:
        super().__init__("No payment gateway is set up: enter the section [wechat_pay].")


class BadStatement(Invalid):
    code = "bad_statement"


class BadDebitFile(Invalid):
    code = "bad_debit_file"


class NoticeRefused(DomainError):
    code = "notice_refused"
