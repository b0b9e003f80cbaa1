"""Refusals of after-sales. Rule: a refusal leaves nothing behind.

DomainError
├── NotFound
│   ├── UnknownReturn       no such return
│   └── UnknownException    no such exception
├── Conflict
│   ├── NothingDelivered    the order's goods are not with the customer (fields: status)
│   ├── MoreThanOrdered     more would come back than was ordered (fields: line_no, left)
│   ├── ReturnTooLate       the days for returning are over (fields: line_no, until)
│   ├── ReturnClosed        this step is not possible any more (fields: state)
│   ├── MoneyStillOpen      money of the order is still to go back (fields: open)
│   ├── ExceptionClosed     this step is not possible any more (fields: state)
│   ├── BeyondLevel         more than this level may give (fields: level, most, cost)
│   ├── OrderStillOpen      money is given back of what was shipped (fields: status)
│   ├── NoHigherLevel       there is none above
│   └── SameKeyOther        the key was used for something else
└── Invalid
    └── WrongCount          what was counted is not what was to come (fields: line_no)
"""

from datetime import datetime
from decimal import Decimal

from crm_core.errors import Conflict, Invalid, NotFound


class UnknownReturn(NotFound):
    code = "unknown_return"

    def __init__(self, return_id: int) -> None:
        super().__init__(f"There is no return {return_id}.", fields={"return_id": return_id})


class UnknownException(NotFound):
    code = "unknown_exception"

    def __init__(self, exception_id: int) -> None:
        super().__init__(
            f"There is no exception {exception_id}.", fields={"exception_id": exception_id}
        )


class NothingDelivered(Conflict):
    code = "nothing_delivered"

    def __init__(self, status: str) -> None:
        super().__init__(
            f"The goods of an order that is {status} cannot be returned: only those of one that was "
            "delivered or refused, and of a refused one as a refused delivery.",
            fields={"status": status},
        )


class MoreThanOrdered(Conflict):
    code = "more_than_ordered"

    def __init__(self, line_no: int, left: int) -> None:
        super().__init__(
            f"Of line {line_no} {left} can still come back: return no more than that.",
            fields={"line_no": line_no, "left": left},
        )


class ReturnTooLate(Conflict):
    code = "return_too_late"

    def __init__(self, line_no: int, until: datetime) -> None:
        super().__init__(
            f"Line {line_no} could be returned until {until:%Y-%m-%d}: a supervisor may allow it with "
            "a reason.",
            fields={"line_no": line_no, "until": until.isoformat()},
        )


class ReturnClosed(Conflict):
    code = "return_closed"

    def __init__(self, state: str, action: str) -> None:
        super().__init__(
            f"A return that is {state} cannot be {action}: look at it as it is now.",
            fields={"state": state},
        )


class MoneyStillOpen(Conflict):
    code = "money_still_open"

    def __init__(self, amount: Decimal) -> None:
        super().__init__(
            f"{amount} of this order are still to go back to the customer: give them back first.",
            fields={"open": str(amount)},
        )


class ExceptionClosed(Conflict):
    code = "exception_closed"

    def __init__(self, state: str, action: str) -> None:
        super().__init__(
            f"An exception that is {state} cannot be {action}: look at it as it is now.",
            fields={"state": state},
        )


class BeyondLevel(Conflict):
    code = "beyond_level"

    def __init__(self, level: int, most: Decimal, cost: Decimal) -> None:
        super().__init__(
            f"Level {level} may give up to {most}, and this is worth {cost}: escalate it.",
            fields={"level": level, "most": str(most), "cost": str(cost)},
        )


class OrderStillOpen(Conflict):
    code = "order_still_open"

    def __init__(self, status: str) -> None:
        super().__init__(
            f"Money is given back of orders that were shipped, and this one is {status}: change or "
            "cancel it instead.",
            fields={"status": status},
        )


class NoHigherLevel(Conflict):
    code = "no_higher_level"

    def __init__(self) -> None:
        super().__init__("This is the highest level: decide it here.")


class SameKeyOther(Conflict):
    code = "same_key_other"

    def __init__(self) -> None:
        super().__init__("This key was used for something else: use a new key.")


class WrongCount(Invalid):
    code = "wrong_count"

    def __init__(self, line_no: int, quantity: int) -> None:
        super().__init__(
            f"Of line {line_no} {quantity} were to come: count good, damaged and missing ones to that number, "
            "each line once.",
            fields={"line_no": line_no, "quantity": quantity},
        )
