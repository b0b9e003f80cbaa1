"""Reasons for breaks. Rule: those of the line as it is now."""

from acd.service import AcdService
from crm_core.errors import Invalid


def known_break(acd: AcdService, reason: str | None) -> str:
    """The reason itself. Raises Invalid when the line has no such one."""
    known = [each.code for each in acd.break_reasons()]
    if reason is None or reason not in known:
        raise Invalid(
            f"A break needs a reason: one of {', '.join(known)}.", fields={"reason": "unknown"}
        )
    return reason
