"""What stock gives an alarm for."""

from enum import StrEnum


class AlarmKind(StrEnum):
    """`short`: orders hold goods that may no longer be sold."""

    LOW = "low"
    EXPIRING = "expiring"
    SHORT = "short"
