"""How an attempt ended, and when the number is dialled again after that; whether it may be is `dialer.rules`' matter.

Rule: pure. Results and their redial times follow the usual dispositions by Q.850 cause and SIP code.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Purpose = Literal["callback", "campaign", "message"]
Result = Literal[
    "reached",
    "abandoned",
    "busy",
    "no_answer",
    "switched_off",
    "invalid_number",
    "rejected",
    "congestion",
    "machine",
    "called_in",
    "unknown",
]

CALLBACK_ATTEMPTS = 5
"""A call-back tried so often without reaching anybody is closed as unreachable, and somebody is asked to see to it."""

FURTHEST_ASKED = timedelta(days=92)
"""Nobody may ask to be called back later than that."""

FURTHEST_PUT_OFF = timedelta(days=31)
"""No rule puts an attempt off for longer: the longest cap, and then the longest run of days off."""


_CAUSES: dict[int, Result] = {
    1: "invalid_number",
    22: "invalid_number",
    28: "invalid_number",
    17: "busy",
    18: "no_answer",
    19: "no_answer",
    20: "switched_off",
    21: "rejected",
    34: "congestion",
    38: "congestion",
    42: "congestion",
    102: "congestion",
}


def classify(cause: int) -> Result:
    """The disposition for a Q.850 hang-up cause of a call that nobody answered."""
    return _CAUSES.get(cause, "no_answer")


@dataclass(frozen=True, slots=True)
class Retry:
    """When to call again; None: never. `counts`: whether it used up one of the attempts, `keeps_place`: whether the
    callee, who was not at fault, comes back to the old place in the line.
    """

    after: timedelta | None
    counts: bool = True
    keeps_place: bool = False


_RETRIES: dict[Result, Retry] = {
    "reached": Retry(None),
    "abandoned": Retry(timedelta(minutes=1), keeps_place=True),
    "busy": Retry(timedelta(minutes=10)),
    "no_answer": Retry(timedelta(hours=2)),
    "switched_off": Retry(timedelta(hours=4)),
    "invalid_number": Retry(None),
    "rejected": Retry(None),
    "congestion": Retry(timedelta(minutes=2), counts=False, keeps_place=True),
    "machine": Retry(timedelta(hours=4)),
    "called_in": Retry(timedelta(), counts=False, keeps_place=True),
    "unknown": Retry(None),
}


def retry_for(result: Result) -> Retry:
    """The redial rule for a result."""
    return _RETRIES[result]
