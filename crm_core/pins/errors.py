"""Refusals of PINs.

DomainError
├── WrongPin     customer code and PIN do not belong together, or there is no PIN
└── PinLocked    too many wrong ones: wait, or have a new one set
"""

from datetime import datetime

from crm_core.errors import DomainError


class WrongPin(DomainError):
    code = "wrong_pin"

    def __init__(self) -> None:
        super().__init__("This is not the customer's PIN.")


class PinLocked(DomainError):
    code = "pin_locked"

    def __init__(self, until: datetime | None = None) -> None:
        super().__init__(
            "Too many wrong PINs: wait, or have a new one set.",
            fields={} if until is None else {"until": until.isoformat()},
        )
