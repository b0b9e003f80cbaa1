"""Every table of this package."""

from ivr.line.tables import LineVersion

__all__ = ["LineVersion"]
