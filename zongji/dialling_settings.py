"""When Zongji itself may ring people, and how often."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from acd.hours import DAY, several, span_of
from dialer.rules import areas
from dialer.rules.caps import Cap, cap_of
from dialer.rules.hours import Hours, Window
from dialer.rules.verdict import DialRules
from zongji.section import Section

_SHIPPED = DialRules()


def _window(value: Any) -> Window:
    span = span_of(value)
    if span.end >= DAY:
        raise ValueError(f"“{value}” goes on until midnight or beyond: nobody is rung at night")
    return time(*divmod(span.start, 60)), time(*divmod(span.end, 60))


def _cap(value: Any) -> Cap:
    return value if isinstance(value, Cap) else cap_of(str(value))


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {value!r}: write Asia/Urumqi") from error
    return value


Windows = Annotated[
    tuple[Annotated[Window, BeforeValidator(_window)], ...],
    BeforeValidator(several),
    Field(min_length=1),
]
Caps = Annotated[
    tuple[Annotated[Cap, BeforeValidator(_cap)], ...],
    BeforeValidator(several),
    Field(min_length=1, max_length=8),
]
Zones = Annotated[
    tuple[Annotated[str, AfterValidator(_zone)], ...],
    BeforeValidator(several),
    Field(min_length=1),
]


class DiallingSettings(Section):
    """Hours such as "09:00-12:00" in which somebody may be rung, by the clock of where the callee is; caps such as "3/24h"
    for how often a number is dialled in all, whatever for.
    """

    callback_hours: Windows = Field(
        default=_SHIPPED.callback_hours.windows, description="who asked for it, or gave up waiting"
    )
    campaign_hours: Windows = Field(
        default=_SHIPPED.campaign_hours.windows, description="the lists of campaigns"
    )
    message_hours: Windows = Field(
        default=_SHIPPED.message_hours.windows, description="messages that are said or faxed"
    )
    campaigns_on_holidays: bool = Field(
        default=_SHIPPED.campaign_hours.holidays, description="China's official ones"
    )
    campaigns_on_weekends: bool = Field(
        default=_SHIPPED.campaign_hours.weekends,
        description="a weekend's day that is worked for a holiday is none",
    )
    callback_caps: Caps = Field(default=_SHIPPED.callback_caps)
    campaign_caps: Caps = Field(default=_SHIPPED.campaign_caps)
    message_caps: Caps = Field(default=_SHIPPED.message_caps)
    abandoned_hours: int = Field(
        default=_SHIPPED.abandoned_for // timedelta(hours=1),
        ge=0,
        le=240,
        description="so long after an abandoned call no campaign rings without an agent reserved for it",
    )
    zones: Mapping[str, Zones] = Field(
        default={},
        description="time zones of numbers (“+1415”) and of provinces and cities (“新疆”), besides those shipped",
    )

    def rules(self, zone: ZoneInfo) -> DialRules:
        on_holidays, on_weekends = self.campaigns_on_holidays, self.campaigns_on_weekends
        return DialRules(
            zone=zone,
            campaign_hours=Hours(self.campaign_hours, holidays=on_holidays, weekends=on_weekends),
            callback_hours=Hours(self.callback_hours),
            message_hours=Hours(self.message_hours),
            campaign_caps=self.campaign_caps,
            callback_caps=self.callback_caps,
            message_caps=self.message_caps,
            abandoned_for=timedelta(hours=self.abandoned_hours),
            zones={**areas.SHIPPED, **self.zones},
        )
