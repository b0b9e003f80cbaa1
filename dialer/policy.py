"""May this number be dialled now, and when again after a result?

Rule: pure. The list, the clock and the attempts made so far are arguments; the answer is a Verdict
that says why. It is asked again at the moment of dialling, never only when a list is loaded.

Sources: calling hours 9–12 and 14–21 and at most a few calls a day are what Chinese carriers and
platforms ask of outbound marketing; a requested call-back may use the longer waking hours. Results
and their redial times follow the usual dispositions by Q.850 cause and SIP code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

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
    "called_in",
    "unknown",
]
Window = tuple[time, time]

CALLBACK_ATTEMPTS = 5
"""A call-back tried so often without reaching anybody is closed as unreachable, and somebody is asked to see to it."""

FURTHEST_ASKED = timedelta(days=92)
"""Nobody may ask to be called back later than that."""

FURTHEST_PUT_OFF = timedelta(hours=26)
"""No rule puts an attempt off for longer."""


@dataclass(frozen=True, slots=True)
class DialRules:
    """What the law asks, unless the settings say otherwise: windows are local times of day, attempts are per number in
    24 hours.
    """

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    campaign_hours: tuple[Window, ...] = ((time(9), time(12)), (time(14), time(21)))
    callback_hours: tuple[Window, ...] = ((time(7), time(22)),)
    message_hours: tuple[Window, ...] = ((time(8), time(21)),)
    attempts_per_day: int = 3
    version: str = "2026-1"

    def hours(self, purpose: Purpose) -> tuple[Window, ...]:
        return {
            "callback": self.callback_hours,
            "campaign": self.campaign_hours,
            "message": self.message_hours,
        }[purpose]

    def describe(self, purpose: Purpose) -> str:
        """What the ledger keeps as the rule that allowed a call."""
        hours = " ".join(f"{a:%H:%M}-{b:%H:%M}" for a, b in self.hours(purpose))
        return f"{self.version} {purpose} {hours} max {self.attempts_per_day}/24h"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is a stable code; `retry_at` is when asking again makes sense, None for never."""

    allowed: bool
    reason: Literal["allowed", "do_not_call", "opted_out", "outside_hours", "attempts_used_up"]
    retry_at: datetime | None = None


def may_dial(
    purpose: Purpose,
    now: datetime,
    *,
    rules: DialRules,
    on_list: bool,
    opted_out: bool = False,
    earlier: Sequence[datetime] = (),
) -> Verdict:
    """`opted_out`: the customer wants no such call; `earlier` holds the times at which the number was dialled before,
    in any campaign.
    """
    if on_list:
        return Verdict(allowed=False, reason="do_not_call")
    if opted_out:
        return Verdict(allowed=False, reason="opted_out")
    opens = next_opening(now, rules.hours(purpose), rules.zone)
    if opens > now:
        return Verdict(allowed=False, reason="outside_hours", retry_at=opens)
    day = timedelta(days=1)
    recent = sorted(at for at in earlier if now - day < at < now + day)
    if len(recent) >= rules.attempts_per_day:
        free = recent[-rules.attempts_per_day] + timedelta(days=1)
        return Verdict(allowed=False, reason="attempts_used_up", retry_at=free)
    return Verdict(allowed=True, reason="allowed")


def next_opening(now: datetime, hours: Sequence[Window], zone: ZoneInfo) -> datetime:
    """`now` when a window is open, else the beginning of the next one (windows: start ≤ t < end)."""
    local = now.astimezone(zone)
    if any(start <= local.time() < end for start, end in hours):
        return now
    starts = [
        datetime.combine(local.date() + timedelta(days=day), start, zone)
        for day in (0, 1)
        for start, _ in hours
    ]
    return min(start for start in starts if start > local)


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
    "called_in": Retry(timedelta(), counts=False, keeps_place=True),
    "unknown": Retry(None),
}


def retry_for(result: Result) -> Retry:
    """The redial rule for a result."""
    return _RETRIES[result]
