"""Refusals of orders. Rule: a refusal leaves nothing behind; the whole order was rolled back.

DomainError
├── NotFound
│   ├── UnknownProduct     no such product, or it is no longer sold (fields: sku)
│   ├── UnknownUnit        the product is not sold in this unit (fields: sku, unit)
│   ├── UnknownOrder       no such order
│   ├── UnknownQuote       no such quote
│   ├── UnknownWarehouse   no such warehouse, or it is closed (fields: warehouse)
│   ├── UnknownBatch       no such batch there (fields: sku, batch_no)
│   └── UnknownDocument    no such stock document
├── Conflict
│   ├── OutOfStock         fewer are free than wanted (fields: sku, available)
│   ├── TooMuchStock       more than a balance can hold (fields: sku, most)
│   ├── BatchDiffers       the batch is known with other dates (fields: sku, batch_no)
│   ├── DocumentClosed     the document's state does not allow it (fields: state)
│   ├── OverCredit         the customer's credit does not cover it (fields: total)
│   ├── SameKeyOtherOrder  the key was used for an order of other content
│   ├── SameKeyOtherDocument  the key was used for a stock document of other content
│   ├── MoveNotAllowed     the status table has no such move (fields: status, to)
│   ├── ReturnNeeded       goods come back by a return alone (fields: status, to)
│   ├── EditNotAllowed     the order is past changing (fields: status)
│   ├── ChangedMeanwhile   somebody else has changed the order (fields: version)
│   ├── InvoiceAskedFor    the order's invoice was asked for as it was wished (fields: number)
│   ├── OverQuota          more than the customer may order now (fields: goods, left, period)
│   ├── OrderWindowClosed  no orders are taken from this customer now (fields: opens)
│   ├── ReviewRejected     the rules of review do not accept it (fields: reasons)
│   ├── BeyondLimit        more than this person's role may approve (fields: what, most)
│   ├── NoReviewLimit      nobody has said how much this person's role may approve (fields: role)
│   ├── NotPaid            more is owed than this person's role may waive (fields: owed, most)
│   ├── QuoteClosed        accepted, rejected or replaced before (fields: state)
│   └── QuoteExpired       its last day is over (fields: valid_until)
└── Invalid
    ├── BadOrder           a line or a text cannot be accepted
    └── BadDocument        a stock document cannot be accepted
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from crm_core.errors import Conflict, Invalid, NotFound


class UnknownProduct(NotFound):
    code = "unknown_product"

    def __init__(self, sku: str) -> None:
        super().__init__(f"There is no product {sku} on sale.", fields={"sku": sku})


class UnknownUnit(NotFound):
    code = "unknown_unit"

    def __init__(self, sku: str, unit: str) -> None:
        super().__init__(
            f"{sku} is not sold by the {unit}: choose one of its units.",
            fields={"sku": sku, "unit": unit},
        )


class UnknownOrder(NotFound):
    code = "unknown_order"


class OutOfStock(Conflict):
    code = "out_of_stock"

    def __init__(self, sku: str, available: int) -> None:
        super().__init__(
            f"Only {available} of {sku} are free: take fewer, or another product.",
            fields={"sku": sku, "available": available},
        )


class TooMuchStock(Conflict):
    code = "too_much_stock"

    def __init__(self, sku: str, most: int) -> None:
        super().__init__(
            f"No warehouse holds more than {most} of {sku}: check the quantity.",
            fields={"sku": sku, "most": most},
        )


class BatchDiffers(Conflict):
    code = "batch_differs"

    def __init__(self, sku: str, batch_no: str) -> None:
        super().__init__(
            f"Batch {batch_no} of {sku} is there with another last day: check the number and the dates.",
            fields={"sku": sku, "batch_no": batch_no},
        )


class DocumentClosed(Conflict):
    code = "document_closed"

    def __init__(self, state: str) -> None:
        super().__init__(
            f"This document is {state}: make another one, or reverse it.", fields={"state": state}
        )


class OverCredit(Conflict):
    code = "over_credit"

    def __init__(self, total: Decimal) -> None:
        super().__init__(
            "The customer's credit does not cover this order: raise the limit or wait for payment.",
            fields={"total": str(total)},
        )


class SameKeyOtherOrder(Conflict):
    code = "same_key_other_order"

    def __init__(self, number: str) -> None:
        super().__init__(
            f"This key already placed order {number} with other content: use a new key.",
            fields={"number": number},
        )


class SameKeyOtherDocument(Conflict):
    code = "same_key_other_document"

    def __init__(self, number: str) -> None:
        super().__init__(
            f"This key already made document {number} with other content: use a new key.",
            fields={"number": number},
        )


class MoveNotAllowed(Conflict):
    code = "move_not_allowed"

    def __init__(self, status: str, to: str) -> None:
        super().__init__(
            f"An order in status {status} cannot become {to}.", fields={"status": status, "to": to}
        )


class ReturnNeeded(Conflict):
    code = "return_needed"

    def __init__(self, status: str, to: str) -> None:
        super().__init__(
            f"An order becomes {to} when its goods have come back: enter a return and receive it.",
            fields={"status": status, "to": to},
        )


class EditNotAllowed(Conflict):
    code = "edit_not_allowed"

    def __init__(self, status: str) -> None:
        super().__init__(
            f"An order in status {status} can no longer be changed: take it back to review first, or "
            "place another order.",
            fields={"status": status},
        )


class ChangedMeanwhile(Conflict):
    code = "changed_meanwhile"

    def __init__(self, version: int) -> None:
        super().__init__(
            "Somebody else has changed this order since you opened it: look at it as it is now.",
            fields={"version": version},
        )


class InvoiceAskedFor(Conflict):
    code = "invoice_asked_for"

    def __init__(self, number: str) -> None:
        super().__init__(
            f"The invoice of {number} is asked for already: have that request dropped, and ask for another.",
            fields={"number": number},
        )


class OverQuota(Conflict):
    code = "over_quota"

    def __init__(self, goods: str, left: int, period: str) -> None:
        super().__init__(
            f"Of {goods} this customer may order {left} more in this {period}: order fewer, or ask for more.",
            fields={"goods": goods, "left": left, "period": period},
        )


class OrderWindowClosed(Conflict):
    code = "order_window_closed"

    def __init__(self, opens: datetime | None) -> None:
        when = f"again from {opens:%Y-%m-%d %H:%M}" if opens else "at no time"
        super().__init__(
            f"Orders from this customer are taken {when}.",
            fields={"opens": opens.isoformat() if opens else None},
        )


class ReviewRejected(Conflict):
    code = "review_rejected"

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(
            f"The rules of review do not accept this order: {'; '.join(reasons)}.",
            fields={"reasons": list(reasons)},
        )


class BeyondLimit(Conflict):
    code = "beyond_limit"

    def __init__(self, what: str, most: Decimal) -> None:
        super().__init__(
            f"Your role may approve up to {most} ({what} of the order with its parts): ask somebody who may"
            " approve more.",
            fields={"what": what, "most": str(most)},
        )


class NoReviewLimit(Conflict):
    code = "no_review_limit"

    def __init__(self, role: str) -> None:
        super().__init__(
            f"Nobody has said how much the role {role} may approve, so it approves nothing: have its review"
            f" limit set (PUT /api/order-review-limits/{role}).",
            fields={"role": role},
        )


class NotPaid(Conflict):
    code = "not_paid"

    def __init__(self, owed: Decimal, most: Decimal) -> None:
        super().__init__(
            f"Of this order {owed} are not paid, and {most} is the most that you may waive: book the payment, or"
            " ask somebody who may waive more.",
            fields={"owed": str(owed), "most": str(most)},
        )


class UnknownQuote(NotFound):
    code = "unknown_quote"

    def __init__(self, quote_id: int) -> None:
        super().__init__(f"There is no quote {quote_id}.", fields={"quote_id": quote_id})


class QuoteClosed(Conflict):
    code = "quote_closed"

    def __init__(self, state: str) -> None:
        super().__init__(f"This quote is {state} already.", fields={"state": state})


class QuoteExpired(Conflict):
    code = "quote_expired"

    def __init__(self, valid_until: date) -> None:
        super().__init__(
            f"This quote was valid until {valid_until}: make a new one of it.",
            fields={"valid_until": valid_until.isoformat()},
        )


class BadOrder(Invalid):
    code = "bad_order"


class UnknownWarehouse(NotFound):
    code = "unknown_warehouse"

    def __init__(self, warehouse: str) -> None:
        super().__init__(
            f"There is no open warehouse {warehouse}: choose another one.",
            fields={"warehouse": warehouse},
        )


class UnknownBatch(NotFound):
    code = "unknown_batch"

    def __init__(self, sku: str, batch_no: str) -> None:
        super().__init__(
            f"There is no batch {batch_no} of {sku} in this warehouse.",
            fields={"sku": sku, "batch_no": batch_no},
        )


class UnknownDocument(NotFound):
    code = "unknown_document"

    def __init__(self, document_id: int) -> None:
        super().__init__(
            f"There is no stock document {document_id}.", fields={"document_id": document_id}
        )


class BadDocument(Invalid):
    code = "bad_document"
