"""Refusals of delivery.

DomainError
├── NotFound
│   ├── UnknownCourier       no such courier
│   ├── UnknownWaybill       no such waybill
│   └── UnknownRun           no such load list
├── Conflict
│   ├── NoCourier            none can carry this order (fields: each courier's reasons)
│   ├── NumbersUsedUp        the courier's waybill numbers are used up: enter a new range
│   ├── WaybillState         the waybill's state does not allow it (fields: state)
│   ├── WaybillExists        the order has a waybill, or the number is taken
│   ├── WaybillOutdated      the order is no longer as the waybill says (fields: numbers)
│   ├── OnLoadList           the waybill stands on a load list (fields: run)
│   ├── NotInPicking         these orders are not being picked (fields: each order's status)
│   ├── OverCapacity         the vehicle cannot carry it (fields: what, by)
│   └── RunState             the load list's state does not allow it (fields: state)
└── Invalid
    └── BadWaybillNumber     form or check digit
"""

from collections.abc import Mapping, Sequence

from crm_core.errors import Conflict, Invalid, NotFound


class UnknownCourier(NotFound):
    code = "unknown_courier"

    def __init__(self, courier: str) -> None:
        super().__init__(f"There is no courier {courier}.", fields={"courier_code": "unknown"})


class UnknownWaybill(NotFound):
    code = "unknown_waybill"


class UnknownRun(NotFound):
    code = "unknown_run"

    def __init__(self, run_id: int) -> None:
        super().__init__(f"There is no load list {run_id}.", fields={"run_id": run_id})


class NoCourier(Conflict):
    code = "no_courier"


class NumbersUsedUp(Conflict):
    code = "numbers_used_up"


class WaybillState(Conflict):
    code = "waybill_state"

    def __init__(self, number: str, state: str) -> None:
        super().__init__(
            f"Waybill {number} is {state}: look at it as it is now.", fields={"state": state}
        )


class WaybillExists(Conflict):
    code = "waybill_exists"


class WaybillOutdated(Conflict):
    code = "waybill_outdated"

    def __init__(self, numbers: Sequence[str]) -> None:
        super().__init__(
            f"What is ordered or owed has changed since {', '.join(numbers)} was made: make another waybill.",
            fields={"numbers": list(numbers)},
        )


class OnLoadList(Conflict):
    code = "on_load_list"

    def __init__(self, number: str, run: str) -> None:
        super().__init__(
            f"Waybill {number} stands on load list {run}: take it off first.", fields={"run": run}
        )


class NotInPicking(Conflict):
    code = "not_in_picking"

    def __init__(self, statuses: Mapping[str, str]) -> None:
        named = ", ".join(f"{number} ({status})" for number, status in statuses.items())
        super().__init__(
            f"Only orders in status picking are picked, and these are not: {named}. Leave them out, or move them to"
            " picking first.",
            fields={**statuses},
        )


class OverCapacity(Conflict):
    code = "over_capacity"


class RunState(Conflict):
    code = "run_state"

    def __init__(self, number: str, state: str) -> None:
        super().__init__(
            f"Load list {number} is {state}: this cannot be done with it any more, or not yet.",
            fields={"state": state},
        )


class BadWaybillNumber(Invalid):
    code = "bad_waybill_number"
