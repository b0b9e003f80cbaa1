"""Refusals of settlement. Rule: a refusal leaves nothing behind. What lies in a closed period is refused by the
database itself (`crm_core.refused`, code `period_closed`).

DomainError
├── NotFound
│   ├── UnknownPeriod        no such accounting period
│   ├── UnknownParty         no such courier or supplier
│   └── UnknownSettlement    no such settlement, difference or charge
├── Conflict
│   ├── NotNext              periods follow each other: closed in order, the last reopened (fields: period)
│   ├── PeriodNotOver        its last day is not over yet (fields: ends)
│   ├── PeriodNotReady       something is still open (fields: the counts)
│   ├── BookingsUnderWay     somebody is booking just now, longer than can be waited
│   ├── PeriodChanged        somebody else has changed it meanwhile (fields: version)
│   ├── DraftOpen            this party has a draft already (fields: settlement_id)
│   ├── SettlementState      it is past that, or not there yet (fields: state)
│   ├── SettlementChanged    somebody else has changed it meanwhile (fields: version)
│   ├── OpenDifferences      differences wait for somebody (fields: open)
│   ├── DifferenceResolved   somebody has resolved this difference
│   ├── MoreThanBalance      more would be paid than is left (fields: left)
│   └── AlreadyEntered       this reference is entered already
└── Invalid
    └── BadPartyStatement    the file is no statement that can be read
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from crm_core.errors import Conflict, Invalid, NotFound


class UnknownPeriod(NotFound):
    code = "unknown_period"

    def __init__(self, period_id: int) -> None:
        super().__init__(f"There is no accounting period {period_id}.")


class UnknownParty(NotFound):
    code = "unknown_party"

    def __init__(self, kind: str, party: str) -> None:
        super().__init__(f"There is no {kind} “{party}”.", fields={"party_code": "unknown"})


class UnknownSettlement(NotFound):
    code = "unknown_settlement"


class NotNext(Conflict):
    code = "not_next_period"


class PeriodNotOver(Conflict):
    code = "period_not_over"

    def __init__(self, ends: date) -> None:
        super().__init__(
            f"The period lasts until {ends}: close it when that day is over.",
            fields={"ends": ends.isoformat()},
        )


class PeriodNotReady(Conflict):
    code = "period_not_ready"

    def __init__(self, counts: Mapping[str, int]) -> None:
        told = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
        super().__init__(
            f"Something of this period is still open ({told}): settle it, or close despite it.",
            fields=dict(counts),
        )


class BookingsUnderWay(Conflict):
    code = "bookings_under_way"

    def __init__(self) -> None:
        super().__init__("Bookings are under way just now: try again in a moment.")


class PeriodChanged(Conflict):
    code = "period_changed"

    def __init__(self, version: int) -> None:
        super().__init__(
            "Somebody else has changed this period: look at it as it is now.",
            fields={"version": version},
        )


class DraftOpen(Conflict):
    code = "draft_open"

    def __init__(self, settlement_id: int) -> None:
        super().__init__(
            "There is a draft with this party already: confirm or discard it first.",
            fields={"settlement_id": settlement_id},
        )


class SettlementState(Conflict):
    code = "settlement_state"

    def __init__(self, state: str) -> None:
        super().__init__(
            f"The settlement is {state}: that cannot be done now.", fields={"state": state}
        )


class SettlementChanged(Conflict):
    code = "settlement_changed"

    def __init__(self, version: int) -> None:
        super().__init__(
            "Somebody else has changed this settlement: look at it as it is now.",
            fields={"version": version},
        )


class OpenDifferences(Conflict):
    code = "open_differences"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} differences are still open: resolve them first.", fields={"open": count}
        )


class DifferenceResolved(Conflict):
    code = "difference_resolved"

    def __init__(self) -> None:
        super().__init__("Somebody has resolved this difference already.")


class MoreThanBalance(Conflict):
    code = "more_than_balance"

    def __init__(self, left: Decimal) -> None:
        super().__init__(
            f"Only {left} is left to be paid of this settlement.", fields={"left": str(left)}
        )


class AlreadyEntered(Conflict):
    code = "already_entered"

    def __init__(self, reference: str) -> None:
        super().__init__(f"“{reference}” is entered already.", fields={"reference": "entered"})


class BadPartyStatement(Invalid):
    code = "bad_party_statement"
