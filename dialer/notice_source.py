"""What notices ask of the dialler: which numbers are never called, nor written to."""

from sqlalchemy import Select, select

from dialer.tables import DoNotCall


def never_called() -> Select[str]:
    return select(DoNotCall.number)
