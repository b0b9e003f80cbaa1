"""When Zongji itself may ring people, and how often."""

from datetime import time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from acd.hours import DAY, several, span_of
from dialer.policy import DialRules, Window
from zongji.section import Section

_SHIPPED = DialRules()


def _window(value: Any) -> Window:
    span = span_of(value)
    if span.end >= DAY:
        raise ValueError(f"“{value}” goes on until midnight or beyond: nobody is rung at night")
    return time(*divmod(span.start, 60)), time(*divmod(span.end, 60))


Hours = Annotated[
    tuple[Annotated[Window, BeforeValidator(_window)], ...],
    BeforeValidator(several),
    Field(min_length=1),
]


class DiallingSettings(Section):
    """Hours by the house's clock (`timezone`), such as "09:00-12:00", in which somebody may be rung."""

    callback_hours: Hours = Field(
        default=_SHIPPED.callback_hours, description="who asked for it, or gave up waiting"
    )
    campaign_hours: Hours = Field(
        default=_SHIPPED.campaign_hours, description="the lists of campaigns"
    )
    message_hours: Hours = Field(
        default=_SHIPPED.message_hours, description="messages that are said or faxed"
    )
    attempts_per_day: int = Field(
        default=_SHIPPED.attempts_per_day, ge=1, le=20, description="of one number in 24 hours"
    )

    def rules(self, zone: ZoneInfo) -> DialRules:
        return DialRules(
            zone,
            self.campaign_hours,
            self.callback_hours,
            self.message_hours,
            self.attempts_per_day,
        )
