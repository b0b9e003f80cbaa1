"""May this number be dialled now, and if not, why and when again?

Rule: pure. What is known of the number, the clock and the rules are arguments; the answer is one Verdict. It is asked at
the moment of dialling, under the number's lock (`dialer.standing`), never only when a list is loaded. To know more
against a call never makes it allowed.

Sources: calling hours 9–12 and 14–21 and few calls a day, an hour and a few minutes are what Chinese carriers and
platforms ask of outbound marketing (阿里云 226794, 火山引擎 80242); none on public holidays and rest hours is what the
MIIT asks of call centres; no campaign call for 72 hours after an abandoned one unless an agent is guaranteed is Ofcom's.
A requested call-back may use the longer waking hours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from dialer.policy import Purpose, Result
from dialer.rules import areas
from dialer.rules.areas import Zones, areas_of
from dialer.rules.caps import Cap, frees_at
from dialer.rules.hours import Area, Hours

Listed = Literal["do_not_call", "campaign_do_not_call", "imported_do_not_call"]
Reason = Literal[
    "allowed",
    "do_not_call",
    "campaign_do_not_call",
    "imported_do_not_call",
    "no_consent",
    "opted_out",
    "area_unknown",
    "outside_hours",
    "holiday",
    "weekend",
    "attempts_used_up",
    "abandoned_lately",
]

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_ROUNDS = 60
_MOST_WORDS = 180
_T = TypeVar("_T")


_CAMPAIGN_HOURS = Hours(((time(9), time(12)), (time(14), time(21))), holidays=False)
_CALLBACK_HOURS = Hours(((time(7), time(22)),))
_MESSAGE_HOURS = Hours(((time(8), time(21)),))
_CAMPAIGN_CAPS = (Cap(1, 10 * _MINUTE), Cap(2, _HOUR), Cap(3, _DAY), Cap(7, _WEEK))
_CALLBACK_CAPS = (Cap(4, _HOUR), Cap(6, _DAY), Cap(15, _WEEK))
_MESSAGE_CAPS = (Cap(3, _DAY),)


@dataclass(frozen=True, slots=True)
class DialRules:
    """What the law asks, unless the settings say otherwise. `zone` is where numbers without a country are at home.

    `abandoned_for`: so long after an abandoned call no campaign rings the number without an agent reserved for it.
    """

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    campaign_hours: Hours = _CAMPAIGN_HOURS
    callback_hours: Hours = _CALLBACK_HOURS
    message_hours: Hours = _MESSAGE_HOURS
    campaign_caps: tuple[Cap, ...] = _CAMPAIGN_CAPS
    callback_caps: tuple[Cap, ...] = _CALLBACK_CAPS
    message_caps: tuple[Cap, ...] = _MESSAGE_CAPS
    abandoned_for: timedelta = timedelta(hours=72)
    zones: Zones = field(default_factory=lambda: areas.SHIPPED)
    version: str = "2026-2"

    def hours(self, purpose: Purpose) -> Hours:
        return _of(purpose, self.callback_hours, self.campaign_hours, self.message_hours)

    def caps(self, purpose: Purpose) -> tuple[Cap, ...]:
        return _of(purpose, self.callback_caps, self.campaign_caps, self.message_caps)

    def areas(self, standing: "Standing") -> tuple[Area, ...]:
        """Where the callee may be; nothing when that is not known."""
        return areas_of(standing.number, standing.places, self.zone, self.zones)

    @property
    def memory(self) -> timedelta:
        """How far back attempts count."""
        every = (*self.campaign_caps, *self.callback_caps, *self.message_caps)
        return max(self.abandoned_for, *(cap.within for cap in every))

    def describe(self, purpose: Purpose, where: Sequence[Area] = ()) -> str:
        """What the ledger keeps as the rule that allowed a call."""
        caps = " ".join(map(str, self.caps(purpose)))
        zones = "+".join(area.zone.key for area in where) or self.zone.key
        return f"{self.version} {purpose} {self.hours(purpose)} {zones} max {caps}"[:_MOST_WORDS]


@dataclass(frozen=True, slots=True)
class Made:
    """The number was dialled then; `result` None: it is out."""

    at: datetime
    result: Result | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a number when it is to be dialled.

    `places` are the provinces of the number and of the customer's addresses, `made` what was dialled in the rules'
    memory, in any campaign. `listed`: the list that keeps it from being dialled for this; `opted_out`: the customer wants
    no such call; `consent`: the one that holds now, which may be needed.
    """

    number: str
    listed: Listed | None = None
    opted_out: bool = False
    needs_consent: bool = False
    consent: int | None = None
    places: Sequence[str] = ()
    made: Sequence[Made] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is a stable code; `retry_at` is when it will be allowed as far as is known, None for never."""

    allowed: bool
    reason: Reason
    retry_at: datetime | None = None


def may_dial(
    purpose: Purpose, now: datetime, standing: Standing, rules: DialRules, *, reserved: bool = True
) -> Verdict:
    """`reserved`: an agent waits for this call, so that it cannot be abandoned."""
    if standing.listed is not None:
        return Verdict(allowed=False, reason=standing.listed)
    if standing.needs_consent and standing.consent is None:
        return Verdict(allowed=False, reason="no_consent")
    if standing.opted_out:
        return Verdict(allowed=False, reason="opted_out")
    where = rules.areas(standing)
    if not where:
        if purpose == "campaign":
            return Verdict(allowed=False, reason="area_unknown")
        where = (Area(rules.zone),)
    asked = _Asked(purpose, standing.made, rules, where, reserved=reserved)
    reason = asked.reason(now)
    if reason is None:
        return Verdict(allowed=True, reason="allowed")
    return Verdict(allowed=False, reason=reason, retry_at=asked.free_at(now))


@dataclass(frozen=True, slots=True)
class _Asked:
    """The rules that time alone opens again."""

    purpose: Purpose
    made: Sequence[Made]
    rules: DialRules
    where: tuple[Area, ...]
    reserved: bool

    def reason(self, now: datetime) -> Reason | None:
        closed = self.rules.hours(self.purpose).closed(now, self.where)
        if closed is not None:
            return closed
        if self._caps_free_at(now) is not None:
            return "attempts_used_up"
        if self._lock_out_ends(now) is not None:
            return "abandoned_lately"
        return None

    def free_at(self, now: datetime) -> datetime | None:
        """When none of them stands against it; None: never."""
        at = now
        for _ in range(_ROUNDS):
            opens = self.rules.hours(self.purpose).next_opening(at, self.where)
            if opens is None:
                return None
            later = max(
                opens, self._caps_free_at(opens) or opens, self._lock_out_ends(opens) or opens
            )
            if later == at:
                return at
            at = later
        return at

    def _caps_free_at(self, now: datetime) -> datetime | None:
        """What never reached the telephone, such as a trunk that was full, does not count."""
        made = [each.at for each in self.made if each.result != "congestion"]
        return frees_at(now, self.rules.caps(self.purpose), made)

    def _lock_out_ends(self, now: datetime) -> datetime | None:
        if self.purpose != "campaign" or self.reserved:
            return None
        lasts = self.rules.abandoned_for
        abandoned = (each.at for each in self.made if each.result == "abandoned")
        return max((at + lasts for at in abandoned if abs(now - at) < lasts), default=None)


def _of(purpose: Purpose, callback: _T, campaign: _T, message: _T) -> _T:
    by: Mapping[Purpose, _T] = {"callback": callback, "campaign": campaign, "message": message}
    return by[purpose]
