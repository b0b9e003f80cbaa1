"""What people may type. Rule: every visible sign and every kind of space is kept (full-width ones
too); control characters, which could harm a terminal, a file or a protocol, are refused.
"""

import unicodedata

_KEPT = "\n\t"


def is_control(sign: str) -> bool:
    """A control character other than a line break or tab, or half of a broken character."""
    return unicodedata.category(sign) in ("Cc", "Cs") and sign not in _KEPT


def printable(text: str) -> str:
    """The text itself. Raises ValueError."""
    if any(map(is_control, text)):
        raise ValueError("control characters and broken characters cannot be kept")
    return text
